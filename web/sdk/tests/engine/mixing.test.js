import assert from "node:assert/strict";
import test from "node:test";

import { FakeWorld, loggedIn, settle, streamOf } from "./fakes.js";

/** What is published of a microphone, with something mixed in. */
async function mixing(...media) {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("s", local);
  await world.env.pass(0);
  assert.equal(zg.startMixingAudio(local, media), true);
  await settle();
  return { world, zg, local };
}

/** What comes out of a stream's graph, without what bends the largest sums. */
function mixed(world) {
  const { out } = world.contexts.find((context) => context.out.length > 0 && context.out[0].inputs.size > 0);
  return Object.fromEntries(Object.entries(out[0].hears()).map(([label, gain]) => [label, gain * 8]));
}

/** What listeners hear. */
function sent(world) {
  return world.peers[0].sent.enabled ? mixed(world) : {};
}

function muted(world) {
  return world.requests.filter(([type]) => type === "muteStream").map(([, fields]) => fields.muted);
}

function quietly(context, act) {
  const log = context.mock.method(console, "error", () => {});
  const result = act();
  log.mock.restore();
  return result;
}

test("listeners hear what is mixed in beside the microphone, each as loud as was said", async () => {
  const [song, bell] = [streamOf("song"), streamOf("bell")];
  const { world, zg, local } = await mixing(song, bell);
  assert.equal(world.peers[0].sent, local.stream.getAudioTracks()[0]);
  assert.deepEqual(sent(world), { mic: 1, song: 1, bell: 1 });
  await zg.setCaptureVolume(local, 50);
  assert.equal(zg.setMixingAudioVolume(local, 20, song), true);
  assert.deepEqual(sent(world), { mic: 0.5, song: 0.2, bell: 1 });
  assert.equal(zg.setMixingAudioVolume(local, 10), true);
  assert.deepEqual(sent(world), { mic: 0.5, song: 0.1, bell: 0.1 });
  assert.equal(zg.stopMixingAudio(local, [bell]), true);
  assert.deepEqual(sent(world), { mic: 0.5, song: 0.1 });
  assert.equal(zg.stopMixingAudio(local), true);
  assert.deepEqual(sent(world), { mic: 0.5 });
});

test("what is mixed in goes on while the microphone is muted or turned down, and not when the stream is muted", async () => {
  const { world, zg, local } = await mixing(streamOf("song"));
  zg.muteMicrophone(true);
  await world.env.pass(200);
  assert.deepEqual([sent(world), muted(world)], [{ song: 1 }, []], "the others are not told that it is silent");
  zg.mutePublishStreamAudio(local, true);
  await world.env.pass(200);
  assert.deepEqual([sent(world), muted(world)], [{}, [true]]);
  zg.mutePublishStreamAudio(local, false);
  zg.muteMicrophone(false);
  await zg.setCaptureVolume(local, 0);
  await world.env.pass(200);
  assert.deepEqual([sent(world), muted(world)], [{ song: 1 }, [true, false]]);
});

test("a muted microphone is told as a mute once nothing is mixed in any more", async () => {
  const { world, zg, local } = await mixing(streamOf("song"));
  zg.muteMicrophone(true);
  zg.stopMixingAudio(local);
  await world.env.pass(200);
  assert.deepEqual([sent(world), muted(world)], [{}, [true]]);
  zg.startMixingAudio(local, [streamOf("another")]);
  await world.env.pass(200);
  assert.deepEqual([sent(world), muted(world)], [{ another: 1 }, [true, false]]);
});

test("another microphone leaves what is mixed in as it is", async () => {
  const { world, zg, local } = await mixing(streamOf("song"));
  await zg.useAudioDevice(local, "headset");
  assert.deepEqual(sent(world), { headset: 1, song: 1 });
});

test("a media element is mixed in and still heard here, in a second stream too", async () => {
  const element = { track: streamOf("film").getAudioTracks()[0] };
  const { world, zg } = await mixing(element);
  const page = world.contexts.find(({ destination }) => destination.inputs.size > 0);
  assert.deepEqual(page.destination.hears(), { film: 1 });
  assert.deepEqual(page.out[0].hears(), { film: 1 });
  assert.equal(zg.startMixingAudio(await zg.createZegoStream(), [element]), true);
  assert.equal(page.destination.inputs.size, 1, "a browser gives an element to one audio graph only");
});

test("what cannot be mixed in is refused and changes nothing", async (context) => {
  const song = streamOf("song");
  const { world, zg, local } = await mixing(song);
  const [silent, toaster] = [streamOf("x"), {}];
  silent.removeTrack(silent.getAudioTracks()[0]);
  const six = ["a", "b", "c", "d", "e", "f"].map(streamOf);
  const empty = await zg.createZegoStream({ autoCapture: false });
  quietly(context, () => {
    for (const media of [undefined, [], song, [silent], [toaster], ["song"], [streamOf("more"), silent], six]) {
      assert.equal(zg.startMixingAudio(local, media), false);
    }
    assert.equal(zg.startMixingAudio(empty, [song]), false, "it captures nothing");
    assert.equal(zg.startMixingAudio(song, [song]), false, "no local stream");
    assert.equal(zg.stopMixingAudio(local, [silent]), false);
    for (const volume of [-1, 101, "50", NaN]) assert.equal(zg.setMixingAudioVolume(local, volume), false);
    assert.equal(zg.setMixingAudioVolume(local, 50, silent), false);
  });
  assert.deepEqual(sent(world), { mic: 1, song: 1 });
  assert.equal(zg.startMixingAudio(local, [song, ...six.slice(1)]), true, "the same one twice counts once");
});

test("why a mix is refused is said on the console", async (context) => {
  const { zg, local } = await mixing(streamOf("song"));
  const log = context.mock.method(console, "error", () => {});
  zg.startMixingAudio(local, ["a", "b", "c", "d", "e", "f"].map(streamOf));
  assert.match(log.mock.calls[0].arguments[0], /^startMixingAudio: 7 media would be mixed in; give at most 6/);
});

test("mixingAudioDelay holds back what is mixed in, in streams made from then on, and is brought into its range", async () => {
  for (const [wanted, seconds] of [
    [120, 0.12],
    [-5, 0],
    [5000, 1],
  ]) {
    const world = new FakeWorld();
    const { zg } = await loggedIn(world);
    zg.setEngineConfig({ mixingAudioDelay: wanted });
    zg.startMixingAudio(await zg.createZegoStream(), [streamOf("song")]);
    assert.equal(world.contexts[0].delays[0].delayTime.value, seconds);
  }
});

test("the largest sum is bent so that it never passes 1, and ordinary sound is left alone", async () => {
  const { world } = await mixing(streamOf("song"));
  const [{ curve }] = world.contexts[0].shapers;
  const middle = (curve.length - 1) / 2;
  const at = (sum) => curve[middle + Math.round((sum / 8) * middle)];
  for (const sum of [0, 0.1, 0.5, 0.9, -0.1, -0.5, -0.9]) assert.equal(at(sum), Math.fround(sum));
  assert.ok(curve.every((value, n) => Math.abs(value) <= 1 && (n === 0 || value >= curve[n - 1])));
  assert.ok(at(1) > 0.95 && at(7) > 0.99);
});

test("nothing is mixed any more once the stream is destroyed", async () => {
  const { world, zg, local } = await mixing(streamOf("song"));
  const [graph] = world.contexts;
  zg.destroyStream(local);
  assert.deepEqual([graph.state, graph.out[0].hears()], ["closed", {}]);
});
