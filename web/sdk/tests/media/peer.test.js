import assert from "node:assert/strict";
import test from "node:test";

import { Peer } from "../../media/peer.js";
import { FakeWorld, settle, streamOf } from "../engine/fakes.js";

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
  const { peer: publisher, pc: publisherPc } = peerOf({ track, audio: { channels: 1, bitrateKbps: 48 } });
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

test("the least delay of the jitter buffer is asked of browsers that know it", async () => {
  const { peer, pc } = peerOf({ jitterBufferTargetMs: 200 });
  pc.receiver.jitterBufferTarget = null;
  await peer.offer();
  await peer.apply("v=0\r\n");
  assert.equal(pc.receiver.jitterBufferTarget, 200);
});
