import assert from "node:assert/strict";
import test from "node:test";

import { codeOf, FakeWorld, loggedIn, settle, streamOf, TOKEN, Told } from "./fakes.js";

const SECOND = 1000;

const away = { code: 1000017, message: "the link is away" };
const missing = { code: 1104039, message: "no such stream", retryAfterMs: SECOND };

test("the whole documented flow runs in the documented order", async () => {
  const world = new FakeWorld();
  const zg = world.engine();
  const told = new Told(zg);
  assert.equal(await zg.loginRoom("r", TOKEN, { userID: "alice", userName: "Alice" }, { userUpdate: true }), true);
  assert.deepEqual(told.take(), ["room LOGINING 0", "room LOGINED 0"]);
  const local = await zg.createZegoStream({ camera: { audio: true, video: false } });
  local.playAudio();
  zg.startPublishingStream("s1", local);
  assert.deepEqual(told.take(), ["s1 PUBLISH_REQUESTING 0"]);
  await world.env.pass(0);
  assert.deepEqual(told.take(), ["s1 PUBLISHING 0"]);
  world.room.listener.onStreams("ADD", [{ streamID: "s2", user: { userID: "bob", userName: "Bob" }, extraInfo: "" }], "");
  const remote = await zg.startPlayingStream("s2");
  zg.createRemoteStreamView(remote).playAudio();
  await world.env.pass(0);
  assert.deepEqual(told.take(), ["streams ADD s2", "s2 PLAY_REQUESTING 0", "s2 PLAYING 0"]);
  await world.env.pass(4 * SECOND);
  assert.equal(zg.getPlayingStreamQuality("s2").audio.audioCodec, "opus");
  assert.equal(zg.getPublishingStreamQuality("s2"), null);
  zg.stopPublishingStream("s1");
  zg.destroyStream(local);
  zg.stopPlayingStream("s2");
  zg.logoutRoom("r");
  assert.deepEqual(told.take(), ["s1 NO_PUBLISH 0", "s2 NO_PLAY 0", "room LOGOUT 0"]);
  const types = world.asked().filter((type) => type !== "reportQuality");
  assert.deepEqual(types, ["publish", "play", "unpublish", "stopPlay"]);
});

test("every connection that begins has the ICE servers that the room was told last", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  world.room.iceServers = [{ urls: ["turn:a"], username: "1", credential: "c" }];
  zg.startPublishingStream("s", await zg.createZegoStream());
  await world.env.pass(0);
  world.room.iceServers = [{ urls: ["turn:a"], username: "2", credential: "c" }];
  await zg.startPlayingStream("t");
  const usernames = world.peers.map(({ config }) => config.iceServers[0].username);
  assert.deepEqual(usernames, ["1", "2"]);
});

test("what was asked of a publication reaches the server and the browser", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const local = await zg.createZegoStream({
    camera: { audio: { input: "headset", AEC: false } },
    audioBitrate: 96,
    channelCount: 2,
  });
  assert.deepEqual(world.microphones, [{ deviceId: { exact: "headset" }, channelCount: 2, echoCancellation: false }]);
  zg.startPublishingStream("s", local, { extraInfo: "hello", enableDTX: true });
  await settle();
  const [[type, fields]] = world.requests;
  assert.equal(type, "publish");
  assert.deepEqual([fields.stream_id, fields.extra_info, fields.muted], ["s", "hello", false]);
  assert.match(fields.offer, /a=fmtp:111 useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=96000;usedtx=1/);
  assert.deepEqual([world.peers[0].maxBitrate, world.peers[0].direction], [96_000, "sendonly"]);
});

test("publishing and playing are accepted while a login runs, and begin with LOGINED", async () => {
  const world = new FakeWorld();
  world.accepts = false;
  const zg = world.engine();
  const told = new Told(zg);
  const local = await zg.createZegoStream();
  const login = zg.loginRoom("r", TOKEN, { userID: "alice" });
  zg.startPublishingStream("s1", local);
  const playing = zg.startPlayingStream("s2");
  await world.env.pass(5 * SECOND);
  assert.deepEqual(told.take(), ["room LOGINING 0", "s1 PUBLISH_REQUESTING 0", "s2 PLAY_REQUESTING 0"]);
  assert.deepEqual(world.asked(), []);
  world.room.accept();
  await Promise.all([login, playing]);
  await world.env.pass(0);
  assert.deepEqual(told.take(), ["room LOGINED 0", "s1 PUBLISHING 0", "s2 PLAYING 0"]);
});

test("a room that ends takes its streams with it, each with the code that fits", async () => {
  const table = [
    ["KICKOUT", 1002050, 1002050, 1002050],
    ["RECONNECT_FAILED", 1002053, 1103051, 1104031],
    ["LOGOUT", 0, 0, 0],
  ];
  for (const [reason, code, publish, play] of table) {
    const world = new FakeWorld();
    const { zg, told } = await loggedIn(world);
    zg.startPublishingStream("s1", await zg.createZegoStream());
    await zg.startPlayingStream("s2");
    await world.env.pass(0);
    told.take();
    world.room.end(reason, code);
    assert.deepEqual(told.take(), [`s1 NO_PUBLISH ${publish}`, `s2 NO_PLAY ${play}`, `room ${reason} ${code}`]);
    assert.equal(await zg.loginRoom("r2", TOKEN, { userID: "alice" }), true, "the next login is free");
  }
});

test("a failed login ends what was started with it", async () => {
  const world = new FakeWorld();
  world.accepts = false;
  const zg = world.engine();
  const told = new Told(zg);
  const login = codeOf(() => zg.loginRoom("r", TOKEN, { userID: "alice" }));
  const playing = codeOf(() => zg.startPlayingStream("s2"));
  await settle();
  told.take();
  world.room.end("LOGIN_FAILED", 1102016);
  assert.deepEqual(await Promise.all([login, playing]), [1102016, 1102016]);
  assert.deepEqual(told.take(), ["s2 NO_PLAY 1102016", "room LOGIN_FAILED 1102016"]);
});

test("a stream that is not there stays requested until it appears", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  world.refusals.set("play", missing);
  const playing = zg.startPlayingStream("s2");
  await world.env.pass(60 * SECOND);
  assert.deepEqual(told.take(), ["s2 PLAY_REQUESTING 0"]);
  world.refusals.clear();
  world.room.listener.onStreams("ADD", [{ streamID: "s2", user: { userID: "bob" } }], "");
  assert.equal((await playing).getAudioTracks().length, 1);
  await world.env.pass(0);
  assert.deepEqual(told.take(), ["streams ADD s2", "s2 PLAYING 0"]);
});

test("stopping a pending playback rejects its call with 1104042 and reports zero", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  world.refusals.set("play", missing);
  const playing = codeOf(() => zg.startPlayingStream("s2"));
  await settle();
  zg.stopPlayingStream("s2");
  assert.equal(await playing, 1104042);
  assert.deepEqual(told.take(), ["s2 PLAY_REQUESTING 0", "s2 NO_PLAY 0"]);
});

test("a session that is lost is published and played anew, a session that was kept is not", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("s1", local, { extraInfo: "old" });
  const remote = await zg.startPlayingStream("s2");
  await world.env.pass(0);
  await zg.setStreamExtraInfo("s1", "new");
  zg.mutePublishStreamAudio(local, true);
  await zg.mutePlayStreamAudio("s2", true);
  await settle();
  told.take();
  world.asked();
  world.room.listener.onLink(true, { fresh: false, publishing: ["s1"], playing: ["s2"] });
  await settle();
  assert.deepEqual([told.take(), world.asked()], [[], []]);
  world.room.listener.onLink(true, { fresh: true, publishing: [], playing: [] });
  await world.env.pass(0);
  const publish = world.requests.find(([type]) => type === "publish")[1];
  assert.deepEqual([publish.extra_info, publish.muted], ["new", true], "a muted user is never heard");
  assert.deepEqual(world.requests.find(([type]) => type === "pausePlay")[1], { stream_id: "s2", paused: true });
  assert.equal(remote.getAudioTracks().length, 1, "the MediaStream is the same and has the new track");
  assert.ok(!remote.getAudioTracks()[0].enabled);
  const expected = ["s1 PUBLISH_REQUESTING 1103027", "s2 PLAY_REQUESTING 1104027", "s1 PUBLISHING 0", "s2 PLAYING 0"];
  assert.deepEqual(told.take().sort(), expected.sort());
});

test("a stream whose media the server lost is published anew, one that it forbids ends", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  zg.startPublishingStream("s1", await zg.createZegoStream());
  await world.env.pass(0);
  told.take();
  world.room.listener.onStreamEnded({ streamID: "s1", role: "publish", code: 1103028, message: "" });
  await world.env.pass(0);
  assert.deepEqual(told.take(), ["s1 PUBLISH_REQUESTING 1103027", "s1 PUBLISHING 0"]);
  world.room.listener.onStreamEnded({ streamID: "s1", role: "publish", code: 1002082, message: "no right" });
  assert.deepEqual(told.take(), ["s1 NO_PUBLISH 1002082"]);
});

test("one local stream may be published twice, and ends both when it is destroyed", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  const local = await zg.createZegoStream();
  zg.startPublishingStream("a", local);
  zg.startPublishingStream("b", local);
  await world.env.pass(0);
  told.take();
  zg.destroyStream(local);
  assert.deepEqual(told.take(), ["a NO_PUBLISH 1103099", "b NO_PUBLISH 1103099"]);
  assert.ok(!local.active && local.stream.getAudioTracks()[0].readyState === "ended");
});

test("a message whose socket went is 1009010, and absent users of a command are named", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  world.results.set("sendBroadcastMessage", { message_id: 42 });
  assert.deepEqual(await zg.sendBroadcastMessage("r", "hi"), { errorCode: 0, messageID: 42, extendedData: "" });
  world.refusals.set("sendBroadcastMessage", away);
  assert.equal(await codeOf(() => zg.sendBroadcastMessage("r", "hi")), 1009010);
  world.results.set("sendCustomCommand", { absent: ["carol"] });
  const { errorCode, extendedData } = await zg.sendCustomCommand("r", { seat: 4 }, ["bob", "carol"]);
  assert.deepEqual([errorCode, extendedData], [0, '{"absent":["carol"]}']);
  assert.equal(world.requests.at(-1)[1].command, '{"seat":4}');
});

test("networkQuality tells the client's own first, then those of the users whose streams are played", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const told = [];
  zg.on("networkQuality", (...args) => told.push(args.join(" ")));
  await world.env.pass(3 * SECOND);
  assert.deepEqual(told, [], "nothing is published or played");
  const bob = { streamID: "s2", user: { userID: "bob", userName: "" }, extraInfo: "" };
  world.room.streams = [bob];
  await zg.startPlayingStream("s2");
  world.room.listener.onQuality([
    { userID: "bob", up: 1, down: 2 },
    { userID: "carol", up: 0, down: 0 },
  ]);
  await world.env.pass(15 * SECOND);
  const others = told.filter((line) => line.startsWith("bob"));
  assert.deepEqual(others, ["bob 1 2", "bob 1 2", "bob -1 -1", "bob -1 -1", "bob 4 4"]);
  assert.ok(told[0].startsWith(" -1 ") && !told.some((line) => line.startsWith("carol")));
  assert.equal(world.requests.filter(([type]) => type === "reportQuality").length, 5);
});

test("what the server measured of a stream stands in its quality until it is old", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const seen = [];
  zg.on("publishQualityUpdate", (streamID, { listeners }) => seen.push(`${streamID} ${listeners?.listeners ?? "unknown"}`));
  zg.on("playQualityUpdate", (streamID, stats) => seen.push(`${streamID} ${stats.peerToPeerPacketLostRate}`));
  const stream = await zg.createZegoStream();
  zg.startPublishingStream("s1", stream);
  await zg.startPlayingStream("s2");
  await world.env.pass(4 * SECOND);
  const reports = (report) => ["s1", "elsewhere"].map((streamID) => ({ streamID, report }));
  world.room.listener.onListeners(reports({ listeners: 7 }));
  world.room.listener.onUplinks([{ streamID: "s2", report: { rttMs: 40, loss: 0.25, jitterMs: 0 } }]);
  await world.env.pass(18 * SECOND);
  const [published, played] = ["s1", "s2"].map((id) => seen.filter((line) => line.startsWith(id)));
  assert.equal(published[0], "s1 unknown");
  assert.ok(published.includes("s1 7"));
  assert.equal(published.at(-1), "s1 unknown");
  assert.deepEqual([played[0], played.at(-1)], ["s2 undefined", "s2 0.25"]);
});

test("own quality is unknown before the first report, and lost when reports stay away", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const told = [];
  zg.on("networkQuality", (userID, up, down) => told.push(down));
  await zg.startPlayingStream("s2");
  await world.env.pass(4 * SECOND);
  world.refusals.set("play", missing);
  world.room.listener.onStreamEnded({ streamID: "s2", role: "play", code: 1004020, message: "" });
  await world.env.pass(18 * SECOND);
  assert.equal(told[0], -1);
  assert.equal(told.at(-1), 4);
  zg.stopPlayingStream("s2");
  const { length } = told;
  await world.env.pass(9 * SECOND);
  assert.equal(told.length, length, "nothing is played any more");
});

test("custom sound is a copy of the program's own", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const source = streamOf("song");
  const local = await zg.createZegoStream({ custom: { audio: { source } } });
  zg.mutePublishStreamAudio(local, true);
  zg.destroyStream(local);
  const [track] = source.getAudioTracks();
  assert.ok(track.enabled && track.readyState === "live");
});

test("exceptionUpdate tells once that a stream is silent, and once that it is heard again", async () => {
  const world = new FakeWorld();
  const { zg } = await loggedIn(world);
  const told = [];
  zg.on("exceptionUpdate", (streamID, { code, message }) => told.push([streamID, code, message.length > 20]));
  await zg.startPlayingStream("s2");
  world.level = 0;
  await world.env.pass(12 * SECOND);
  assert.deepEqual(told.splice(0), [["s2", 1006, true]]);
  world.level = 0.1;
  await world.env.pass(9 * SECOND);
  assert.deepEqual(told, [["s2", 2006, true]]);
});

test("a switch leaves one room for another as the same user and ends its streams", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  zg.startPublishingStream("s1", await zg.createZegoStream());
  await zg.startPlayingStream("s2");
  await world.env.pass(0);
  told.take();
  assert.equal(await zg.switchRoom("r", "q", { token: TOKEN, isUserStatusNotify: true, maxMemberCount: 3 }), true);
  const { roomID, userID, userUpdate, maxMemberCount } = world.room.options;
  assert.deepEqual([roomID, userID, userUpdate, maxMemberCount], ["q", "alice", true, 3]);
  assert.deepEqual(told.take(), ["s1 NO_PUBLISH 0", "s2 NO_PLAY 0", "room LOGOUT 0", "room LOGINING 0", "room LOGINED 0"]);
});

test("a switch with wrong arguments changes nothing", async () => {
  const world = new FakeWorld();
  assert.equal(await codeOf(() => world.engine().switchRoom("r", "q", { token: TOKEN })), 1002002);
  const { zg, told } = await loggedIn(world);
  told.take();
  const table = [
    ["q", "p", { token: TOKEN }, 1002002],
    ["r", "r", { token: TOKEN }, 1002064],
    ["r", "", { token: TOKEN }, 1002011],
    ["r", "a b", { token: TOKEN }, 1002012],
    ["r", "q", undefined, 1100001],
    ["r", "q", { token: TOKEN, maxMemberCount: -1 }, 1100001],
  ];
  for (const [from, to, option, code] of table) assert.equal(await codeOf(() => zg.switchRoom(from, to, option)), code);
  assert.deepEqual(told.take(), []);
  zg.logoutRoom("r");
});

test("what is played goes on through the new room where the config says so, in the same MediaStream", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  zg.setEngineConfig({ switchRoomNotStopPlay: true });
  const stream = await zg.startPlayingStream("s2");
  await world.env.pass(0);
  const old = world.room;
  told.take();
  world.requests.length = 0;
  old.request = () => assert.fail("the room that was left is asked no more");
  await zg.switchRoom("r", "q", { token: TOKEN });
  await world.env.pass(SECOND);
  const events = told.take();
  assert.deepEqual(events.slice(0, 3), ["room LOGOUT 0", "room LOGINING 0", "room LOGINED 0"]);
  assert.ok(!events.includes("s2 NO_PLAY 0"));
  assert.deepEqual(
    world.requests.filter(([type]) => type === "play").map(([, { stream_id }]) => stream_id),
    ["s2"],
  );
  assert.equal(stream.getAudioTracks().length, 1);
  zg.stopPlayingStream("s2");
  assert.deepEqual(told.take().at(-1), "s2 NO_PLAY 0");
});

test("an extra info of the room is checked, sent and told", async () => {
  const world = new FakeWorld();
  assert.equal(await codeOf(() => world.engine().setRoomExtraInfo("r", "k", "v")), 1002002);
  const { zg } = await loggedIn(world);
  const table = [
    ["r", "", "v", 1002014],
    ["r", 7, "v", 1002014],
    ["r", "k".repeat(129), "v", 1002015],
    ["r", "k", "v".repeat(4097), 1002016],
    ["r", "k", 7, 1100001],
    ["q", "k", "v", 1002002],
  ];
  for (const [room, key, value, code] of table) assert.equal(await codeOf(() => zg.setRoomExtraInfo(room, key, value)), code);
  world.requests.length = 0;
  assert.deepEqual(await zg.setRoomExtraInfo("r", "k", ""), { errorCode: 0, extendedData: "" });
  assert.deepEqual(world.requests, [["setRoomExtraInfo", { key: "k", value: "" }]]);
  const heard = [];
  zg.on("roomExtraInfoUpdate", (roomID, list) => heard.push([roomID, ...list]));
  const info = { key: "k", value: "v", updateUser: { userID: "bob", userName: "Bob" }, updateTime: 5 };
  world.room.listener.onRoomInfo([info]);
  assert.deepEqual(heard, [["r", info]]);
});

test("a login that moves to another node keeps what is connected until the other connections are there, and nothing is told", async () => {
  const world = new FakeWorld();
  const { zg, told } = await loggedIn(world);
  zg.startPublishingStream("s1", await zg.createZegoStream());
  const remote = await zg.startPlayingStream("s2");
  await world.env.pass(0);
  told.take();
  const former = [...world.peers];
  const [track] = remote.getAudioTracks();
  world.connects = false;
  world.room.listener.onLink(true, { fresh: true, moved: true, publishing: [], playing: [] });
  await world.env.pass(0);
  assert.deepEqual([world.peers.length, former.some(({ closed }) => closed)], [4, false]);
  assert.equal(remote.getAudioTracks()[0], track, "it is heard on");
  const others = world.peers.slice(2);
  others.forEach((peer) => peer.become("connected"));
  await world.env.pass(500);
  assert.ok(former.every(({ closed }) => closed) && others.every(({ closed }) => !closed));
  assert.notEqual(remote.getAudioTracks()[0], track, "the same MediaStream has the track of the other node");
  assert.deepEqual(told.take(), []);
});
