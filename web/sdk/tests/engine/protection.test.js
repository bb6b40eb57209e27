import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, RED_ANSWER, loggedIn, settle } from "./fakes.js";

const SECOND = 1000;

/** A world whose browser knows `jitterBufferTarget`, and a stream that it plays. */
async function playing(option) {
  const world = new FakeWorld();
  world.receiver = { jitterBufferTarget: null };
  const { zg } = await loggedIn(world);
  await zg.startPlayingStream("s", option);
  await world.env.pass(0);
  const protect = (...copies) => {
    world.room.listener.onProtection([
      { streamID: "s", copies },
      { streamID: "elsewhere", copies: [16] },
    ]);
    return settle();
  };
  return { world, protect, target: () => world.peers.at(-1).receiver.jitterBufferTarget };
}

test("a player waits for the copies that the server adds, and no longer than they come", async () => {
  const { protect, target } = await playing();
  assert.equal(target(), null);
  await protect(4, 1);
  assert.equal(target(), 100);
  await protect(1);
  assert.equal(target(), 40);
  await protect();
  assert.equal(target(), null, "the browser decides again");
});

test("of shorter frames the farthest copy comes the sooner", async () => {
  const { world, protect, target } = await playing();
  Object.assign(world, { level: 0.1, frameMs: 10 });
  await world.env.pass(SECOND);
  await protect(8, 2);
  assert.equal(target(), 90);
});

test("what the application asked for is kept, copies or not", async () => {
  const { protect, target } = await playing({ jitterBufferTarget: 90 });
  assert.equal(target(), 90);
  await protect(2);
  assert.equal(target(), 90);
  await protect(4);
  assert.equal(target(), 100);
  await protect();
  assert.equal(target(), 90);
  const low = await playing({ enableLowLatency: true });
  await low.protect(4);
  assert.equal(low.target(), null, "least delay was asked for: nobody waits for a copy");
});

test("a new connection of a stream begins without copies, and has what was asked for until it is told of some", async () => {
  const { world, protect, target } = await playing({ jitterBufferTarget: 60 });
  await protect(3);
  assert.equal(target(), 80);
  world.peers.at(-1).become("failed");
  await world.env.pass(SECOND);
  assert.equal(world.peers.length, 2);
  assert.equal(target(), 60);
  await protect(3);
  assert.equal(target(), 80);
});

test("a browser that does not know jitterBufferTarget plays what the server protects", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  await zg.startPlayingStream("s");
  world.room.listener.onProtection([{ streamID: "s", copies: [3] }]);
  await world.env.pass(SECOND);
  assert.deepEqual(told.take(), ["s PLAY_REQUESTING 0", "s PLAYING 0"]);
  assert.ok(!("jitterBufferTarget" in world.peers[0].receiver));
});

test("a publisher whose packets get lost sends copies, on the next connection too, until the loss is long over", async () => {
  const world = new FakeWorld();
  world.answer = RED_ANSWER;
  const { zg } = await loggedIn(world);
  zg.startPublishingStream("s", await zg.createZegoStream());
  await world.env.pass(0);
  const first = () => /^m=audio \S+ \S+ (\d+)/m.exec(world.peers.at(-1).remoteDescription.sdp)[1];
  const report = async (uplinkLoss, times) => {
    for (let n = 0; n < times; n += 1) {
      world.room.listener.onListeners([{ streamID: "s", report: { listeners: 1, uplinkLoss } }]);
      await world.env.pass(SECOND);
    }
  };
  await report(0.2, 1);
  assert.equal(first(), "111");
  await report(0.2, 1);
  assert.deepEqual([first(), world.peers[0].maxBitrate], ["63", 23_000]);
  world.peers[0].become("failed");
  await world.env.pass(SECOND);
  assert.equal(world.peers.length, 2);
  assert.deepEqual([first(), world.peers[1].maxBitrate], ["63", 23_000]);
  await report(0, 29);
  assert.equal(first(), "63");
  await report(0, 20);
  assert.deepEqual([first(), world.peers[1].maxBitrate], ["111", 48_000]);
});
