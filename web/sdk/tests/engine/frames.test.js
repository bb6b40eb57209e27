import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, loggedIn, settle, streamOf } from "./fakes.js";

const DONE = { errorCode: 0, extendedData: "" };

/** A local stream whose frames are gathered. */
async function gathering(options) {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  const frames = [];
  assert.deepEqual(await zg.setCaptureAudioFrameCallback(local, (frame) => frames.push(frame), options), DONE);
  return { world, zg, local, frames, worklet: world.worklets.at(-1) };
}

/** Who is heard where the frames of a world are made. */
function heard(worklet) {
  return Object.keys(worklet.hears());
}

test("frames come one behind the other, each of the wanted length, and no sample is lost between them", async () => {
  const { frames, worklet, world } = await gathering({ frameSize: 256, sampleRate: 16000 });
  assert.deepEqual([world.contexts.at(-1).sampleRate, heard(worklet)], [16000, ["mic"]]);
  worklet.hear(1000, (n) => n / 2048);
  assert.equal(frames.length, 3);
  const samples = frames.flatMap(({ channels }) => [...channels[0]]);
  assert.deepEqual(
    samples,
    Array.from({ length: 768 }, (_, n) => n / 2048),
  );
  assert.ok(
    frames.every(({ channelCount, sampleRate, lostFrames }) => channelCount === 1 && sampleRate === 16000 && !lostFrames),
  );
});

test("without options a frame has 4,096 samples of one channel at 48 kHz, in floating point", async () => {
  const { frames, worklet } = await gathering();
  worklet.hear(4200, () => 0.5);
  const [{ channels, sampleRate }] = frames;
  assert.ok(channels[0] instanceof Float32Array);
  assert.deepEqual([frames.length, channels.length, channels[0].length, sampleRate], [1, 1, 4096, 48000]);
});

test("two channels are given apart, and 16 bits as whole numbers that never run over", async () => {
  const { frames, worklet } = await gathering({ frameSize: 256, channelCount: 2, bitDepth: 16 });
  worklet.hear(300, (n, c) => (c === 0 ? 2 : -0.5));
  const [{ channels, channelCount }] = frames;
  assert.ok(channels.every((channel) => channel instanceof Int16Array));
  assert.deepEqual([channelCount, channels[0][0], channels[1][255]], [2, 32767, Math.round(-0.5 * 32767)]);
});

test("the length that was asked for first stays, all else is as it was asked for last", async () => {
  const { world, zg, local, frames, worklet: former } = await gathering({ frameSize: 256 });
  const later = [];
  await zg.setCaptureAudioFrameCallback(local, (frame) => later.push(frame), { frameSize: 1024, sampleRate: 8000 });
  former.hear(300, () => 0);
  world.worklets[1].hear(300, () => 0);
  assert.equal(frames.length, 0, "another callback takes the place of the one before");
  assert.deepEqual([later.length, later[0].channels[0].length, later[0].sampleRate], [1, 256, 8000]);
  assert.equal(world.contexts[0].state, "closed");
});

test("null gives no more frames, and frees the audio graph", async () => {
  const { world, zg, local, frames, worklet } = await gathering({ frameSize: 256 });
  assert.deepEqual(await zg.setCaptureAudioFrameCallback(local, null), DONE);
  worklet.hear(300, () => 0);
  assert.deepEqual([frames.length, heard(worklet), world.contexts[0].state], [0, [], "closed"]);
});

test("frames follow what is captured, and end with the stream", async () => {
  const { zg, local, worklet } = await gathering();
  await zg.useAudioDevice(local, "headset");
  assert.deepEqual(heard(worklet), ["headset"]);
  local.stopCaptureAudio();
  assert.deepEqual(heard(worklet), []);
  await local.startCaptureCustomAudio({ source: streamOf("song") });
  assert.deepEqual(heard(worklet), ["song copy"]);
  zg.destroyStream(local);
  assert.deepEqual(heard(worklet), []);
});

test("frames of a played stream begin with its first connection, go on over the next, and end with it", async () => {
  const world = new FakeWorld();
  world.accepts = false;
  const zg = world.engine();
  zg.loginRoom("r", "04AAAAAGVT", { userID: "alice" });
  const playing = zg.startPlayingStream("theirs");
  assert.deepEqual(await zg.setAudioFrameCallback("theirs", () => {}), DONE);
  const [worklet] = world.worklets;
  assert.deepEqual(heard(worklet), []);
  world.room.accept();
  await playing;
  assert.deepEqual(heard(worklet), ["remote"]);
  const [{ track }] = worklet.inputs;
  world.peers[0].become("failed");
  await world.env.pass(3000);
  assert.notEqual([...worklet.inputs][0].track, track);
  zg.stopPlayingStream("theirs");
  assert.deepEqual([heard(worklet), world.contexts[0].state], [[], "closed"]);
  assert.equal((await zg.setAudioFrameCallback("theirs", () => {})).errorCode, 1104044);
});

test("a page that is too busy loses frames, and is told how many", async () => {
  const { world, frames, worklet } = await gathering({ frameSize: 256 });
  const { onmessage } = worklet.port;
  const queue = [];
  worklet.port.onmessage = (message) => queue.push(message);
  worklet.hear(256 * 100, () => 0);
  worklet.port.onmessage = onmessage;
  queue.forEach(onmessage);
  assert.equal(frames.length, 64);
  worklet.hear(300, () => 0);
  assert.equal(frames.at(-1).lostFrames, 36);
  assert.equal(world.worklets.length, 1);
});

test("a callback that throws is reported and gets the next frame", async (context) => {
  const { world, zg, local } = await gathering();
  const log = context.mock.method(console, "error", () => {});
  let calls = 0;
  const thrower = () => {
    calls += 1;
    throw new Error("mine");
  };
  await zg.setCaptureAudioFrameCallback(local, thrower, {});
  world.worklets[1].hear(8200, () => 0);
  assert.deepEqual([calls, log.mock.callCount()], [2, 2]);
});

test("options other than the documented ones are 1100001, and leave what was there", async () => {
  const { zg, local, frames, worklet } = await gathering({ frameSize: 256 });
  const bad = [{ frameSize: 100 }, { sampleRate: 11025 }, { channelCount: 3 }, { bitDepth: 24 }, { frameSize: "256" }, null, 7];
  for (const options of bad) {
    assert.equal((await zg.setCaptureAudioFrameCallback(local, () => {}, options)).errorCode, 1100001, JSON.stringify(options));
  }
  for (const callback of [undefined, "f", {}]) {
    assert.equal((await zg.setCaptureAudioFrameCallback(local, callback)).errorCode, 1100001);
  }
  assert.equal((await zg.setCaptureAudioFrameCallback(streamOf("x"), () => {})).errorCode, 1000018);
  assert.equal((await zg.setAudioFrameCallback("", () => {})).errorCode, 1000015);
  worklet.hear(300, () => 0);
  assert.equal(frames.length, 1);
});

test("a browser without AudioWorklet, or that cannot resample, is 1103002", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  world.addModule = undefined;
  assert.equal((await zg.setCaptureAudioFrameCallback(local, () => {})).errorCode, 1103002);
  assert.equal(world.contexts[0].state, "closed");
});

test("an audio graph that waits for a gesture is started by the next one", async () => {
  const { world, zg, local } = await gathering();
  const [graph] = world.contexts;
  let resumed = 0;
  graph.state = "suspended";
  graph.resume = async () => (resumed += 1);
  world.document.dispatchEvent(new Event("pointerdown"));
  assert.equal(resumed, 1);
  zg.destroyStream(local);
  world.document.dispatchEvent(new Event("pointerdown"));
  await settle();
  assert.equal(resumed, 1);
});

test("a callback that is taken away while the browser still loads what gathers is no error", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  const setting = zg.setCaptureAudioFrameCallback(local, () => assert.fail("a frame"));
  await zg.setCaptureAudioFrameCallback(local, null);
  assert.deepEqual(await setting, DONE);
  assert.equal(world.worklets.length, 0);
});
