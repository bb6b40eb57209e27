import assert from "node:assert/strict";
import test from "node:test";

import { signalURLs } from "../../base/server-address.js";

const HTTP = { protocol: "http:", host: "127.0.0.1:8080" };
const HTTPS = { protocol: "https:", host: "voice.example.com" };

test("addresses become the URLs of the signalling socket", () => {
  const table = [
    ["ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/signal"],
    ["wss://voice.example.com/", "wss://voice.example.com/v1/signal"],
    ["http://127.0.0.1:8080/", "ws://127.0.0.1:8080/v1/signal"],
    ["HTTPS://Voice.Example.com/base", "wss://voice.example.com/base/v1/signal"],
    ["localhost:8080", "ws://localhost:8080/v1/signal"],
    ["[::1]:8080", "ws://[::1]:8080/v1/signal"],
    [" 10.0.0.1 ", "ws://10.0.0.1/v1/signal"],
    ["wss://voice.example.com/v1/signal", "wss://voice.example.com/v1/signal"],
    ["wss://voice.example.com/v1/signal/", "wss://voice.example.com/v1/signal"],
  ];
  for (const [given, expected] of table) {
    assert.deepEqual(signalURLs(given, HTTP), [expected], given);
  }
});

test("nothing is the server that the page came from", () => {
  for (const nothing of ["", " ", null, undefined, [], [""]]) {
    assert.deepEqual(signalURLs(nothing, HTTP), ["ws://127.0.0.1:8080/v1/signal"]);
    assert.deepEqual(signalURLs(nothing, HTTPS), ["wss://voice.example.com/v1/signal"]);
  }
});

test("an address without a scheme is wss on an https page, where a browser forbids ws", () => {
  assert.deepEqual(signalURLs("other.example.com", HTTPS), ["wss://other.example.com/v1/signal"]);
});

test("several addresses are kept in their order", () => {
  assert.deepEqual(signalURLs(["a:1", "wss://b"], HTTP), ["ws://a:1/v1/signal", "wss://b/v1/signal"]);
});

test("addresses that cannot be used are refused with 1100001", () => {
  const texts = ["ws://", "ftp://host", "host:99999", "ws://u:p@host", "two words", "[::1", "host/?a=1", "host/#x"];
  for (const server of [...texts, 7, {}, ["a:1", "ftp://b"], [["a"]]]) {
    assert.throws(() => signalURLs(server, HTTP), { code: 1100001 }, JSON.stringify(server));
  }
  for (const nowhere of [undefined, { protocol: "file:", host: "" }]) {
    assert.throws(() => signalURLs("", nowhere), { code: 1100001 });
  }
});
