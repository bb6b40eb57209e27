// WHIP by plain fetch in real browsers: ICE begun anew in mid-speech, and pages of origins that nobody allowed.
// That each browser publishes and plays this way, and who hears it, is tests/interop's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { BROWSERS, mediaAddress, openPage, startBrowser } from "./rig/browsers.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { token } from "./rig/tokens.mjs";
import { toneInWav } from "./rig/wav.mjs";

const HZ = 600;

/** Calls a function of pages/whip.js. */
function act(page, name, ...args) {
  return page.evaluate(async (name, args) => (await import("/whip.js"))[name](...args), name, args);
}

for (const name of BROWSERS) {
  test(`${name} begins ICE anew by PATCH and is heard through it`, async (t) => {
    const site = await startSite(t);
    const folder = workFolder(t);
    const server = await Server.start(t, folder, { allowedOrigins: [site], media: mediaAddress(name) });
    const browser = await startBrowser(t, name);
    const page = await openPage(browser, `${site}/blank.html`);
    await act(page, "publish", `${server.url}/whip/s?room=r`, token("alice"), HZ);
    const before = await act(page, "sendingFragment");
    const wav = path.join(folder, "heard.wav");
    const who = { room: "r", user: "bob", stream: "s", folder };
    const listener = server.native(t, "play", who, "--wav", wav, "--seconds", "6");
    await listener.line("that it plays", (line) => line.includes("PLAYING"));

    const fragment = await act(page, "restartIce");
    assert.notEqual(fragment, before);
    const deadline = Date.now() + PATIENCE_MS;
    while ((await act(page, "sendingFragment")) !== fragment) {
      assert.ok(Date.now() < deadline, "media does not come from the new ICE session");
    }
    assert.equal(await listener.ended, 0, listener.log);
    const heard = readFileSync(wav);
    t.diagnostic(`amplitude ${toneInWav(heard, HZ).toFixed(3)}, longest silence ${longestSilenceMs(heard)} ms`);
    assert.ok(toneInWav(heard, HZ) > 0.45);
    assert.ok(longestSilenceMs(heard) < 100, `silent for ${longestSilenceMs(heard)} ms`);
    const health = await (await fetch(`${server.url}/healthz`)).json();
    assert.equal(health.media.ice_restarts, 1);
    assert.deepEqual(await act(page, "leave"), [200]);
  });
}

test("a page of an origin that is not allowed can neither publish nor read why not", async (t) => {
  const site = await startSite(t);
  const server = await Server.start(t, workFolder(t));
  const browser = await startBrowser(t, "chromium");
  const page = await openPage(browser, `${site}/blank.html`);
  await assert.rejects(act(page, "publish", `${server.url}/whip/s?room=r`, token("alice"), HZ), /Failed to fetch/);
  const health = await (await fetch(`${server.url}/healthz`)).json();
  assert.deepEqual([health.rooms.hosted_begun, health.http.foreign_origins > 0], [0, true]);
});

/** The longest run of samples below 1 % behind the first sound. */
function longestSilenceMs(wav) {
  const data = wav.subarray(wav.indexOf("data") + 8);
  let [longest, run, began] = [0, 0, false];
  for (let at = 0; at + 1 < data.length; at += 2) {
    const quiet = Math.abs(data.readInt16LE(at)) < 328;
    began ||= !quiet;
    run = quiet && began ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest / 48;
}
