import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, RED_ANSWER, settle, TOKEN } from "./fakes.js";

/** How much sound the packets of each connection of a world hold, in ms. */
const packetLengths = (world) => world.peers.map(({ remoteDescription: { sdp } }) => Number(/^a=ptime:(\d+)/m.exec(sdp)[1]));

test("streams made under karaoke are sent in packets of 10 ms, the others in packets of 20 ms", async () => {
  const world = new FakeWorld();
  world.answer = RED_ANSWER;
  const zg = world.engine();
  const before = await zg.createZegoStream();
  assert.equal(zg.setRoomScenario(9), true);
  const under = await zg.createZegoStream();
  assert.equal(zg.setRoomScenario(6), true);
  const after = await zg.createZegoStream();
  await zg.loginRoom("r", TOKEN, { userID: "alice" });
  [before, under, after].forEach((local, n) => zg.startPublishingStream(`s${n}`, local));
  await settle();
  assert.deepEqual(packetLengths(world), [20, 10, 20]);
});

test("a scenario says how a microphone is captured and sent where the options of the stream say nothing", async () => {
  const unprocessed = { channelCount: 2, noiseSuppression: false, autoGainControl: false };
  for (const [scenario, kbps, inStereo, captured] of [
    [3, 48, false, {}],
    [4, 48, false, {}],
    [5, 48, false, {}],
    [6, 48, false, {}],
    [7, 128, false, {}],
    [8, 192, true, { channelCount: 2 }],
    [9, 192, true, unprocessed],
  ]) {
    const world = new FakeWorld();
    const zg = world.engine("", { scenario });
    await zg.loginRoom("r", TOKEN, { userID: "alice" });
    const local = await zg.createZegoStream();
    zg.startPublishingStream("s", local);
    await settle();
    assert.deepEqual([world.peers[0].maxBitrate, world.microphones], [kbps * 1000, [captured]], `${scenario}`);
    assert.equal(/a=fmtp:111 .*stereo=1/.test(world.requests[0][1].offer), inStereo, `${scenario}`);
    await local.startCaptureMicrophone();
    const again = { ...captured, channelCount: undefined };
    assert.deepEqual({ ...world.microphones[1], channelCount: undefined }, again, "captured anew it is the same");
  }
});

test("what the options of a stream say goes before the scenario", async () => {
  const world = new FakeWorld();
  const zg = world.engine("", { scenario: 9 });
  await zg.loginRoom("r", TOKEN, { userID: "alice" });
  const local = await zg.createZegoStream({ camera: { audio: { ANS: true } }, AGC: true, audioBitrate: 64, channelCount: 1 });
  zg.startPublishingStream("s", local);
  await settle();
  assert.equal(world.peers[0].maxBitrate, 64_000);
  assert.deepEqual(world.microphones, [{ channelCount: 1, noiseSuppression: true, autoGainControl: true }]);
  await zg.setAudioConfig(local, { AGC: false });
  assert.deepEqual(world.microphones[1], { channelCount: 1, noiseSuppression: true, autoGainControl: false });
});

test("the scenario may be given to the constructor, and one that is not documented counts as none", async () => {
  for (const [scenario, ms] of [
    [9, 10],
    [3, 20],
    [10, 20],
    ["9", 20],
    [undefined, 20],
  ]) {
    const world = new FakeWorld();
    world.answer = RED_ANSWER;
    const zg = world.engine("", { scenario });
    await zg.loginRoom("r", TOKEN, { userID: "alice" });
    zg.startPublishingStream("s", await zg.createZegoStream());
    await settle();
    assert.deepEqual(packetLengths(world), [ms], `${scenario}`);
  }
});
