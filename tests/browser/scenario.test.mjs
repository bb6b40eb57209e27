// Scenarios in real browsers: how much sound a packet holds is theirs to do as they are told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BROWSERS, mediaAddress, startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";

const KARAOKE = 9;

for (const name of BROWSERS) {
  test(`a page under karaoke sends packets of 10 ms, and another one hears them whole, in ${name}`, async (t) => {
    const site = await startSite(t);
    const server = await Server.start(t, workFolder(t), { allowedOrigins: [site], media: mediaAddress(name) });
    const browser = await startBrowser(t, name);
    const singer = await joinInPage(browser, site, server, { roomID: "r", userID: "alice", scenario: KARAOKE });
    await singer.do("publish", "song");
    const listener = await joinInPage(browser, site, server, { roomID: "r", userID: "bob" });
    await listener.do("play", "song");

    const { audio } = await nextQuality(listener, "song");
    t.diagnostic(JSON.stringify(audio));
    assert.ok(audio.audioFPS > 90 && audio.audioFPS < 110, `${audio.audioFPS} packets a second`);
    const heard = audio.audioCumulativeDecodeTime / (audio.audioCumulativeDecodeTime + audio.concealedSamples / 48);
    assert.ok(heard > 0.9, `${heard} of the time is no concealment`);
  });
}

/** The second report of a stream that is played: an interval that is whole. */
async function nextQuality(listener, streamID) {
  const deadline = Date.now() + PATIENCE_MS;
  let first;
  while (Date.now() < deadline) {
    const quality = await listener.do("quality", streamID);
    first ??= quality;
    if (quality && quality.audio.packetsReceived > first.audio.packetsReceived) return quality;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("no second report of quality");
}
