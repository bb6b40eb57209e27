import assert from "node:assert/strict";
import test from "node:test";

import { MAX_LISTED } from "../../room/listing.js";
import { Bench } from "./bench.js";
import { info, mic, resumeOk, snapshot, streams, user, users } from "./words.js";

test("users and streams come and go", () => {
  const bench = Bench.up();
  bench.event(1, users("+a,b"));
  bench.event(2, streams("+s@a"));
  bench.event(3, streams("-s@a"));
  bench.event(4, users("-a,b"));
  assert.deepEqual(bench.told(), ["users +a,b", "streams +s", "streams -s(1)", "users -a,b"]);
});

test("users and streams are told and listed in their documented shapes", () => {
  const bench = Bench.up();
  bench.event(1, users("+a"));
  bench.event(2, streams("+s@a=seat"));
  const stream = { streamID: "s", user: { userID: "a", userName: "a" }, extraInfo: "seat" };
  assert.deepEqual(bench.calls.slice(-3), [
    ["onUsers", "ADD", [stream.user]],
    ["onStreams", "ADD", [stream], ""],
    ["onStreamExtraInfo", [stream]],
  ]);
  assert.deepEqual([bench.room.users, bench.room.streams], [[stream.user], [stream]]);
});

test("what a program does to a list that it was given changes nothing in the room", () => {
  const bench = Bench.up();
  bench.event(1, streams("+s@a"));
  const [, , told] = bench.calls.at(-1);
  told[0].user.userID = "other";
  bench.room.streams[0].streamID = "other";
  bench.event(2, streams("+s@a"));
  assert.equal(bench.room.streams[0].streamID, "s");
  assert.deepEqual(bench.told(), ["streams +s"]);
});

test("who is there already is not told again, and who is not there does not leave", () => {
  const bench = Bench.up(snapshot(0, ["a"], ["s@a"]));
  bench.event(1, users("+a,b"));
  bench.event(2, users("+a"));
  bench.event(3, streams("+s@a,t@a"));
  bench.event(4, users("-x"));
  bench.event(5, streams("-x@a"));
  assert.deepEqual(bench.told(), ["users +b", "streams +t"]);
});

test("a user with a new name leaves and comes", () => {
  const bench = Bench.up(snapshot(0, ["a"]));
  bench.event(1, { event: "roomUserUpdate", update: "ADD", users: [{ ...user("a"), user_name: "Ann" }] });
  assert.deepEqual(bench.told(), ["users -a", "users +a"]);
});

test("an item named twice in one list counts as its last form", () => {
  const bench = Bench.up(snapshot(0, ["a", "b"]));
  bench.event(1, streams("+s@a,s@b"));
  assert.deepEqual(bench.told(), ["streams +s"]);
  assert.equal(bench.room.streams[0].user.userID, "b");
  bench.event(2, users("-a,a"));
  assert.deepEqual(bench.told(), ["users -a"]);
});

test("streams of the client itself are not told", () => {
  const bench = Bench.up();
  bench.event(1, streams("+mine@me"));
  bench.event(2, users("+me"));
  bench.event(3, streams("-mine@me"));
  assert.deepEqual(bench.told(), []);
});

test("a DELETE carries the documented reasons as JSON, and one that only a newer server knows is unknown", () => {
  const documented = {
    stopped: [1, "user_stop_publishing_stream_normal"],
    heartbeat_timeout: [2, "user_heart_beat_timeout"],
    repeat_login: [3, "user_repeat_login"],
    kicked_out: [4, "user_kicked_out"],
    offline: [5, "user_offline"],
    removed_by_server: [6, "remove_by_server"],
    full_moon: [0, "unknown"],
  };
  for (const [reason, [code, description]] of Object.entries(documented)) {
    const bench = Bench.up(snapshot(0, ["a"], ["s@a"]));
    bench.event(1, { ...streams("-s@a"), reasons: [{ stream_id: "s", reason }, "nonsense", null] });
    const [, , , extendedData] = bench.calls.at(-1);
    assert.deepEqual(JSON.parse(extendedData), { stream_delete_reason: [{ stream_id: "s", code, description }] });
  }
});

test("the text of a new stream is told behind it, and only if there is one", () => {
  const bench = Bench.up(snapshot(0, [], ["s@a=one"]));
  bench.event(1, streams("+t@a,u@a=seat"));
  assert.deepEqual(bench.told(), ["streams +t,u", "info u=seat"]);
});

test("another text of a stream is told once, also when it comes with an ADD", () => {
  const bench = Bench.up(snapshot(0, [], ["s@a=one"]));
  bench.event(1, info("s@a=two", "elsewhere@x=no"));
  bench.event(2, info("s@a=two"));
  bench.event(3, streams("+s@a=three"));
  assert.deepEqual(bench.told(), ["info s=two", "info s=three"]);
  assert.equal(bench.room.streams[0].extraInfo, "three");
});

test("a stream is told muted when it comes so, and then each change", () => {
  const bench = Bench.up();
  bench.event(1, streams("+s@a!,t@a"));
  assert.deepEqual(bench.told(), ["streams +s,t", "mic s MUTE"]);
  assert.deepEqual([bench.room.streamIsMuted("s"), bench.room.streamIsMuted("t")], [true, false]);
  bench.event(2, mic("s", true));
  bench.event(3, mic("s", false));
  bench.event(4, mic("t", true));
  assert.deepEqual(bench.told(), ["mic s OPEN", "mic t MUTE"]);
  assert.deepEqual([bench.room.streamIsMuted("s"), bench.room.streamIsMuted("t")], [false, true]);
});

test("a stream of another room is known by its mute state alone", () => {
  const bench = Bench.up();
  bench.event(1, mic("far", true));
  assert.equal(bench.room.streamIsMuted("far"), true);
  bench.event(2, mic("far", false));
  assert.equal(bench.room.streamIsMuted("far"), false);
  assert.deepEqual(bench.told(), ["mic far MUTE", "mic far OPEN"]);
  assert.deepEqual(bench.room.streams, []);
});

test("what was known of a stream of another room is forgotten when the room lists it, and with a snapshot", () => {
  const bench = Bench.up();
  bench.event(1, mic("far", true));
  bench.event(2, streams("+far@a"));
  bench.event(3, streams("-far@a"));
  assert.equal(bench.room.streamIsMuted("far"), false);
  bench.event(4, mic("away", true));
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.ok(bench.request().id, resumeOk(null, snapshot(9)));
  assert.equal(bench.room.streamIsMuted("away"), false);
});

test("a room larger than a client keeps is cut and counted", () => {
  const beyond = 7;
  const all = Array.from({ length: MAX_LISTED + beyond }, (_, n) => `u${n}`);
  const bench = Bench.up(snapshot(0, all));
  assert.equal(bench.counter("unlisted"), beyond);
  assert.equal(bench.room.users.length, MAX_LISTED);
  bench.event(1, users("-u0"));
  bench.event(2, users("+late"));
  assert.deepEqual(bench.told(), ["users -u0", "users +late"]);
});
