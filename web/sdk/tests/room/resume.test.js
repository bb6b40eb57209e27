import assert from "node:assert/strict";
import test from "node:test";

import { Bench, outcome } from "./bench.js";
import { ended, fatal, heartbeatOk, info, kick, loginOk, mic, resumeOk, sequenced, snapshot, streams, users } from "./words.js";

const up = () => Bench.up(snapshot(10, ["a", "b"], ["s1@a", "s2@b"]));

/** The link is away, then open again, and the resume is out. */
function asking(bench) {
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  const { id, type } = bench.request();
  assert.equal(type, "resume");
  bench.told();
  return id;
}

test("a resume names the session, its secret and the last event seen", () => {
  const bench = up();
  bench.event(11, users("+c"));
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  const { id: _id, ...resume } = bench.request();
  assert.deepEqual(resume, { type: "resume", versions: [1], session: "session", secret: "secret", last_seq: 11 });
});

test("missed events are told as one difference, deletes first, with their reasons", () => {
  const bench = up();
  const missed = [users("+c"), streams("+s3@c"), streams("-s1@a"), users("-a"), users("+passing"), users("-passing")];
  bench.ok(asking(bench), resumeOk(missed.map((event, index) => sequenced(11 + index, event))));
  assert.deepEqual(bench.told(), ["link resumed", "streams -s1(1)", "users -a", "users +c", "streams +s3"]);
  bench.event(17, users("+d"));
  assert.deepEqual(bench.told(), ["users +d"]);
});

test("a snapshot is told as the difference, with reason unknown", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk(null, snapshot(99, ["b", "c"], ["s2@b", "s3@c"])));
  assert.deepEqual(bench.told(), ["link resumed", "streams -s1(0)", "users -a", "users +c", "streams +s3"]);
  bench.event(100, users("+d"));
  assert.deepEqual(bench.told(), ["users +d"]);
});

test("a stream that changed hands goes and comes", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk(null, snapshot(11, ["a", "b"], ["s1@b", "s2@b"])));
  assert.deepEqual(bench.told(), ["link resumed", "streams -s1(0)", "streams +s1"]);
});

test("a snapshot shows what changed of streams that stayed: their text and their mute state", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk(null, snapshot(11, ["a", "b"], ["s1@a!", "s2@b=seat"])));
  assert.deepEqual(bench.told(), ["link resumed", "info s2=seat", "mic s1 MUTE"]);
});

test("what streams did while the link was away is told once, as it is now", () => {
  const bench = up();
  const missed = [info("s1@a=one"), info("s1@a=two"), mic("s2", true), mic("s2", false), mic("s1", true)];
  bench.ok(asking(bench), resumeOk(missed.map((event, index) => sequenced(11 + index, event))));
  assert.deepEqual(bench.told(), ["link resumed", "info s1=two", "mic s1 MUTE"]);
});

test("a new login tells only the difference too", () => {
  const bench = up();
  bench.error(asking(bench), fatal(1002051));
  bench.open();
  bench.accept(snapshot(3, ["b"], ["s2@b", "s4@b"]));
  assert.deepEqual(bench.told(), [
    "RECONNECTING 1002051",
    "RECONNECTED 0",
    "link fresh",
    "streams -s1(0)",
    "users -a",
    "streams +s4",
  ]);
});

test("missed events with a hole, or nothing at all, lead to a new login", () => {
  const holes = [
    resumeOk([sequenced(12, users("+c"))]),
    resumeOk([sequenced(11, users("+c")), sequenced(13, users("+d"))]),
    resumeOk([sequenced(10, users("+c"))]),
    resumeOk(null),
  ];
  for (const hole of holes) {
    const bench = up();
    bench.ok(asking(bench), hole);
    assert.equal(bench.counter("unreadableResults"), 1);
    bench.passUntilConnecting();
    assert.deepEqual(bench.told(), ["RECONNECTING 1002051"]);
    bench.open();
    bench.accept(snapshot(0, ["a", "b"], ["s1@a", "s2@b"]));
    assert.deepEqual(bench.told(), ["RECONNECTED 0", "link fresh"]);
  }
});

test("a missing event is a lost link, and the resume brings it", () => {
  const bench = up();
  bench.event(12, users("+d"));
  assert.equal(bench.counter("gaps"), 1);
  assert.equal(bench.socket, undefined);
  bench.passUntilConnecting();
  bench.open();
  bench.resume([sequenced(11, users("+c")), sequenced(12, users("+d"))]);
  assert.deepEqual(bench.told(), ["link down", "link resumed", "users +c,d"]);
});

test("an event that was seen already is ignored and counted", () => {
  const bench = up();
  bench.event(11, users("+c"));
  bench.event(11, users("+c"));
  bench.event(9, users("-a"));
  assert.deepEqual(bench.told(), ["users +c"]);
  assert.equal(bench.counter("repeatedEvents"), 2);
});

test("an unknown event keeps the sequence, an unknown notice is outside of it", () => {
  const bench = up();
  bench.event(11, { event: "moonRise", phase: "full" });
  bench.alive();
  bench.event(12, users("+c"));
  assert.deepEqual(bench.told(), ["users +c"]);
  assert.deepEqual([bench.counter("unknownEvents"), bench.counter("unknownNotices")], [1, 1]);
});

test("an event that a heartbeat announces must come within 5 seconds", () => {
  for (const comes of [true, false]) {
    const bench = up();
    bench.pass(5);
    const { id } = bench.request();
    bench.ok(id, heartbeatOk(11));
    bench.pass(4.9);
    bench.alive();
    if (comes) {
      bench.event(11, users("+c"));
    }
    bench.pass(0.2);
    assert.equal(bench.room.isUp, comes);
    assert.equal(bench.counter("gaps"), comes ? 0 : 1);
  }
});

test("an event number beyond 2^53 cannot be compared, and costs the link", () => {
  const bench = up();
  bench.receive('{"seq":9007199254740993,"event":"moonRise"}');
  assert.equal(bench.counter("unreadableFrames"), 1);
  assert.equal(bench.room.isUp, false);
});

/** Asks for a stream, and the server holds it. */
async function hold(bench, type, streamID) {
  const asked = bench.room.request(type, { stream_id: streamID, offer: "offer" });
  bench.ok(bench.request().id, { answer: "answer" });
  assert.equal((await asked).answer, "answer");
}

test("streams that the server did not keep are told, and unwanted ones are stopped", async () => {
  const bench = up();
  await hold(bench, "publish", "mine");
  await hold(bench, "publish", "old");
  await hold(bench, "play", "s1");
  await hold(bench, "play", "s2");
  bench.lose();
  assert.equal((await outcome(bench.room.request("unpublish", { stream_id: "old" }))).code, 1000017);
  bench.passUntilConnecting();
  bench.open();
  bench.ok(bench.request().id, resumeOk([], null, { publishing: ["old"], playing: ["s2"] }));
  assert.deepEqual(bench.told(), ["link down", "link resumed", "ended publish mine 1103027", "ended play s1 1004020"]);
  const held = bench.calls.find(([event, isUp]) => event === "onLink" && isUp);
  assert.deepEqual(held[2], { fresh: true, publishing: [], playing: [] });
  const { type, stream_id } = bench.request();
  assert.deepEqual([type, stream_id], ["unpublish", "old"]);
});

test("the link that is resumed says what the server holds", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk([], null, { publishing: ["p"], playing: ["q"] }));
  const [, , held] = bench.calls.findLast(([event]) => event === "onLink");
  assert.deepEqual(held, { fresh: false, publishing: ["p"], playing: ["q"] });
});

test("the count of users is told with a resume, before the streams that were lost", async () => {
  const bench = up();
  await hold(bench, "play", "s1");
  bench.ok(asking(bench), resumeOk([], null, { online_count: 3 }));
  assert.deepEqual(bench.told(), ["link resumed", "online 3", "ended play s1 1004020"]);
});

test("who came and went and came again stands where it came last", () => {
  const bench = up();
  const missed = [users("+x"), users("+y"), users("-x"), users("+x")];
  bench.ok(asking(bench), resumeOk(missed.map((event, index) => sequenced(11 + index, event))));
  assert.deepEqual(bench.told(), ["link resumed", "users +y,x"]);
});

test("the end of an earlier stream that crosses a new offer does not forget the new one", async () => {
  const bench = up();
  await hold(bench, "publish", "mine");
  const again = bench.room.request("publish", { stream_id: "mine", offer: "offer" });
  const { id } = bench.request();
  bench.event(11, ended("mine", "publish", 1103027));
  assert.deepEqual(bench.told(), ["ended publish mine 1103027"]);
  bench.ok(id, { answer: "answer" });
  assert.equal((await again).answer, "answer");
  bench.ok(asking(bench), resumeOk([], null, { publishing: ["mine"] }));
  assert.deepEqual(bench.told(), ["link resumed"]);
  assert.deepEqual(bench.sent(), [], "it is not stopped as one that nobody wants");
});

test("a refused renegotiation leaves the stream held", async () => {
  const bench = up();
  await hold(bench, "play", "s1");
  const again = bench.room.request("play", { stream_id: "s1", offer: "offer" });
  bench.refuse(fatal(1104022));
  assert.equal((await outcome(again)).code, 1104022);
  bench.ok(asking(bench), resumeOk([]));
  assert.deepEqual(bench.told(), ["link resumed", "ended play s1 1004020"]);
});

test("a reply that comes after the stop does not bring the stream back", () => {
  const bench = up();
  bench.room.request("play", { stream_id: "s1", offer: "offer" });
  const { id } = bench.request();
  bench.room.request("stopPlay", { stream_id: "s1" }).catch(() => {});
  bench.ok(id, { answer: "late" });
  bench.ok(asking(bench), resumeOk([]));
  assert.deepEqual(bench.told(), ["link resumed"]);
});

test("a stream that ended while the link was away is told once, with the server's code", async () => {
  const bench = up();
  await hold(bench, "publish", "mine");
  bench.ok(asking(bench), resumeOk([sequenced(11, ended("mine", "publish", 1003025))]));
  assert.deepEqual(bench.told(), ["link resumed", "ended publish mine 1003025"]);
});

test("a kick-out among the missed events ends the login", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk([sequenced(11, users("+c")), sequenced(12, kick(1002055))]));
  assert.deepEqual(bench.told(), ["link resumed", "users +c", "end 1002055", "KICKOUT 1002055"]);
  assert.equal(bench.isEnded, true);
});

test("a resume answered with another version is the end", () => {
  const bench = up();
  bench.ok(asking(bench), resumeOk([], null, { version: 9 }));
  assert.deepEqual(bench.told(), ["RECONNECTING 1000017", "end 1100999", "RECONNECT_FAILED 1100999"]);
});

test("a later session is the one that is resumed", () => {
  const bench = up();
  bench.error(asking(bench), fatal(1002051));
  bench.open();
  bench.ok(bench.request().id, loginOk(snapshot(), { session: "second" }));
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  const { type, session, last_seq } = bench.request();
  assert.deepEqual([type, session, last_seq], ["resume", "second", 0]);
});

test("messages that came while the link was away are told behind the difference", () => {
  const bench = up();
  const sent = { from_user: { user_id: "a", user_name: "A" }, message: "hello", message_id: 7, send_time_ms: 5 };
  bench.ok(
    asking(bench),
    resumeOk([sequenced(11, { event: "broadcastMessage", messages: [sent] }), sequenced(12, users("+c"))]),
  );
  assert.deepEqual(
    bench.told().map((told) => told.split(" ")[0]),
    ["link", "users", "onBroadcast"],
  );
});
