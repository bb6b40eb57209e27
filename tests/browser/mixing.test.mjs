// What a program mixes into a stream and takes out of it, in real browsers.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { BROWSERS, mediaAddress, startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { tonePcm, writeWav } from "./rig/wav.mjs";

/** Of the microphone (in Chromium; Firefox has its own), of a MediaStream and of a media element; no one is a harmonic of another. */
const [VOICE, SONG, FILM] = [440, 587, 739];
const LEAST = 0.15;

for (const name of BROWSERS) {
  test(`a listener hears what is mixed in while the microphone is muted, and so do its frames, in ${name}`, async (t) => {
    const folder = workFolder(t);
    const site = await startSite(t);
    const server = await Server.start(t, folder, { allowedOrigins: [site], media: mediaAddress(name) });
    const microphone = path.join(folder, "voice.wav");
    writeWav(microphone, tonePcm(VOICE, 1));
    const browser = await startBrowser(t, name, { microphone });
    const speaker = await joinInPage(browser, site, server, { roomID: "r", userID: "alice" });
    await speaker.do("publish", "show");
    const listener = await joinInPage(browser, site, server, { roomID: "r", userID: "bob" });
    await listener.do("play", "show");
    const hears = (hz, ms = PATIENCE_MS) => listener.do("amplitude", "show", hz, ms, LEAST);

    assert.equal(await speaker.do("mix", "stream", SONG), true);
    assert.equal(await speaker.do("mix", "element", FILM), true);
    for (const hz of [SONG, FILM]) assert.ok((await hears(hz)) >= LEAST, `${hz} Hz`);
    if (name === "chromium") assert.ok((await hears(VOICE)) >= LEAST, "the microphone");

    await speaker.do("muteMicrophone", true);
    assert.ok((await hears(SONG)) >= LEAST, "the mix goes on");
    for (const [options, samples] of [
      [{ frameSize: 4096, sampleRate: 16_000 }, [4096]],
      [{ sampleRate: 44_100, channelCount: 2, bitDepth: 16 }, [4096, 4096]],
    ]) {
      const frame = await listener.do("toneInFrames", "show", options, SONG, PATIENCE_MS, LEAST);
      t.diagnostic(JSON.stringify(frame));
      assert.ok(frame.amplitude >= LEAST);
      assert.deepEqual([frame.samples, frame.sampleRate], [samples, options.sampleRate]);
    }

    await speaker.do("stopMixing");
    await speaker.do("muteMicrophone", false);
    await waitUntil(async () => (await hears(SONG, 0)) < 0.05, "nothing is mixed in any more");
    // What Firefox captures is a tone of its own.
    const least = name === "chromium" ? LEAST : 0;
    const options = { frameSize: 2048, sampleRate: 8_000 };
    const frame = await speaker.do("toneInFrames", "", options, VOICE, PATIENCE_MS, least);
    assert.deepEqual([frame.amplitude >= least, frame.samples], [true, [2048]], "frames of what is captured");
    if (name === "chromium") assert.ok((await hears(VOICE)) >= LEAST);
    assert.deepEqual([speaker.page.complaints, listener.page.complaints], [[], []]);
  });
}

async function waitUntil(isTrue, what) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isTrue())) assert.ok(Date.now() < deadline, what);
}
