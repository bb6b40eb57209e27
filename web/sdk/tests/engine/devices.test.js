import assert from "node:assert/strict";
import test from "node:test";

import { codeOf, FakeStream, FakeWorld, loggedIn, settle, streamOf } from "./fakes.js";

const microphone = { kind: "audioinput", deviceId: "mic", label: "Microphone" };
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
  world.mediaDevices.getDisplayMedia = async () => new FakeStream([picture, ...streamOf("tab").getAudioTracks()]);
  const local = await zg.createZegoStream({ screen: { audio: true } });
  assert.deepEqual([local.stream.getAudioTracks()[0].label, picture.readyState], ["tab", "ended"]);
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
