import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, loggedIn, settle, streamOf } from "./fakes.js";

/** What the server was told of a stream's mute, in order. */
function muted(world) {
  return world.requests.filter(([type]) => type === "muteStream").map(([, fields]) => `${fields.stream_id} ${fields.muted}`);
}

async function published(world, zg, streamID, options) {
  const local = await zg.createZegoStream(options);
  zg.startPublishingStream(streamID, local);
  await world.env.pass(0);
  return local;
}

test("a mute silences at once, and the others are told at most ten times a second, the last one always", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await published(world, zg, "s");
  for (let call = 0; call < 100; call += 1) {
    assert.equal(zg.mutePublishStreamAudio(local, call % 2 === 0), true);
    assert.equal(local.stream.getAudioTracks()[0].enabled, call % 2 !== 0);
    await world.env.pass(10);
  }
  zg.mutePublishStreamAudio(local, true);
  await world.env.pass(200);
  assert.ok(muted(world).length <= 12, `${muted(world)}`);
  assert.equal(muted(world).at(-1), "s true");
});

test("muteMicrophone mutes every microphone and nothing else, also those that come later", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  await published(world, zg, "microphone");
  await published(world, zg, "song", { custom: { audio: { source: streamOf("song") } } });
  assert.equal(zg.muteMicrophone(true), true);
  assert.ok(zg.isMicrophoneMuted());
  const later = await published(world, zg, "later");
  assert.deepEqual(muted(world), ["microphone true"]);
  assert.equal(world.requests.find(([type, fields]) => type === "publish" && fields.stream_id === "later")[1].muted, true);
  assert.ok(!later.stream.getAudioTracks()[0].enabled);
});

test("a muted stream stays silent when its microphone changes", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await published(world, zg, "s");
  zg.mutePublishStreamAudio(local, true);
  const former = local.stream.getAudioTracks()[0];
  assert.deepEqual(await zg.useAudioDevice(local, "headset"), { errorCode: 0, extendedData: "" });
  await settle();
  const [track] = local.stream.getAudioTracks();
  assert.deepEqual([track.label, track.enabled, former.readyState], ["headset", false, "ended"]);
  assert.equal(world.peers[0].sent, track);
});

test("a microphone that cannot be taken leaves the old one", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await published(world, zg, "s");
  world.captureError = "NotFoundError";
  assert.equal((await zg.useAudioDevice(local, "gone")).errorCode, 1103048);
  assert.equal((await zg.setAudioConfig(local, { ANS: true })).errorCode, 1103048);
  assert.equal((await zg.setAudioConfig(local, {})).errorCode, 1100001);
  assert.equal((await zg.setCaptureVolume(local, 201)).errorCode, 1100001);
  assert.equal(local.stream.getAudioTracks()[0].readyState, "live");
});

test("denoising by a neural network is refused with what to use instead, and switching it off is not", async () => {
  const { zg } = await loggedIn(new FakeWorld());
  const local = await zg.createZegoStream();
  const { errorCode, extendedData } = await zg.enableAiDenoise(local, true);
  assert.equal(errorCode, 1103081);
  assert.match(extendedData, /setAudioConfig\(stream, \{ANS: true\}\)/);
  assert.equal((await zg.setAiDenoiseMode(local, 1)).errorCode, 1103081);
  assert.equal((await zg.enableAiDenoise(local, false)).errorCode, 0);
  assert.equal((await zg.enableAiDenoise(local, 1)).errorCode, 1100001);
  assert.equal((await zg.enableAiDenoise({}, true)).errorCode, 1000018);
  assert.equal((await zg.setAiDenoiseMode({}, 1)).errorCode, 1000018);
});

test("a mute that the server was not told is told when the link is back", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await published(world, zg, "s");
  world.refusals.set("muteStream", { code: 1000017, message: "away" });
  zg.mutePublishStreamAudio(local, true);
  await settle();
  world.refusals.clear();
  world.requests.length = 0;
  world.room.listener.onLink(true, { fresh: false, publishing: ["s"], playing: [] });
  await settle();
  assert.deepEqual(muted(world), ["s true"]);
});

test("neither a stream's own mute nor the mute of all may be on for it to be heard", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const remote = await zg.startPlayingStream("a");
  const heard = () => remote.getAudioTracks()[0].enabled;
  await world.env.pass(200);
  assert.equal(await zg.muteAllPlayAudioStreams(true), true);
  assert.ok(!heard());
  const later = await zg.startPlayingStream("b");
  await world.env.pass(200);
  assert.ok(!later.getAudioTracks()[0].enabled, "also what is played later");
  const own = zg.mutePlayStreamAudio("a", true);
  await world.env.pass(200);
  await own;
  const all = zg.muteAllPlayAudioStreams(false);
  await world.env.pass(200);
  await all;
  assert.ok(!heard() && later.getAudioTracks()[0].enabled);
  const open = zg.mutePlayStreamAudio("a", false);
  await world.env.pass(200);
  assert.equal(await open, true);
  assert.ok(heard());
  assert.deepEqual(world.requests.at(-1), ["pausePlay", { stream_id: "a", paused: false }]);
});

test("a view that the browser blocks says so, and plays with the user's next gesture", async () => {
  const world = new FakeWorld();
  world.blocked = true;
  const { zg } = await loggedIn(world);
  const view = zg.createRemoteStreamView(await zg.startPlayingStream("a"));
  const told = [];
  view.on("autoplayFailed", () => told.push("autoplayFailed"));
  view.on("canPlayAudio", () => told.push("canPlayAudio"));
  view.playAudio();
  await settle();
  assert.deepEqual(told, ["autoplayFailed"]);
  world.blocked = false;
  world.document.dispatchEvent(new Event("pointerdown"));
  await settle();
  world.document.dispatchEvent(new Event("pointerdown"));
  await settle();
  assert.deepEqual(told, ["autoplayFailed", "canPlayAudio"]);
  zg.stopPlayingStream("a");
  assert.equal(world.elements[0].srcObject, null, "the view stops with its stream");
});

test("remoteMicStatusUpdate tells who muted and opened", async () => {
  const world = new FakeWorld();
  const { told } = await loggedIn(world);
  world.room.listener.onStreamMic("s2", true);
  world.room.listener.onStreamMic("s2", false);
  assert.deepEqual(told.take(), ["mic s2 MUTE", "mic s2 OPEN"]);
});
