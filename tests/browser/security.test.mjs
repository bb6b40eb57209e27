// What strangers may try: at the server by hand, and by pages of theirs in a real browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, startBrowser } from "./rig/browsers.mjs";
import { workFolder } from "./rig/process.mjs";
import { rawRequest } from "./rig/raw.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { token } from "./rig/tokens.mjs";

/** More than any request may have. */
const TOO_MUCH = "x".repeat(4 * 1024 * 1024);

test("a page of a foreign origin gets no WebSocket, one of an allowed origin does", async (t) => {
  const [site, foreign] = [await startSite(t), await startSite(t)];
  const server = await Server.start(t, workFolder(t), { allowedOrigins: [site] });
  const browser = await startBrowser(t, "chromium");
  const opens = (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    });
  for (const [origin, welcome] of [
    [foreign, false],
    [site, true],
    [server.url, true],
  ]) {
    const page = await openPage(browser, origin === server.url ? `${origin}/sdk/express.js` : `${origin}/blank.html`);
    assert.equal(await page.evaluate(opens, `${server.signalling}/v1/signal`), welcome, origin);
  }
  const health = await (await fetch(`${server.url}/healthz`)).json();
  assert.equal(health.http.foreign_origins, 1);
});

test("a path that leaves the folder of the web files leads nowhere", async (t) => {
  const server = await Server.start(t, workFolder(t));
  const paths = [
    "/sdk/../../etc/passwd",
    "/sdk/../../../../../../../../etc/passwd",
    "/sdk/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/sdk/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
    "/sdk/..\\..\\..\\..\\etc\\passwd",
    "/sdk/%252e%252e/%252e%252e/etc/passwd",
    "//etc/passwd",
    "/sdk//etc/passwd",
    "/sdk/express.js/../../../../etc/passwd",
    "/sdk/express.js%00.html",
    "../../etc/passwd",
    "/console/../../Cargo.toml",
  ];
  for (const path of paths) {
    const { status, text } = await rawRequest(server.address, [`GET ${path} HTTP/1.1`, `Host: ${server.address}`]);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
    assert.doesNotMatch(text, /root:|\[package\]/, path);
  }
  assert.equal((await fetch(`${server.url}/sdk/express.js`)).status, 200);
});

test("bodies and frames that are too large are refused, and the server goes on", async (t) => {
  const server = await Server.start(t, workFolder(t));
  const head = (path, ...more) => [`POST ${path} HTTP/1.1`, `Host: ${server.address}`, ...more];
  const sdp = ["Content-Type: application/sdp", `Authorization: Bearer ${token("alice")}`];
  const requests = [
    [head("/v1/dev-token", "Content-Type: application/json"), [400, 413]],
    [head("/whip/s?room=r", ...sdp), [413]],
    [head("/whep/s?room=r", ...sdp), [413]],
    [head("/"), [404, 405, 413]],
  ];
  for (const [request, wanted] of requests) {
    const { status } = await rawRequest(server.address, request, TOO_MUCH);
    assert.ok(wanted.includes(status), `${request[0]}: ${status}`);
  }
  const browser = await startBrowser(t, "chromium");
  const page = await openPage(browser, `${server.url}/sdk/express.js`);
  const closedWith = (url, text) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => socket.send(text);
      socket.onclose = ({ code }) => resolve(code);
    });
  assert.equal(await page.evaluate(closedWith, `${server.signalling}/v1/signal`, "x".repeat(70_000)), 1009);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
});

test("a name that a stranger's DNS points here gets no development token", async (t) => {
  const server = await Server.start(t, workFolder(t), { configured: false });
  const body = JSON.stringify({ user_id: "alice" });
  const ask = (host) =>
    rawRequest(server.address, ["POST /v1/dev-token HTTP/1.1", `Host: ${host}`, "Content-Type: application/json"], body);
  assert.equal((await ask(server.address)).status, 200);
  assert.equal((await ask("evil.example")).status, 404);
  const port = server.address.split(":")[1];
  assert.equal((await ask(`evil.example:${port}`)).status, 404);

  // The same by a browser whose DNS lies: to it, the page and the token are of one origin.
  const browser = await startBrowser(t, "chromium", { args: ["--host-resolver-rules=MAP evil.example 127.0.0.1"] });
  const statusOf = (body) =>
    fetch("/v1/dev-token", { method: "POST", headers: { "Content-Type": "application/json" }, body }).then(
      (answer) => answer.status,
    );
  for (const [host, status] of [
    ["127.0.0.1", 200],
    ["evil.example", 404],
  ]) {
    const page = await openPage(browser, `http://${host}:${port}/sdk/express.js`);
    assert.equal(await page.evaluate(statusOf, body), status, host);
  }
});
