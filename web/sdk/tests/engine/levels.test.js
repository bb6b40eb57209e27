import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, loggedIn, settle } from "./fakes.js";

async function metered(interval) {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const levels = [];
  const captured = [];
  zg.on("soundLevelUpdate", (list) => levels.push(list));
  zg.on("capturedSoundLevelUpdate", (level) => captured.push(level));
  zg.setSoundLevelDelegate(true, interval);
  return { world, zg, levels, captured };
}

test("levels are told each interval: what is published, then what is played, and the loudest capture", async () => {
  const { world, zg, levels, captured } = await metered(1000);
  await world.env.pass(1000);
  assert.deepEqual([levels, captured], [[], [0]], "nothing is published or played");
  const local = await zg.createZegoStream();
  world.peaks.set(local.stream.getAudioTracks()[0], 0.5);
  zg.startPublishingStream("mine", local);
  const remote = await zg.startPlayingStream("theirs");
  world.peaks.set(remote.getAudioTracks()[0], 0.25);
  await world.env.pass(1000);
  const expected = [
    { streamID: "mine", soundLevel: 50, type: "push" },
    { streamID: "theirs", soundLevel: 25, type: "pull" },
  ];
  assert.deepEqual([levels.at(-1), captured.at(-1)], [expected, 50]);
  zg.setSoundLevelDelegate(false);
  await world.env.pass(5000);
  assert.equal(captured.length, 2, "switched off");
  assert.equal(world.contexts[0].state, "closed");
});

test("a stream whose publisher muted it is told with 0, whatever still arrives", async () => {
  const { world, zg, levels } = await metered(100);
  const remote = await zg.startPlayingStream("theirs");
  world.peaks.set(remote.getAudioTracks()[0], 0.9);
  await world.env.pass(400);
  assert.equal(Math.round(levels.at(-1)[0].soundLevel), 90);
  world.room.mute("theirs", true);
  await world.env.pass(100);
  assert.equal(levels.at(-1)[0].soundLevel, 0);
  world.room.mute("theirs", false);
  await world.env.pass(100);
  assert.ok(levels.at(-1)[0].soundLevel > 0);
});

test("levels go on over a new connection of a played stream", async () => {
  const { world, zg, levels } = await metered(200);
  const remote = await zg.startPlayingStream("theirs");
  await world.env.pass(400);
  world.peers.at(-1).become("failed");
  await world.env.pass(400);
  world.peaks.set(remote.getAudioTracks()[0], 0.4);
  await world.env.pass(400);
  assert.equal(Math.round(levels.at(-1)[0].soundLevel), 40);
});

test("an interval outside of 100 to 3000 ms is reported and ignored", async (context) => {
  const { world, zg, captured } = await metered(500);
  const log = context.mock.method(console, "error", () => {});
  for (const bad of [99, 3001, 500.5, "500"]) zg.setSoundLevelDelegate(true, bad);
  assert.equal(log.mock.callCount(), 4);
  await world.env.pass(1000);
  assert.equal(captured.length, 2, "the former interval goes on");
});

/** Noise, and a voice above it that comes and goes eight times a second. */
function speaking(samples) {
  samples.forEach((_, n) => {
    const syllable = Math.floor(n / 3000) % 2 === 0 ? 0.2 : 0;
    samples[n] = syllable * Math.sin(n / 30) + 0.001 * Math.sin(n * n);
  });
}

/** A fan, louder than the voice. */
function humming(samples) {
  samples.forEach((_, n) => (samples[n] = 0.5 * Math.sin(n / 30)));
}

test("with enableVAD it is told who speaks, and a hum is no voice however loud", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const told = [];
  for (const event of ["soundLevelUpdate", "soundLevelInfoUpdate"]) {
    zg.on(event, (list) => told.push(`${event} ${list.map(({ streamID, vad }) => `${streamID} ${vad}`)}`));
  }
  const captured = [];
  zg.on("capturedSoundLevelInfoUpdate", (info) => captured.push(info));
  const local = await zg.createZegoStream();
  zg.startPublishingStream("mine", local);
  const remote = await zg.startPlayingStream("theirs");
  world.sounds.set(local.stream.getAudioTracks()[0], humming);
  world.sounds.set(remote.getAudioTracks()[0], speaking);
  zg.setSoundLevelDelegate(true, 1000, { enableVAD: true });
  await world.env.pass(1000);
  assert.deepEqual(told.splice(0), [
    "soundLevelUpdate mine undefined,theirs undefined",
    "soundLevelInfoUpdate mine 0,theirs 1",
  ]);
  assert.deepEqual([captured[0].vad, Math.round(captured[0].soundLevel)], [0, 50]);
  world.sounds.set(local.stream.getAudioTracks()[0], speaking);
  world.room.mute("theirs", true);
  await world.env.pass(1000);
  assert.equal(told.pop(), "soundLevelInfoUpdate mine 1,theirs 0", "a publisher that is muted does not speak");
  assert.equal(captured[1].vad, 1);
  zg.setSoundLevelDelegate(true, 1000);
  told.length = 0;
  await world.env.pass(1000);
  assert.deepEqual([told.length, captured.length], [1, 2], "nobody asked for it any more");
});

test("a capture volume is a gain that is sent only while the browser runs it", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("s", local);
  await world.env.pass(0);
  const raw = world.peers[0].sent;
  await zg.setCaptureVolume(local, 100);
  assert.equal(world.contexts.length, 0, "100 is as captured");
  await zg.setCaptureVolume(local, 50);
  await settle();
  assert.equal(world.peers[0].sent.label, "amplified");
  world.contexts[0].state = "suspended";
  world.contexts[0].dispatchEvent(new Event("statechange"));
  await settle();
  assert.equal(world.peers[0].sent, raw);
  await zg.setCaptureVolume(local, 0);
  assert.ok(!raw.enabled, "0 is silent in any case");
});
