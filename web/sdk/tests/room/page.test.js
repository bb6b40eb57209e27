import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { MAX_LISTED } from "../../room/listing.js";
import { MAX_NODES, MAX_NODE_HOPS, MAX_NODE_URL } from "../../room/nodes.js";
import * as frames from "../../room/wire/frames.js";
import { MAX_ICE_SERVERS, MAX_ICE_TEXT } from "../../room/wire/ice-servers.js";
import { parseResult } from "../../room/wire/results.js";

const PAGE = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");
const EXAMPLES = [...PAGE.matchAll(/^```json ([^\n]+)\n(.*?)\n```$/gms)].map(([, kind, json]) => ({ kind, json }));

/** Results by request, as the page shows them. */
const of = (prefix) => EXAMPLES.filter(({ kind }) => kind === prefix || kind.startsWith(`${prefix} `));

test("every block of JSON on docs/protocol.md is an example of a known kind", () => {
  assert.equal(EXAMPLES.length, PAGE.match(/^```json/gm).length);
  const kinds = new Set(EXAMPLES.map(({ kind }) => kind.split(" ")[0]));
  assert.deepEqual([...kinds].sort(), ["error", "event", "notice", "ok", "request"]);
});

test("every event and notice of the page is understood", () => {
  for (const kind of ["event", "notice"]) {
    const examples = of(kind);
    assert.ok(examples.length >= 2);
    for (const { json } of examples) {
      const frame = frames.parseFrame(json);
      assert.equal(frame?.kind, kind, json);
      assert.notEqual(frame[kind].kind, "unknown", json);
    }
  }
});

test("every result of the page is understood", () => {
  const examples = of("ok");
  assert.ok(examples.length >= 16, `${examples.length} results`);
  for (const { kind, json } of examples) {
    const frame = frames.parseFrame(json);
    assert.equal(frame?.kind, "ok", json);
    assert.notEqual(parseResult(kind.split(" ")[1], frame.ok), undefined, json);
  }
});

test("every refusal of the page is understood", () => {
  const refusals = of("error").map(({ json }) => frames.parseFrame(json).error);
  assert.deepEqual(
    refusals.map(({ code, retryAfterMs, node }) => [code, retryAfterMs, node]),
    [
      [1104039, 1000, null],
      [1003028, null, null],
      [1002099, null, "wss://node-2.voice.example"],
    ],
  );
});

test("requests are written as the page shows them", () => {
  const examples = of("request").map(({ json }) => JSON.parse(json));
  assert.ok(examples.length >= 16);
  for (const { id, type, ...fields } of examples) {
    assert.deepEqual(JSON.parse(frames.requestText(id, type, fields)), { id, type, ...fields });
  }
});

test("limits and version are those of the page", () => {
  const grouped = (number) => number.toLocaleString("en-US");
  assert.ok(PAGE.includes(`# The signalling protocol, version ${frames.VERSION}\n`));
  for (const [what, limit] of [
    ["frame of a client", frames.MAX_CLIENT_FRAME],
    ["frame of the server", frames.MAX_SERVER_FRAME],
    ["SDP", frames.MAX_SDP],
    ["token", frames.MAX_TOKEN],
  ]) {
    assert.ok(PAGE.includes(`| ${what} | ${grouped(limit)} bytes`), what);
  }
  const ice = `| ICE servers | ${MAX_ICE_SERVERS}, of ${MAX_ICE_SERVERS} URLs each; ${MAX_ICE_TEXT} bytes for each text |`;
  assert.ok(PAGE.includes(ice));
  const nodes = `| nodes of a list | ${MAX_NODES}, of ${MAX_NODE_URL} bytes each; ${MAX_NODE_HOPS} hops of one attempt |`;
  assert.ok(PAGE.includes(nodes));
  assert.ok(PAGE.includes(`| users and streams that a client lists | ${grouped(MAX_LISTED)} each`));
});
