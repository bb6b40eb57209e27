import assert from "node:assert/strict";
import test from "node:test";

import { codeOf, FakeWorld, Told, TOKEN } from "./fakes.js";

const ALICE = { userID: "alice" };
const SECOND = 1000;

/** An engine in these rooms at a time. */
async function inRooms(world, ...roomIDs) {
  const zg = world.engine();
  assert.equal(zg.enableMultiRoom(true), true);
  for (const roomID of roomIDs) await zg.loginRoom(roomID, TOKEN, ALICE);
  return { zg, told: new Told(zg), rooms: roomIDs.map((roomID) => world.rooms.get(roomID)) };
}

/** Bob's stream stands in the list of a room. */
function lists(room, streamID) {
  room.streams.push({ streamID, user: { userID: "bob" } });
}

test("several rooms are allowed once, and before the first login", async () => {
  const world = new FakeWorld();
  const single = world.engine();
  await codeOf(() => single.loginRoom("r", "", ALICE));
  assert.equal(single.enableMultiRoom(false), true, "a login that never began settles nothing");
  assert.equal(single.enableMultiRoom(true), false);
  assert.equal(await codeOf(() => single.enableMultiRoom(1)), 1100001);
  const late = world.engine();
  await late.loginRoom("r", TOKEN, ALICE);
  assert.equal(late.enableMultiRoom(true), false);
  assert.equal(await codeOf(() => late.loginRoom("q", TOKEN, ALICE)), 1002001);
  assert.equal(world.room.options.instance, undefined);
});

test("each room is entered once and all as one user, and all logins show one instance", async () => {
  const world = new FakeWorld();
  const { zg, told, rooms } = await inRooms(world, "r", "q");
  assert.deepEqual(
    rooms.map(({ options }) => options.instance),
    ["0".repeat(32), "0".repeat(32)],
  );
  assert.equal(await codeOf(() => zg.loginRoom("r", TOKEN, ALICE)), 1002056);
  assert.deepEqual(told.take(), []);
  assert.equal(await codeOf(() => zg.loginRoom("p", TOKEN, { userID: "mallory" })), 1002018);
  assert.deepEqual(told.take(), ["room LOGINING 0", "room LOGIN_FAILED 1002018"]);
  zg.logoutRoom();
  await zg.loginRoom("p", TOKEN, { userID: "mallory" });
});

test("what is published names its room, and ends with that room alone", async () => {
  const world = new FakeWorld();
  const { zg, told, rooms } = await inRooms(world, "r", "q");
  const local = await zg.createZegoStream();
  assert.equal(await codeOf(() => zg.startPublishingStream("a", local)), 1003071);
  assert.equal(await codeOf(() => zg.startPublishingStream("a", local, { roomID: "p" })), 1000002);
  assert.equal(await codeOf(() => zg.startPublishingStream("a", local, { roomID: 7 })), 1103001);
  zg.startPublishingStream("a", local, { roomID: "q" });
  zg.startPublishingStream("b", local, { roomID: "r" });
  await world.env.pass(0);
  assert.deepEqual(
    rooms.map(({ asked }) => asked.filter((type) => type === "publish").length),
    [1, 1],
  );
  await zg.setStreamExtraInfo("a", "x");
  assert.ok(rooms[1].asked.includes("setStreamExtraInfo"));
  told.take();
  rooms[0].reject = () => {};
  rooms[0].end("KICKOUT", 1002055);
  assert.deepEqual(told.take(), ["b NO_PUBLISH 1002055", "room KICKOUT 1002055"]);
  assert.equal(await codeOf(() => zg.sendBroadcastMessage("q", "here")), 0);
  assert.equal(await codeOf(() => zg.sendBroadcastMessage("r", "gone")), 1009005);
});

test("a stream is played through the room that is named, else through the one that lists it, else through the first", async () => {
  const world = new FakeWorld();
  const { zg, rooms } = await inRooms(world, "r", "q");
  lists(rooms[1], "b");
  assert.equal(await codeOf(() => zg.startPlayingStream("b", { roomID: "p" })), 1000002);
  assert.equal(await codeOf(() => zg.startPlayingStream("b", { roomID: 7 })), 1104001);
  const table = [
    ["b", "r", 0],
    ["b", undefined, 1],
    ["elsewhere", undefined, 0],
    ["elsewhere", "q", 1],
  ];
  for (const [streamID, roomID, through] of table) {
    rooms.forEach((room) => (room.asked.length = 0));
    await zg.startPlayingStream(streamID, { roomID });
    assert.deepEqual(
      rooms.map(({ asked }) => asked.includes("play")),
      [through === 0, through === 1],
    );
    zg.stopPlayingStream(streamID);
  }
});

test("a room that ends ends the playbacks of its streams and hands others to another room, in the same MediaStream", async () => {
  const world = new FakeWorld();
  const { zg, told, rooms } = await inRooms(world, "r", "q");
  lists(rooms[0], "own");
  lists(rooms[1], "foreign");
  await zg.startPlayingStream("own");
  const stream = await zg.startPlayingStream("foreign", { roomID: "r" });
  await world.env.pass(SECOND);
  told.take();
  rooms[0].request = async (type) => assert.equal(type, "stopPlay", "the room that is left is asked for nothing");
  zg.logoutRoom("r");
  assert.deepEqual(told.take(), ["own NO_PLAY 0", "foreign PLAY_REQUESTING 1004020", "room LOGOUT 0"]);
  await world.env.pass(SECOND);
  assert.ok(rooms[1].asked.includes("play"));
  assert.deepEqual(told.take(), ["foreign PLAYING 0"]);
  assert.equal(stream.getAudioTracks().length, 1);
  rooms[1].reject = () => {};
  rooms[1].end("RECONNECT_FAILED", 1002031);
  assert.deepEqual(told.take(), ["foreign NO_PLAY 1104031", "room RECONNECT_FAILED 1002031"]);
});

test("leaving all rooms ends all streams first, and none moves", async () => {
  const world = new FakeWorld();
  const { zg, told } = await inRooms(world, "r", "q");
  zg.startPublishingStream("a", await zg.createZegoStream(), { roomID: "q" });
  await zg.startPlayingStream("b", { roomID: "r" });
  told.take();
  assert.equal(await codeOf(() => zg.logoutRoom("p")), 1002002);
  zg.logoutRoom();
  assert.deepEqual(told.take(), ["a NO_PUBLISH 0", "b NO_PLAY 0", "room LOGOUT 0", "room LOGOUT 0"]);
});

test("a switch leaves the room that it names, and a token without one is for the first", async () => {
  const world = new FakeWorld();
  const { zg, told } = await inRooms(world, "r", "q");
  assert.equal(await codeOf(() => zg.switchRoom("r", "q", { token: TOKEN })), 1002064);
  assert.equal(await codeOf(() => zg.switchRoom("p", "x", { token: TOKEN })), 1002002);
  assert.equal(zg.renewToken(TOKEN, "p"), false);
  assert.equal(zg.renewToken(TOKEN), true);
  told.take();
  await zg.switchRoom("r", "p", { token: TOKEN });
  assert.deepEqual(told.take(), ["room LOGOUT 0", "room LOGINING 0", "room LOGINED 0"]);
  assert.equal(await codeOf(() => zg.sendBroadcastMessage("q", "here")), 0);
});

test("whether a stream is muted says the room that lists it", async () => {
  const world = new FakeWorld();
  const { zg, told, rooms } = await inRooms(world, "r", "q");
  lists(rooms[1], "b");
  await zg.startPlayingStream("b", { roomID: "r" });
  told.take();
  rooms[0].mute("b", true);
  assert.deepEqual(told.take(), []);
  rooms[1].mute("b", true);
  assert.deepEqual(told.take(), ["mic b MUTE"]);
});

test("without the link media goes on, or stops until it is back, as the config says", async () => {
  for (const keeps of [true, false]) {
    const world = new FakeWorld();
    const zg = world.engine();
    zg.setEngineConfig({ keepRtcWhenSignalDisconnected: keeps });
    await zg.loginRoom("r", TOKEN, ALICE);
    const told = new Told(zg);
    zg.startPublishingStream("a", await zg.createZegoStream());
    await zg.startPlayingStream("b");
    await world.env.pass(SECOND);
    told.take();
    const peers = world.peers.length;
    world.room.listener.onState("RECONNECTING", 1000017, "");
    await world.env.pass(10 * SECOND);
    const stopped = keeps ? [] : ["a PUBLISH_REQUESTING 1103050", "b PLAY_REQUESTING 1104029"];
    assert.deepEqual(told.take(), ["room RECONNECTING 1000017", ...stopped]);
    assert.deepEqual(
      world.peers.map(({ closed }) => closed),
      Array(peers).fill(!keeps),
    );
    world.room.listener.onState("RECONNECTED", 0, "");
    world.room.listener.onLink(true, { fresh: false, publishing: ["a"], playing: ["b"] });
    await world.env.pass(SECOND);
    const back = keeps ? [] : ["a PUBLISHING 0", "b PLAYING 0"];
    assert.deepEqual(told.take(), ["room RECONNECTED 0", ...back]);
  }
});
