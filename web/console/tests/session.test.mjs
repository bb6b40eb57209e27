import assert from "node:assert/strict";
import { test } from "node:test";
import { requestDevToken } from "../session/dev-token.js";
import { Session } from "../session/session.js";
import { ZegoError } from "../../sdk/base/errors.js";
import { FakeEngine } from "./fake-engine.mjs";

const WISH = { appID: 1, server: "", roomID: "demo", userID: "alice", userName: "", token: "04A" };
const BOB = { userID: "bob", userName: "Bob" };
const MICROPHONE = { input: "", AEC: true, ANS: true, AGC: true };
const stream = (streamID) => ({ streamID, user: BOB, extraInfo: "" });

function visit() {
  let engine;
  const createEngine = (appID, server) => (engine = new FakeEngine(appID, server));
  const session = new Session({ createEngine, now: () => 1000 });
  return { session, engine: () => engine };
}

async function joined() {
  const { session, engine } = visit();
  await session.join(WISH);
  engine().emit("roomStateChanged", "demo", "LOGINING", 0, "");
  engine().emit("roomStateChanged", "demo", "LOGINED", 0, "");
  engine().calls.length = 0;
  return { session, engine: engine() };
}

async function settled() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test("joining makes the engine, asks for user updates and shows the room's states", async () => {
  const { session, engine } = visit();
  const seen = [];
  session.addEventListener("room", () => seen.push(session.room.state));
  assert.equal(await session.join(WISH), true);
  assert.deepEqual(engine().made, { appID: 1, server: "" });
  const [, ...args] = engine().calls.find(([name]) => name === "loginRoom");
  assert.deepEqual(args, ["demo", "04A", { userID: "alice", userName: "" }, { userUpdate: true }]);
  engine().emit("roomStateChanged", "demo", "LOGINING", 0, "");
  engine().emit("roomStateChanged", "demo", "LOGINED", 0, "");
  engine().emit("roomStateChanged", "demo", "RECONNECTING", 1000017, "");
  assert.deepEqual(seen.slice(-3), ["CONNECTING", "CONNECTED", "CONNECTING"]);
});

test("a refused login is one problem in words, and the next try begins without it", async () => {
  const { session, engine } = visit();
  session.prepare(WISH);
  engine().answers.loginRoom = async () => {
    engine().emit("roomStateChanged", "demo", "LOGIN_FAILED", 1102016, "");
    throw new ZegoError(1102016, "refused");
  };
  assert.equal(await session.join(WISH), false);
  assert.deepEqual(
    session.problems.map((problem) => problem.code),
    ["1102016 TOKEN_ERROR"],
  );
  engine().answers = {};
  await session.join(WISH);
  assert.deepEqual(session.problems, []);
});

test("leaving while joining is under way is no problem", async () => {
  const { session, engine } = visit();
  session.prepare(WISH);
  engine().answers.loginRoom = async () => {
    throw new ZegoError(1102026, "cancelled");
  };
  assert.equal(await session.join(WISH), false);
  assert.deepEqual(session.problems, []);
});

test("a wrong AppID is a problem, not a broken page", async () => {
  const { session } = visit();
  assert.equal(await session.join({ ...WISH, appID: NaN }), false);
  assert.match(session.problems[0].code, /1101000/);
});

test("another server or AppID gets an engine of its own and the old one is destroyed", async () => {
  const { session, engine } = visit();
  const first = session.prepare(WISH);
  assert.equal(session.prepare({ ...WISH, roomID: "other" }), first);
  session.prepare({ ...WISH, server: "ws://h:1" });
  assert.ok(first.called.includes("destroyEngine"));
  assert.notEqual(engine(), first);
});

test("streams are played as they appear only if the user wants it", async () => {
  const { session, engine } = await joined();
  engine.emit("roomStreamUpdate", "demo", "ADD", [stream("s1")], "");
  assert.equal(session.playback.players.size, 0);
  session.playback.setAutomatic(true);
  engine.emit("roomStreamUpdate", "demo", "ADD", [stream("s2")], "");
  await settled();
  assert.deepEqual([...session.playback.players.keys()], ["s1", "s2"]);
  assert.deepEqual(
    engine.views.map((view) => view.calls[0]),
    ["playAudio", "playAudio"],
  );
});

test("a stream that goes is stopped, for the engine leaves that to its program", async () => {
  const { session, engine } = await joined();
  engine.emit("roomStreamUpdate", "demo", "ADD", [stream("s1")], "");
  await session.playback.play("s1");
  engine.emit("roomStreamUpdate", "demo", "DELETE", [stream("s1")], "{}");
  assert.deepEqual(engine.called, ["startPlayingStream", "stopPlayingStream"]);
  assert.equal(engine.views[0].calls.at(-1), "stop");
  assert.equal(session.roster.streams.size, 0);
});

test("a stream stopped before it began is no problem", async () => {
  const { session, engine } = await joined();
  let refuse;
  engine.answers.startPlayingStream = () => new Promise((_, reject) => (refuse = reject));
  const playing = session.playback.play("s1");
  session.playback.stop("s1");
  refuse(new ZegoError(1104042, "stopped"));
  await playing;
  assert.deepEqual(session.problems, []);
  assert.equal(session.playback.players.size, 0);
});

test("a playback that fails for good is told once, whether by event, by answer or by both", async () => {
  const { session, engine } = await joined();
  engine.answers.startPlayingStream = async (streamID) => {
    engine.emit("playerStateUpdate", { streamID, state: "NO_PLAY", errorCode: 1104039, extendedData: "" });
    throw new ZegoError(1104039, "no such stream");
  };
  await session.playback.play("s1");
  engine.answers.startPlayingStream = async () => {
    throw new ZegoError(1104045, "too many");
  };
  await session.playback.play("s2");
  assert.deepEqual(
    session.problems.map((problem) => problem.code.split(" ")[0]),
    ["1104045", "1104039"],
  );
  assert.equal(session.playback.players.size, 0);
});

test("sound that the browser holds back is shown, and one click lets all of it be heard", async () => {
  const { session, engine } = await joined();
  await session.playback.play("s1");
  await session.playback.play("s2");
  for (const view of engine.views) view.emit("autoplayFailed");
  assert.equal(session.playback.blocked, true);
  session.playback.resume();
  await settled();
  assert.equal(session.playback.blocked, false);
});

test("leaving ends every player and empties the lists", async () => {
  const { session, engine } = await joined();
  engine.emit("roomUserUpdate", "demo", "ADD", [BOB]);
  engine.emit("roomStreamUpdate", "demo", "ADD", [stream("s1")], "");
  await session.playback.play("s1");
  session.leave();
  engine.emit("roomStateChanged", "demo", "LOGOUT", 0, "");
  assert.deepEqual(engine.called, ["startPlayingStream", "logoutRoom"]);
  assert.deepEqual([session.roster.users.size, session.roster.streams.size, session.playback.players.size], [0, 0, 0]);
  assert.deepEqual(session.problems, []);
});

test("being kicked out is told once and in words, though every stream ends with the same code", async () => {
  const { session, engine } = await joined();
  await session.playback.play("s1");
  engine.emit("playerStateUpdate", { streamID: "s1", state: "NO_PLAY", errorCode: 1002050, extendedData: "" });
  engine.emit("roomStateChanged", "demo", "KICKOUT", 1002050, "{}");
  assert.deepEqual(
    session.problems.map((problem) => problem.what),
    ["Out of the room"],
  );
  assert.match(session.problems[0].why, /somewhere else/);
  assert.equal(session.room.state, "DISCONNECTED");
});

test("the microphone opens once, however often it is asked for", async () => {
  const { session, engine } = await joined();
  await Promise.all([session.capture.start(MICROPHONE), session.capture.start({ ...MICROPHONE, input: "m2" })]);
  assert.deepEqual(engine.called, ["createZegoStream"]);
  assert.deepEqual(engine.calls[0][1], { camera: { audio: { AEC: true, ANS: true, AGC: true }, video: false } });
});

test("who muted before publishing is muted from the first moment on", async () => {
  const { session, engine } = await joined();
  session.capture.mute(true);
  await session.capture.start(MICROPHONE);
  await session.capture.publish("a", "");
  assert.deepEqual(engine.called, ["createZegoStream", "mutePublishStreamAudio", "startPublishingStream"]);
});

test("a microphone that is not permitted is told in words and nothing is published", async () => {
  const { session, engine } = await joined();
  engine.answers.createZegoStream = async () => {
    throw new ZegoError(1103064, "denied");
  };
  assert.equal(await session.capture.start(MICROPHONE), false);
  assert.match(session.problems[0].advice, /Permit it/);
});

test("a stream ID that is taken is told in words, and the microphone goes on", async () => {
  const { session, engine } = await joined();
  await session.capture.start(MICROPHONE);
  await session.capture.publish("a", "");
  engine.emit("publisherStateUpdate", { streamID: "a", state: "NO_PUBLISH", errorCode: 1003028, extendedData: "" });
  assert.match(session.problems[0].why, /Another user publishes/);
  assert.notEqual(session.capture.stream, null);
});

test("closing the microphone of a published stream ends the stream first", async () => {
  const { session, engine } = await joined();
  await session.capture.start(MICROPHONE);
  engine.emit("publisherStateUpdate", { streamID: "a", state: "PUBLISHING", errorCode: 0, extendedData: "" });
  session.capture.stop();
  assert.deepEqual(engine.called.slice(-2), ["stopPublishingStream", "destroyStream"]);
});

test("a failure that resolves with a code is a problem too", async () => {
  const { session, engine } = await joined();
  await session.capture.start(MICROPHONE);
  engine.answers.useAudioDevice = async () => ({ errorCode: 1103048, extendedData: "no such device" });
  await session.capture.useMicrophone("gone");
  assert.equal(session.problems[0].code, "1103048 DEVICE_NOT_FOUND");
});

test("messages sent and received stand in one list, with who did not get a command", async () => {
  const { session, engine } = await joined();
  engine.answers.sendCustomCommand = async () => ({ errorCode: 0, extendedData: '{"absent":["zed"]}' });
  engine.emit("IMRecvBroadcastMessage", "demo", [{ fromUser: BOB, message: "<b>hi</b>", sendTime: 5, messageID: 1 }]);
  engine.emit("IMRecvCustomCommand", "demo", BOB, "{}");
  await session.send("command", "x", ["zed"]);
  const told = session.conversation.messages.map(({ from, text, kind, note }) => [from, text, kind, note]);
  assert.deepEqual(told, [
    ["Bob (bob)", "<b>hi</b>", "broadcast", ""],
    ["Bob (bob)", "{}", "command", ""],
    ["You", "x", "command", "not here: zed"],
  ]);
});

test("a message that was not sent is a problem and not in the list", async () => {
  const { session, engine } = await joined();
  engine.answers.sendBroadcastMessage = async () => {
    throw new ZegoError(1009015, "too fast");
  };
  assert.equal(await session.send("broadcast", "hi", []), false);
  assert.deepEqual(session.conversation.messages, []);
  assert.match(session.problems[0].why, /Too many messages/);
});

test("a token that ends is announced until a good one is put in force", async () => {
  const { session, engine } = await joined();
  engine.emit("tokenWillExpire", "demo", 30);
  session.renewToken("nonsense");
  await settled();
  assert.equal(session.tokenEnds, 30);
  assert.match(session.problems[0].why, /no token of ours/);
  session.renewToken("04B");
  await settled();
  assert.equal(session.tokenEnds, null);
});

test("at most three problems are shown, the newest first, the same one once", () => {
  const { session } = visit();
  for (const code of [1002050, 1102016, 1102018, 1102018, 1002034]) session.report("Could not join the room", { code });
  assert.deepEqual(
    session.problems.map((problem) => problem.code.split(" ")[0]),
    ["1002034", "1102018", "1102016"],
  );
  session.dismiss(session.problems[0]);
  assert.equal(session.problems.length, 2);
});

test("every event of the engine is in the log", async () => {
  const { session, engine } = await joined();
  session.log.clear();
  engine.emit("roomStateUpdate", "demo", "CONNECTED", 0, "");
  engine.emit("playerAudioTrackUpdate", "s1", {});
  assert.deepEqual(
    session.log.entries().map((entry) => entry.name),
    ["roomStateUpdate", "playerAudioTrackUpdate"],
  );
});

test("a server without development tokens is told from one that refuses this user", async () => {
  const answer = (status, body) => async () => new Response(body, { status });
  const ask = (fetch) => requestDevToken("http://h/v1/dev-token", "alice", fetch);
  assert.deepEqual(await ask(answer(200, '{"app_id":1,"token":"04A"}')), { available: true, appID: 1, token: "04A" });
  assert.deepEqual(await ask(answer(400, '{"error":"user_id"}')), { available: true, problem: "user_id" });
  for (const [status, body] of [
    [404, ""],
    [200, "<html>"],
    [400, "no json"],
    [200, '{"token":5}'],
  ]) {
    assert.deepEqual(await ask(answer(status, body)), { available: false }, `${status} ${body}`);
  }
  assert.deepEqual(await ask(async () => Promise.reject(new TypeError("refused"))), { available: false });
});

test("what is wrong with a stream's sound is logged and shown at the stream, until it is over or published anew", async () => {
  const { session, engine } = await joined();
  engine.emit("publisherStateUpdate", { streamID: "mine", state: "PUBLISHING", errorCode: 0, extendedData: "" });
  engine.emit("roomStreamUpdate", "demo", "ADD", [stream("s")], "");
  await session.playback.play("s");
  const shown = () => [session.capture.trouble.text, session.playback.players.get("s").trouble.text];
  engine.emit("exceptionUpdate", "mine", { code: 1002, message: "no sound" });
  engine.emit("exceptionUpdate", "s", { code: 1006, message: "silent" });
  engine.emit("exceptionUpdate", "of nobody here", { code: 1006, message: "silent" });
  assert.deepEqual(shown(), ["no sound (1002)", "silent (1006)"]);
  engine.emit("exceptionUpdate", "s", { code: 2006, message: "sound again" });
  assert.deepEqual(shown(), ["no sound (1002)", ""]);
  const logged = session.log.entries({ text: "exceptionUpdate" });
  assert.equal(logged.length, 4);
  await session.capture.publish("mine", "");
  assert.equal(session.capture.trouble.text, "");
});
