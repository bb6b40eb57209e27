import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { ZegoExpressEngine } from "../../express.js";
import { codeOf, FakeWorld, loggedIn, streamOf, TOKEN, Told } from "./fakes.js";

const LONG = "s".repeat(257);

test("the constructor refuses what cannot work", async () => {
  for (const appID of [0, -1, 1.5, 2 ** 32, "1", undefined]) {
    assert.equal(await codeOf(() => new ZegoExpressEngine(appID, "ws://h:1")), 1101000, `${appID}`);
  }
  for (const server of ["ftp://h", "ws://", "ws://u@h", ["ws://ok", "ftp://h"], 7]) {
    assert.equal(await codeOf(() => new FakeWorld().engine(server)), 1100001, `${server}`);
  }
});

test("an empty server is the page's own host, and several are tried in their order", async () => {
  for (const server of ["", null, undefined]) {
    const world = new FakeWorld();
    await world.engine(server).loginRoom("r", TOKEN, { userID: "alice" });
    assert.deepEqual(world.room.options.servers, ["ws://page.example:8080/v1/signal"]);
  }
  const world = new FakeWorld();
  await world.engine(["https://a.example", "ws://b.example:1"]).loginRoom("r", TOKEN, { userID: "alice" });
  assert.deepEqual(world.room.options.servers, ["wss://a.example/v1/signal", "ws://b.example:1/v1/signal"]);
});

test("a login with a bad argument is told as LOGINING and LOGIN_FAILED, in the documented order of checks", async () => {
  const user = { userID: "alice" };
  const table = [
    [["", "", null], 1002011],
    [["a/b", "", null], 1002012],
    [["r".repeat(129), "", null], 1002013],
    [["r", "", null], 1100001],
    [["r", 7, null], 1100001],
    [["r", TOKEN, null], 1100001],
    [["r", TOKEN, {}], 1002005],
    [["r", TOKEN, { userID: "a:b" }], 1002006],
    [["r", TOKEN, { userID: "u".repeat(65) }], 1002007],
    [["r", TOKEN, { userID: "a", userName: "n".repeat(257) }], 1002010],
    [["r", TOKEN, user, { maxMemberCount: -1 }], 1100001],
    [["r", TOKEN, user, { loudestStreams: 1.5 }], 1100001],
    [["r", TOKEN, user, { userUpdate: 1 }], 1100001],
  ];
  for (const [args, code] of table) {
    const zg = new FakeWorld().engine();
    const told = new Told(zg);
    assert.equal(await codeOf(() => zg.loginRoom(...args)), code);
    assert.deepEqual(told.take(), ["room LOGINING 0", `room LOGIN_FAILED ${code}`]);
  }
});

test("a second login is refused without an event", async () => {
  const { zg, told } = await loggedIn(new FakeWorld());
  assert.equal(await codeOf(() => zg.loginRoom("other", TOKEN, { userID: "alice" })), 1002001);
  assert.deepEqual(told.take(), []);
});

test("leaving where one is not is answered as documented", async () => {
  const zg = new FakeWorld().engine();
  const told = new Told(zg);
  zg.logoutRoom("r");
  assert.deepEqual(told.take(), ["room LOGOUT 0"]);
  const { zg: inRoom } = await loggedIn(new FakeWorld());
  assert.equal(await codeOf(() => inRoom.logoutRoom("nowhere")), 1002002);
});

test("the scenario is one of 3 to 9, and is set in no room, from the call of loginRoom on", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  for (const scenario of [3, 4, 5, 6, 7, 8, 9]) assert.equal(zg.setRoomScenario(scenario), true, `${scenario}`);
  for (const scenario of [2, 10, 3.5, "9", null, undefined]) assert.equal(zg.setRoomScenario(scenario), false, `${scenario}`);
  world.accepts = false;
  zg.loginRoom("r", TOKEN, { userID: "alice" }).catch(() => {});
  assert.equal(await codeOf(() => zg.setRoomScenario(3)), 1000067);
  world.room.accept();
  assert.equal(await codeOf(() => zg.setRoomScenario(3)), 1000067);
  zg.logoutRoom();
  assert.equal(zg.setRoomScenario(3), true);
});

test("renewing checks the form and the room, and passes the token on", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  assert.equal(zg.renewToken("04AAAB"), true);
  assert.deepEqual(world.asked(), ["renewToken"]);
  const tooLong = `04${"A".repeat(8192)}`;
  for (const bad of ["", "03AAAB", "04AAA", "04AAAA=AAA", "04A===", tooLong, null])
    assert.equal(zg.renewToken(bad), false, `${bad}`);
  assert.equal(zg.renewToken("04AAAC", "other"), false);
  assert.equal(new FakeWorld().engine().renewToken("04AAAB"), false, "in no room");
});

test("publishing is refused with the documented codes in the documented order", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const told = new Told(zg);
  const local = await zg.createZegoStream();
  const foreign = await world.engine().createZegoStream();
  const gone = await zg.createZegoStream();
  const idle = await zg.createZegoStream({ autoCapture: false });
  zg.destroyStream(gone);
  const tooMuch = { extraInfo: "x".repeat(1025) };
  // Outside of a room; each row has all later things wrong as well.
  const table = [
    [["", foreign, tooMuch], 1000015],
    [[undefined, foreign, tooMuch], 1000015],
    [[LONG, foreign, tooMuch], 1000014],
    [["a b", foreign, tooMuch], 1000016],
    [["s", foreign, 7], 1103001],
    [["s", foreign, { extraInfo: 7 }], 1103001],
    [["s", foreign, { enableDTX: 1 }], 1103001],
    [["s", foreign, tooMuch], 1003051],
    [["s", foreign], 1103044],
    [["s", streamOf("no SDK stream")], 1103044],
    [["s", gone], 1103099],
    [["s", idle], 1103099],
    [["s", local], 1000002],
  ];
  for (const [args, code] of table) assert.equal(await codeOf(() => zg.startPublishingStream(...args)), code);
  assert.equal(zg.stopPublishingStream("s"), false);
  assert.deepEqual(told.take(), [], "a refused call reports nothing");
  await zg.loginRoom("r", TOKEN, { userID: "alice" });
  assert.equal(zg.startPublishingStream("s", local, { extraInfo: "x".repeat(1024) }), true);
  assert.equal(await codeOf(() => zg.startPublishingStream("s", local)), 1103056);
  assert.equal(zg.startPublishingStream("s-2", local), true);
});

test("a thrown failure has the documented shape", async () => {
  const { zg } = await loggedIn(new FakeWorld());
  assert.throws(
    () => zg.startPublishingStream("", null),
    ({ errorCode, extendedData, code, message, msg }) =>
      errorCode === 1000015 && code === 1000015 && extendedData === message && msg === message && message.length > 0,
  );
});

test("playing is refused with the documented codes in the documented order", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const told = new Told(zg);
  zg.setEngineConfig({ maxChannels: 2 });
  const bad = { jitterBufferTarget: 5000 };
  const table = [
    [["", bad], 1000015],
    [[LONG, bad], 1000014],
    [["a b", bad], 1000016],
    [["s", bad], 1104001],
    [["s", { enableLowLatency: 1 }], 1104001],
    [["s"], 1000002],
  ];
  for (const [args, code] of table) assert.equal(await codeOf(() => zg.startPlayingStream(...args)), code);
  assert.equal(await codeOf(() => zg.stopPlayingStream("a b")), 1000016);
  zg.stopPlayingStream("not-played");
  assert.deepEqual(told.take(), [], "a refused call reports nothing");
  await zg.loginRoom("r", TOKEN, { userID: "alice" });
  await zg.startPlayingStream("a");
  assert.equal(await codeOf(() => zg.startPlayingStream("a")), 1103049);
  await zg.startPlayingStream("b");
  assert.equal(await codeOf(() => zg.startPlayingStream("c")), 1104045);
  zg.stopPlayingStream("a");
  await zg.startPlayingStream("c");
});

test("local streams are refused with the documented codes", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const table = [
    [7, 1100001],
    [{ camera: { audio: true }, custom: { audio: { source: streamOf("x") } } }, 1100001],
    [{ camera: { audio: true, video: true } }, 1100001],
    [{ screen: { audio: true, video: true } }, 1100001],
    [{ camera: { audio: false, video: false } }, 1100001],
    [{ screen: {} }, 1100001],
    [{ custom: { audio: { source: {} } } }, 1100001],
    [{ audioBitrate: 5 }, 1100001],
    [{ audioBitrate: 511 }, 1100001],
    [{ audioBitrate: 48.5 }, 1100001],
    [{ channelCount: 3 }, 1100001],
    [{ camera: { audio: { AEC: "yes" } } }, 1100001],
    [{ camera: { audio: { input: 7 } } }, 1100001],
  ];
  for (const [options, code] of table)
    assert.equal(await codeOf(() => zg.createZegoStream(options)), code, JSON.stringify(options));
  const foreign = await world.engine().createZegoStream();
  assert.equal((await zg.setCaptureVolume(foreign, 100)).errorCode, 1000018);
  assert.equal(zg.mutePublishStreamAudio(foreign, true), false);
  assert.equal(await codeOf(() => zg.destroyStream(foreign)), 1000018);
});

test("what the browser says of a microphone has its documented code", async () => {
  const table = [
    ["NotAllowedError", 1103064],
    ["SecurityError", 1103064],
    ["NotReadableError", 1103065],
    ["OverconstrainedError", 1103066],
    ["NotFoundError", 1103048],
    ["SomethingNew", 1103061],
  ];
  for (const [name, code] of table) {
    const world = new FakeWorld();
    world.captureError = name;
    assert.equal(await codeOf(() => world.engine().createZegoStream()), code, name);
  }
  const world = new FakeWorld();
  world.mediaDevices = undefined;
  assert.equal(await codeOf(() => world.engine().createZegoStream()), 1103053, "no secure context");
  assert.equal(await codeOf(() => world.engine().enumDevices()), 1103011);
});

test("messages are refused with the documented codes in the documented order", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const long = "x".repeat(1025);
  const table = [
    [() => zg.sendBroadcastMessage("r", ""), 1009001],
    [() => zg.sendBroadcastMessage("r", long), 1009013],
    [() => zg.sendBarrageMessage("r", long), 1009013],
    [() => zg.sendCustomCommand("r", "", []), 1009001],
    [() => zg.sendCustomCommand("r", long, []), 1009002],
    [() => zg.sendCustomCommand("r", "x", "bob"), 1100001],
    [() => zg.sendCustomCommand("r", "x", Array(501).fill("bob")), 1100001],
    [() => zg.sendCustomCommand("r", "x", ["a:b"]), 1100001],
    [() => zg.sendBroadcastMessage("r", "x"), 1000002],
    [() => zg.setStreamExtraInfo("s", ""), 1003050],
    [() => zg.setStreamExtraInfo("s", long), 1003051],
    [() => zg.setStreamExtraInfo("s", "x"), 1103055],
    [() => zg.mutePlayStreamAudio("s", true), 1104044],
    [() => zg.mutePlayStreamAudio("s", 1), 1100001],
  ];
  for (const [call, code] of table) assert.equal(await codeOf(call), code);
  await zg.loginRoom("r", TOKEN, { userID: "alice" });
  assert.equal(await codeOf(() => zg.sendBroadcastMessage("other", "x")), 1009005);
});

test("after destroyEngine every call fails with 1000001 and nothing is told or left running", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("s", local);
  await zg.startPlayingStream("t");
  await world.env.pass(1000);
  const pending = codeOf(() => zg.startPlayingStream("u"));
  told.take();
  zg.destroyEngine();
  zg.destroyEngine();
  assert.equal(await pending, 1000001);
  assert.deepEqual(told.take(), []);
  assert.ok(world.peers.every(({ closed }) => closed) && !local.active);
  assert.equal(world.env.pending, 0);
  const calls = [
    () => zg.loginRoom("r", TOKEN, { userID: "alice" }),
    () => zg.logoutRoom(),
    () => zg.renewToken(TOKEN),
    () => zg.createZegoStream(),
    () => zg.destroyStream(local),
    () => zg.startPublishingStream("", local),
    () => zg.stopPublishingStream(""),
    () => zg.startPlayingStream(""),
    () => zg.stopPlayingStream(""),
    () => zg.createRemoteStreamView(null),
    () => zg.mutePublishStreamAudio(local),
    () => zg.muteMicrophone(true),
    () => zg.isMicrophoneMuted(),
    () => zg.mutePlayStreamAudio("", true),
    () => zg.muteAllPlayAudioStreams(true),
    () => zg.setCaptureVolume(local, 1),
    () => zg.setAudioConfig(local, {}),
    () => zg.useAudioDevice(local, ""),
    () => zg.updatePublishingStream(local),
    () => zg.setStreamExtraInfo("", ""),
    () => zg.sendBroadcastMessage("", ""),
    () => zg.sendBarrageMessage("", ""),
    () => zg.sendCustomCommand("", "", []),
    () => zg.checkSystemRequirements(),
    () => zg.enumDevices(),
    () => zg.getMicrophones(),
    () => zg.getSpeakers(),
    () => zg.getCameras(),
    () => zg.useAudioOutputDevice(local, ""),
    () => zg.setSoundLevelDelegate(true),
    () => zg.setEngineConfig({}),
  ];
  for (const call of calls) assert.equal(await codeOf(call), 1000001, `${call}`);
  assert.equal(zg.getPublishingStreamQuality("s"), null);
  assert.equal(zg.getVersion(), ZegoExpressEngine.version);
});

test("the types describe every call, and no other", () => {
  const types = readFileSync(new URL("../../express.d.ts", import.meta.url), "utf8");
  const body = types.slice(types.indexOf("export class ZegoExpressEngine"));
  const described = new Set([...body.matchAll(/^ {2}(\w+)(?:<[^>]*>)?\(/gm)].map(([, name]) => name));
  assert.deepEqual([...described].sort(), Object.getOwnPropertyNames(ZegoExpressEngine.prototype).sort());
});

test("the version is that of the workspace", () => {
  const cargo = readFileSync(new URL("../../../../Cargo.toml", import.meta.url), "utf8");
  assert.equal(/^version = "(.*)"$/m.exec(cargo)[1], ZegoExpressEngine.version);
});

test("a config of a wrong type, or that this SDK does not know, changes nothing", async () => {
  const { zg, told } = await loggedIn(new FakeWorld());
  zg.setEngineConfig({ switchRoomNotStopPlay: 1, maxChannels: "2", keepRtcWhenSignalDisconnected: "false", unknown: true });
  zg.setEngineConfig(null);
  for (const streamID of ["a", "b", "c"]) await zg.startPlayingStream(streamID);
  told.take();
  await zg.switchRoom("r", "q", { token: TOKEN });
  assert.deepEqual(told.take().slice(0, 3), ["a NO_PLAY 0", "b NO_PLAY 0", "c NO_PLAY 0"]);
});
