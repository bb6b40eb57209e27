import assert from "node:assert/strict";
import test from "node:test";

import { codeOf, FakeStream, FakeWorld, loggedIn, settle, streamOf } from "./fakes.js";

const microphone = { kind: "audioinput", deviceId: "mic", label: "Microphone" };
const builtin = { kind: "audioinput", deviceId: "builtin", label: "Built-in" };
const usb = { kind: "audioinput", deviceId: "usb", label: "USB" };
const headset = { kind: "audiooutput", deviceId: "head", label: "Headset" };

function change(world, devices) {
  world.mediaDevices.devices = devices;
  world.mediaDevices.dispatchEvent(new Event("devicechange"));
  return settle();
}

test("devices are listed, and there are no cameras", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  world.mediaDevices.devices = [microphone, headset, { kind: "videoinput", deviceId: "cam", label: "Camera" }];
  const listed = {
    microphones: [{ deviceName: "Microphone", deviceID: "mic" }],
    speakers: [{ deviceName: "Headset", deviceID: "head" }],
    cameras: [],
  };
  assert.deepEqual(await zg.enumDevices(), listed);
  assert.deepEqual(await zg.getMicrophones(), listed.microphones);
  assert.deepEqual(await zg.getSpeakers(), listed.speakers);
  assert.deepEqual(await zg.getCameras(), []);
});

test("devices that come and go are told, but not a permission that gives them names", async () => {
  const world = new FakeWorld();
  world.mediaDevices.devices = [{ ...microphone, deviceId: "", label: "" }];
  const zg = world.engine();
  const told = [];
  zg.on("audioDeviceStateChanged", (update, type, { deviceID }) => told.push(`${update} ${type} ${deviceID}`));
  await settle();
  await change(world, [microphone]);
  assert.deepEqual(told, []);
  await change(world, [microphone, headset]);
  await change(world, [headset]);
  assert.deepEqual(told, ["ADD Output head", "DELETE Input mic"]);
  zg.destroyEngine();
  await change(world, [microphone, headset]);
  assert.equal(told.length, 2);
});

test("a published microphone that ends is a deviceError, 1006006 where it is gone", async () => {
  for (const [devices, code] of [
    [[microphone], 1106009],
    [[], 1006006],
  ]) {
    const world = new FakeWorld();
    const { zg } = await loggedIn(world);
    const told = [];
    zg.on("deviceError", (errorCode) => told.push(errorCode));
    const local = await zg.createZegoStream();
    const [track] = local.audioCaptureStream.getAudioTracks();
    zg.startPublishingStream("s", local);
    world.mediaDevices.devices = devices;
    track.dispatchEvent(new Event("ended"));
    await settle();
    assert.deepEqual(told, [code]);
  }
});

/** A published stream of one of two microphones, and what is told of devices. */
async function onMicrophone(options) {
  const world = new FakeWorld();
  world.mediaDevices.devices = [microphone, builtin];
  const { zg } = await loggedIn(world);
  const told = [];
  zg.on("deviceError", (code, name) => told.push(`${code} ${name}`));
  const local = await zg.createZegoStream(options);
  zg.startPublishingStream("s", local);
  await world.env.pass(0);
  const heard = () => (world.peers[0].sent.readyState === "live" ? world.peers[0].sent.label : "nobody");
  return { world, zg, local, told, heard };
}

/** The browser loses a microphone: its track ends, the list changes. */
async function unplug(world, local, left) {
  const [track] = local.audioCaptureStream.getAudioTracks();
  world.mediaDevices.devices = left;
  track.stop();
  track.dispatchEvent(new Event("ended"));
  world.mediaDevices.dispatchEvent(new Event("devicechange"));
  await settle();
}

test("a microphone that is unplugged and plugged in again is heard again, and told as loose within 2 s", async () => {
  for (const [awayMs, told] of [
    [1900, ["1006006 mic", "1106007 mic"]],
    [2000, ["1006006 mic"]],
  ]) {
    const { world, local, heard, ...page } = await onMicrophone({ camera: { audio: { input: "mic" } } });
    await unplug(world, local, [builtin]);
    assert.equal(heard(), "nobody");
    await world.env.pass(awayMs);
    await change(world, [builtin, microphone]);
    assert.deepEqual([heard(), page.told], ["mic", told]);
  }
});

test("without enableAutoSwitchDevice another microphone is left alone", async () => {
  const { world, local, heard } = await onMicrophone();
  await unplug(world, local, [builtin]);
  await change(world, [builtin, usb]);
  assert.deepEqual([heard(), world.microphones.length], ["nobody", 1]);
});

test("with enableAutoSwitchDevice the default microphone takes the place of one that was unplugged", async () => {
  const { world, zg, local, heard, told } = await onMicrophone({ camera: { audio: { input: "mic", AEC: false } } });
  zg.enableAutoSwitchDevice({ microphone: true });
  zg.mutePublishStreamAudio(local, true);
  world.defaultMicrophone = "builtin";
  await unplug(world, local, [builtin]);
  assert.deepEqual([heard(), told], ["builtin", ["1006006 mic"]]);
  assert.deepEqual(world.microphones.at(-1), { echoCancellation: false }, "processed as before");
  assert.equal(world.peers[0].sent.enabled, false, "and muted as before");
  await change(world, [builtin, microphone]);
  assert.equal(heard(), "builtin", "the former one is not taken back");
});

test("the microphone behind the name default is known by its group when it goes and comes back", async () => {
  const named = (device, groupId) => ({ ...device, groupId });
  const byDefault = (groupId) => ({ kind: "audioinput", deviceId: "default", label: "Default", groupId });
  const { world, local, told, heard } = await onMicrophone();
  const [track] = local.audioCaptureStream.getAudioTracks();
  track.getSettings = () => ({ deviceId: "default", groupId: "one" });
  await unplug(world, local, [byDefault("two"), named(builtin, "two")]);
  await change(world, [byDefault("one"), named(builtin, "two"), named(microphone, "one")]);
  assert.deepEqual([told, heard()], [["1006006 mic", "1106007 mic"], "mic"]);
});

test("with enableAutoSwitchDevice and no other microphone the next one that is plugged in is taken", async () => {
  const { world, zg, local, heard } = await onMicrophone();
  zg.enableAutoSwitchDevice({ microphone: true, camera: true });
  await unplug(world, local, []);
  assert.deepEqual([heard(), world.microphones.length], ["nobody", 1]);
  world.defaultMicrophone = "usb";
  await change(world, [usb]);
  assert.equal(heard(), "usb");
});

test("a microphone that ended though it is still there is told, and no other one is taken", async () => {
  const { world, zg, local, heard, told } = await onMicrophone();
  zg.enableAutoSwitchDevice({ microphone: true });
  await unplug(world, local, [microphone, builtin]);
  assert.deepEqual([heard(), told], ["nobody", ["1106009 mic"]]);
});

test("what the program captured since, or destroyed, is left alone when a lost microphone is back", async (context) => {
  const { world, zg, local, heard } = await onMicrophone();
  await unplug(world, local, [builtin]);
  await zg.useAudioDevice(local, "builtin");
  await change(world, [builtin, microphone]);
  assert.equal(heard(), "builtin");
  await unplug(world, local, []);
  zg.destroyStream(local);
  const log = context.mock.method(console, "error", () => {});
  await change(world, [builtin]);
  assert.deepEqual([world.microphones.length, log.mock.callCount()], [2, 0]);
});

test("a lost microphone that cannot be captured is reported and tried again with the next one that comes", async (context) => {
  const { world, zg, local, heard } = await onMicrophone();
  zg.enableAutoSwitchDevice({ microphone: true });
  const log = context.mock.method(console, "error", () => {});
  world.captureError = "NotReadableError";
  await unplug(world, local, [builtin]);
  assert.deepEqual([heard(), log.mock.callCount()], ["nobody", 1]);
  world.captureError = undefined;
  await change(world, [builtin, usb]);
  assert.equal(heard(), "mic");
  for (const option of [undefined, null, true, { microphone: 1 }]) {
    assert.equal(await codeOf(() => zg.enableAutoSwitchDevice(option)), 1100001);
  }
});

test("the end of a shared screen is no deviceError", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  world.mediaDevices.getDisplayMedia = async () => streamOf("tab");
  const local = await zg.createZegoStream({ screen: { audio: true } });
  zg.startPublishingStream("s", local);
  zg.on("deviceError", (code) => assert.fail(`${code}`));
  await unplug(world, local, [microphone]);
});

test("capturing something else leaves what is published as it is until updatePublishingStream", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("s", local);
  await world.env.pass(0);
  const before = world.peers[0].sent;
  const captured = await local.startCaptureCustomAudio({ source: streamOf("song") });
  assert.equal(captured, local.audioCaptureStream);
  assert.deepEqual([world.peers[0].sent, before.readyState], [before, "live"]);
  assert.equal((await zg.updatePublishingStream(local, 1)).errorCode, 0);
  await settle();
  assert.deepEqual([world.peers[0].sent.label, before.readyState], ["song copy", "ended"]);
  assert.equal(local.stopCaptureAudio(), true);
  assert.equal(local.stopCaptureAudio(), false);
  assert.equal((await zg.updatePublishingStream(local, 1)).errorCode, 1103087);
  assert.equal((await zg.updatePublishingStream(streamOf("x"), 1)).errorCode, 1103086);
});

test("the sound of a screen is captured and its picture dropped", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const picture = Object.assign(streamOf("picture").getAudioTracks()[0], { kind: "video" });
  const asked = [];
  world.mediaDevices.getDisplayMedia = async ({ audio }) => {
    asked.push(audio);
    return new FakeStream([picture, ...streamOf("tab").getAudioTracks()]);
  };
  const local = await zg.createZegoStream({ screen: { audio: true } });
  assert.deepEqual([local.stream.getAudioTracks()[0].label, picture.readyState], ["tab", "ended"]);
  assert.deepEqual(asked, [{ noiseSuppression: false, autoGainControl: false, echoCancellation: true }]);
  assert.equal((await zg.useAudioDevice(local, "mic")).errorCode, 1103046, "it is no microphone");
  world.mediaDevices.getDisplayMedia = async () => new FakeStream([picture]);
  assert.equal(await codeOf(() => zg.createZegoStream({ screen: { audio: true } })), 1103046, "no sound was shared");
});

test("a media element is captured when it has a sound, and refused when none comes", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const sound = new FakeStream();
  const making = zg.createZegoStream({ custom: { audio: { source: { captureStream: () => sound } } } });
  await settle();
  const [track] = streamOf("element").getAudioTracks();
  sound.dispatchEvent(Object.assign(new Event("addtrack"), { track }));
  assert.equal((await making).stream.getAudioTracks()[0], track);
  const silent = codeOf(() =>
    zg.createZegoStream({ custom: { audio: { source: { mozCaptureStream: () => new FakeStream() } } } }),
  );
  await settle();
  await world.env.pass(5000);
  assert.equal(await silent, 1103046);
});

test("checkSystemRequirements says what is missing and why", async () => {
  const world = new FakeWorld();
  const opus = { getCapabilities: () => ({ codecs: [{ mimeType: "audio/opus" }] }) };
  Object.assign(world, { RTCRtpSender: opus, HTMLMediaElement: { prototype: { captureStream() {} } } });
  world.mediaDevices.getDisplayMedia = async () => new FakeStream();
  const zg = world.engine();
  assert.deepEqual(await zg.checkSystemRequirements(), {
    webRTC: true,
    customCapture: true,
    camera: false,
    microphone: true,
    screenSharing: true,
    videoCodec: { H264: false, H265: false, VP8: false, VP9: false },
    errInfo: {},
  });
  world.captureError = "NotAllowedError";
  world.RTCRtpSender = undefined;
  const { webRTC, microphone: found, errInfo } = await zg.checkSystemRequirements();
  assert.deepEqual([webRTC, found, errInfo.microphone.code, errInfo.webRTC.code], [false, false, 1103064, 1103002]);
  assert.deepEqual(await zg.checkSystemRequirements("screenSharing"), { result: true, errInfo: {} });
  assert.equal((await zg.checkSystemRequirements("camera")).result, false);
  assert.equal((await zg.checkSystemRequirements("microphone", 0)).errInfo.code, 1103064);
  assert.equal(await codeOf(() => zg.checkSystemRequirements("toaster")), 1100001);
});

test("a stream of an engine that is destroyed while the user is asked is closed again", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  let allow;
  const late = streamOf("late");
  world.mediaDevices.getUserMedia = () => new Promise((resolve) => (allow = () => resolve(late)));
  const making = codeOf(() => zg.createZegoStream());
  await settle();
  zg.destroyEngine();
  allow();
  assert.equal(await making, 1000001);
  assert.equal(late.getAudioTracks()[0].readyState, "ended");
});
