// What copies against loss (RED) do for Chromium: those that the server adds for a page that listens, and a page's own.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { seeded } from "../../web/sdk/tests/room/fake-env.js";
import { startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { LossyLink, burstyLoss } from "./rig/lossy.mjs";
import { PATIENCE_MS, ROOT, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { scoreRounds, writeWav } from "./rig/wav.mjs";

const SPEECH = path.join(ROOT, "tests/speech/jfk_male.wav");
const SEED = Number(process.env.SEED ?? 1);
/** Chromium reports every 5 s, and its jitter buffer takes as long again to trust in copies. */
const SETTLES_MS = 25_000;
/** Five rounds of the clip, and what is cut off at the ends. */
const RECORDED_S = 50;
/** PESQ-WB that the copies gain; 0.9 to 1.1 was measured. */
const GAIN = 0.6;
/** Without a sound card Chromium plays by a timer: where the machine stops for a moment, its jitter buffer grows and rounds are spoilt. */
const TRIES = 4;
/** The payload type that Chromium gives RED. */
const CHROMIUM_RED = 63;
/** What the page publishes with, and what of a packet is no payload: RTP with two header extensions, and the tag of AES-GCM. */
const ASKED_KBPS = 48;
const OVERHEAD_BYTES = 12 + 12 + 16;

test("a page that loses 20 % in bursts hears speech by 0.6 PESQ-WB better with the server's copies than without", async (t) => {
  const site = await startSite(t);
  const browser = await startBrowser(t, "chromium");
  let gain = 0;
  for (let attempt = 1; attempt <= TRIES && gain < GAIN; attempt += 1) {
    const [plain, copied] = await Promise.all([listen(t, browser, site, "protection_kbit = 0"), listen(t, browser, site)]);
    t.diagnostic(`try ${attempt} of ${TRIES}, without copies ${JSON.stringify(plain)}`);
    t.diagnostic(`with copies ${JSON.stringify(copied)}`);
    assert.equal(plain.types[CHROMIUM_RED], undefined, "nobody else sends copies");
    assert.ok(
      copied.concealed < plain.concealed / 2,
      `${plain.concealed} concealed without copies, ${copied.concealed} with them`,
    );
    gain = copied.pesq - plain.pesq;
  }
  assert.ok(gain >= GAIN, `in the last try ${gain} PESQ-WB better`);
});

test("a page whose own packets get lost sends each frame twice, within the bitrate that was asked for", async (t) => {
  const { site, server } = await world(t, await startSite(t));
  const browser = await startBrowser(t, "chromium", { microphone: SPEECH });
  const alice = await joinInPage(browser, site, server, { roomID: "r", userID: "alice" });
  const { counted } = await lossyWay(t, alice, { up: burstyLoss(0.1, 2, seeded(SEED)) });
  await alice.do("publish", "s");
  const deadline = Date.now() + PATIENCE_MS;
  while (!counted.up.types[CHROMIUM_RED] && Date.now() < deadline) await sleep(100);
  assert.ok(counted.up.types[CHROMIUM_RED], `payload types ${JSON.stringify(counted.up.types)}`);

  const before = structuredClone(counted.up);
  await sleep(5_000);
  const packets = counted.up.rtp - before.rtp;
  assert.equal(counted.up.types[CHROMIUM_RED] - before.types[CHROMIUM_RED], packets, "all of them are RED");
  const kbps = ((counted.up.bytes - before.bytes - packets * OVERHEAD_BYTES) * 8) / 5_000;
  t.diagnostic(`${kbps} kbit/s, ${packets} packets`);
  assert.ok(kbps <= ASKED_KBPS, `${kbps} kbit/s`);
});

/**
 * What a page behind the lossy network hears of a native program, through a server of its own. Two others lose nothing: where half
 * of the listeners lose packets and the server copies for none, the publisher would send copies to all by itself.
 */
async function listen(t, browser, site, mediaMore) {
  const { folder, server } = await world(t, site, mediaMore);
  server.native(t, "publish", { room: "r", user: "alice", stream: "s", folder }, "--wav", SPEECH, "--loop", "--bitrate", "32");
  const bob = await joinInPage(browser, site, server, { roomID: "r", userID: "bob" });
  for (const user of ["carol", "dave"]) {
    server.native(t, "play", { room: "r", user, stream: "s", folder }, "--wav", path.join(folder, `${user}.wav`));
  }
  const { counted } = await lossyWay(t, bob, { down: burstyLoss(0.2, 4, seeded(SEED)) });
  await bob.do("play", "s");
  await sleep(SETTLES_MS);
  const before = await bob.do("quality", "s");
  const recording = path.join(folder, "heard.wav");
  writeWav(recording, Buffer.from(await bob.do("record", "s", RECORDED_S), "base64"));
  const after = await bob.do("quality", "s");
  const rounds = await scoreRounds(SPEECH, recording);
  const grown = (name) => after.audio[name] - before.audio[name];
  return {
    pesq: rounds.toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)],
    rounds,
    concealed: grown("concealedSamples") / grown("totalSamplesReceived"),
    jitterBufferDelayMs: after.audio.jitterBufferDelayMs,
    lost: counted.down.lost / counted.down.rtp,
    types: counted.down.types,
  };
}

async function world(t, site, mediaMore) {
  const folder = workFolder(t);
  return { folder, site, server: await Server.start(t, folder, { allowedOrigins: [site], mediaMore }) };
}

/** Lays a way that loses packets before the connections of a page. */
async function lossyWay(t, caller, losses) {
  const link = await LossyLink.open(t, losses);
  await caller.page.exposeFunction("wayTo", (port) => link.leadTo(port));
  return link;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
