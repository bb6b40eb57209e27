// Chromium's real autoplay policy: a page that nobody has touched makes no sound.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startBrowser } from "./rig/browsers.mjs";
import { PATIENCE_MS, ROOT, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { APP_ID, token } from "./rig/tokens.mjs";

test("a page that nobody touched is told that it may not play, and plays after a click", async (t) => {
  const folder = workFolder(t);
  const site = await startSite(t);
  const server = await Server.start(t, folder, { allowedOrigins: [site] });
  const speech = ["--wav", `${ROOT}tests/speech/jfk_male.wav`, "--loop"];
  server.native(t, "publish", { room: "r", user: "alice", stream: "speech", folder }, ...speech);
  const browser = await startBrowser(t, "chromium", { autoplay: false });

  const page = await browser.newPage();
  const said = [];
  const wanted = new Map();
  page.on("console", (message) => {
    said.push(message.text());
    wanted.get(message.text())?.();
  });
  const says = (text) =>
    new Promise((resolve, reject) => {
      wanted.set(text, resolve);
      if (said.includes(text)) resolve();
      setTimeout(() => reject(new Error(`waited for ${text}; the page said ${JSON.stringify(said)}`)), PATIENCE_MS).unref();
    });
  const sdk = `${server.url}/sdk/express.js`;
  const who = {
    appID: APP_ID,
    server: server.signalling,
    sdk,
    roomID: "r",
    userID: "bob",
    streamID: "speech",
    token: token("bob"),
  };
  await page.goto(`${site}/autoplay.html?${new URLSearchParams(who)}`);

  await says("autoplayFailed");
  assert.ok(!said.includes("canPlayAudio"), JSON.stringify(said));
  // A click of the mouse, as of a user; the button stands at the top left of the page.
  await page.mouse.click(20, 20);
  await says("canPlayAudio");
});
