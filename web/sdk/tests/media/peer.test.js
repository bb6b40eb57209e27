import assert from "node:assert/strict";
import test from "node:test";

import { Peer } from "../../media/peer.js";
import { FakeWorld, RED_ANSWER, settle, streamOf } from "../engine/fakes.js";

/** A peer over a fake connection, and the events that it told. */
function peerOf(options = {}) {
  const world = new FakeWorld();
  world.connects = false;
  const told = [];
  const { env, RTCPeerConnection } = world;
  const onEvent = (event) => told.push(event);
  const peer = new Peer({ audio: { channels: 2 }, env, RTCPeerConnection, onEvent, ...options });
  return { world, peer, pc: world.peers[0], told };
}

test("an offer goes with the addresses that are known within half a second", async () => {
  const { world, peer, pc } = peerOf();
  pc.iceGatheringState = "gathering";
  let offer;
  peer.offer().then((sdp) => (offer = sdp));
  await world.env.pass(499);
  assert.equal(offer, undefined);
  await world.env.pass(1);
  assert.match(offer, /stereo=1/);
  const { peer: quick, pc: quickPc } = peerOf();
  quickPc.iceGatheringState = "gathering";
  const quickly = quick.offer();
  await settle();
  quickPc.iceGatheringState = "complete";
  quickPc.dispatchEvent(new Event("icegatheringstatechange"));
  assert.match(await quickly, /opus/);
});

test("a player wants stereo in its own description, a publisher leaves the browser's as it is", async () => {
  const { peer, pc } = peerOf();
  await peer.offer();
  assert.match(pc.localDescription.sdp, /stereo=1/);
  const [track] = streamOf("mic").getAudioTracks();
  const { peer: publisher, pc: publisherPc } = peerOf({ track, audio: { channels: 1, bitrateKbps: 48, frameMs: 20 } });
  const offer = await publisher.offer();
  assert.doesNotMatch(publisherPc.localDescription.sdp, /maxaveragebitrate/);
  assert.match(offer, /maxaveragebitrate=48000/);
});

test("a connection that the server closed waits a second for the server's word on why", async () => {
  const { world, peer, pc, told } = peerOf();
  const transport = Object.assign(new EventTarget(), { state: "connected" });
  pc.receiver.transport = transport;
  await peer.offer();
  await peer.apply("v=0\r\n");
  pc.become("connected");
  transport.state = "closed";
  transport.dispatchEvent(new Event("statechange"));
  await world.env.pass(999);
  assert.deepEqual(told, ["connected"]);
  await world.env.pass(1);
  assert.deepEqual(told, ["connected", "closed"]);
  peer.close();
  pc.become("failed");
  assert.deepEqual(told, ["connected", "closed"], "nothing follows a close of our own");
});

test("the least delay of the jitter buffer is asked of browsers that know it", () => {
  const { peer, pc } = peerOf();
  peer.setJitterBufferTarget(200);
  assert.ok(!("jitterBufferTarget" in pc.receiver), "this one does not");
  pc.receiver.jitterBufferTarget = null;
  peer.setJitterBufferTarget(200);
  assert.equal(pc.receiver.jitterBufferTarget, 200);
  peer.setJitterBufferTarget(null);
  assert.equal(pc.receiver.jitterBufferTarget, null);
});

/** A publisher over a fake connection that has this answer. */
async function publisherOf(answer, bitrateKbps, frameMs = 20) {
  const [track] = streamOf("mic").getAudioTracks();
  const { peer, pc } = peerOf({ track, audio: { channels: 1, bitrateKbps, frameMs } });
  await peer.offer();
  await peer.apply(answer);
  return { peer, pc };
}

/** The first codec that a publisher was told to send, and the bitrate of its frames. */
const sends = (pc) => [/^m=audio \S+ \S+ (\d+)/m.exec(pc.remoteDescription.sdp)[1], pc.maxBitrate];

test("a publisher sends each frame twice within its bitrate, and once again when it need not", async () => {
  const { peer, pc } = await publisherOf(RED_ANSWER, 48);
  assert.deepEqual(sends(pc), ["111", 48_000]);
  const taken = pc.remoteDescription.sdp;
  const take = pc.setRemoteDescription.bind(pc);
  pc.setRemoteDescription = (description) => {
    assert.equal(pc.maxBitrate, 23_000, "Chromium takes 8 kbit/s from a limit that is set while it sends RED");
    return take(description);
  };
  await peer.sendCopies(true);
  assert.deepEqual(sends(pc), ["63", 23_000]);
  await peer.sendCopies(false);
  assert.deepEqual(sends(pc), ["111", 48_000]);
  assert.equal(pc.remoteDescription.sdp, taken);
});

test("packets of 10 ms stay so with copies and without, within the bitrate", async () => {
  const { peer, pc } = await publisherOf(RED_ANSWER, 48, 10);
  const length = () => /^a=ptime:(\d+)/m.exec(pc.remoteDescription.sdp)[1];
  assert.equal(length(), "10");
  await peer.sendCopies(true);
  assert.deepEqual([length(), ...sends(pc)], ["10", "63", 22_000]);
  assert.equal(peer.frameKbps, 22);
});

test("no copies are sent where server or browser have no RED, or the bitrate is too little for two", async () => {
  for (const [answer, kbps] of [
    [RED_ANSWER.replace("63 111/111", "63 0/0"), 48],
    [RED_ANSWER.replaceAll("red", "rex"), 48],
    [RED_ANSWER, 25],
  ]) {
    const { peer, pc } = await publisherOf(answer, kbps);
    await peer.sendCopies(true);
    assert.deepEqual(sends(pc), ["111", 1000 * kbps]);
  }
});
