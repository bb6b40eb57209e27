// Speech between a page and a native program, and a room of four of both kinds.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { PATIENCE_MS, ROOT, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { score, toneInWav, tonePcm, writeWav } from "./rig/wav.mjs";

const SPEECH = path.join(ROOT, "tests/speech/jfk_male.wav");
/** Two rounds of the clip, and what a jitter buffer takes to settle. */
const ENOUGH_S = 20;
/** Good speech (PESQ-WB, ITU-T P.862.2). */
const GOOD = 3.8;
/** Speech with flaws; noise and silence stay below 1.3. A browser without a sound card that records itself drops some by itself. */
const SPEECH_IS_THERE = 2.5;
/** A shared machine stands still for some milliseconds now and then, which is heard and is nobody's fault here. */
const TRIES = 3;

test("speech of a page's microphone is recorded by a native listener with PESQ-WB 3.8 or better", async (t) => {
  const { folder, site, server } = await world(t);
  const browser = await startBrowser(t, "chromium", { microphone: SPEECH });
  const alice = await joinInPage(browser, site, server, { roomID: "r", userID: "alice" });
  await alice.do("publish", "speech");

  await isHeard(t, folder, GOOD, async (heard) => {
    const who = { room: "r", user: "bob", stream: "speech", folder };
    const play = server.native(t, "play", who, "--wav", heard, "--seconds", String(ENOUGH_S));
    assert.equal(await play.ended, 0, play.log);
  });
});

test("speech of a native program is heard in a page, whose own recording holds it", async (t) => {
  const { folder, site, server } = await world(t);
  server.native(t, "publish", { room: "r", user: "alice", stream: "speech", folder }, "--wav", SPEECH, "--loop");
  const browser = await startBrowser(t, "chromium");
  const bob = await joinInPage(browser, site, server, { roomID: "r", userID: "bob" });
  await bob.do("play", "speech");

  await isHeard(t, folder, SPEECH_IS_THERE, async (heard) => {
    writeWav(heard, Buffer.from(await bob.do("record", "speech", ENOUGH_S), "base64"));
  });
});

test("in a room of two pages and two native programs all hear all", async (t) => {
  const { folder, site, server } = await world(t);
  // One tone for each; no one is a harmonic of another.
  const tones = { carol: 440, dave: 587, erin: 739, frank: 1000 };
  const names = Object.keys(tones);
  const wav = (name) => path.join(folder, `${name}.wav`);
  for (const name of names) writeWav(wav(name), tonePcm(tones[name], 1));

  const pages = new Map();
  for (const userID of ["carol", "dave"]) {
    const browser = await startBrowser(t, "chromium", { microphone: wav(userID) });
    pages.set(userID, await joinInPage(browser, site, server, { roomID: "r", userID }));
  }
  const natives = new Map();
  for (const user of ["erin", "frank"]) {
    const record = path.join(folder, `heard-by-${user}`);
    mkdirSync(record);
    const who = { room: "r", user, stream: user, folder };
    natives.set(user, { record, program: server.native(t, "member", who, "--wav", wav(user), "--record", record) });
  }
  for (const [name, page] of pages) await page.do("publish", name);

  for (const [name, page] of pages) {
    for (const other of names.filter((other) => other !== name)) {
      await page.do("play", other);
      const amplitude = await page.do("amplitude", other, tones[other], PATIENCE_MS, 0.15);
      assert.ok(amplitude >= 0.15, `${name} hears ${other} with amplitude ${amplitude}`);
      const stranger = names.find((someone) => someone !== other && someone !== name);
      assert.ok(
        (await page.do("amplitude", other, tones[stranger], 200, 1)) < 0.05,
        `${name} hears ${stranger} where it plays ${other}`,
      );
    }
  }
  for (const [name, { record, program }] of natives) {
    assert.equal(await program.interrupt(), 0, program.log);
    for (const other of names.filter((other) => other !== name)) {
      const amplitude = toneInWav(readFileSync(path.join(record, `${other}.wav`)), tones[other]);
      assert.ok(amplitude >= 0.15, `${name} hears ${other} with amplitude ${amplitude}`);
    }
  }
});

/** Scores what `record` writes; each try is told. Not by correlation, which a player that stretches time lowers unheard. */
async function isHeard(t, folder, wanted, record) {
  const scores = [];
  while (scores.length < TRIES && !(scores.at(-1) >= wanted)) {
    const heard = path.join(folder, `heard-${scores.length}.wav`);
    await record(heard);
    const result = await score(SPEECH, heard);
    t.diagnostic(JSON.stringify(result));
    scores.push(result.pesq_wb);
  }
  assert.ok(scores.at(-1) >= wanted, `PESQ-WB ${scores.join(", ")}`);
}

async function world(t) {
  const folder = workFolder(t);
  const site = await startSite(t);
  return { folder, site, server: await Server.start(t, folder, { allowedOrigins: [site] }) };
}
