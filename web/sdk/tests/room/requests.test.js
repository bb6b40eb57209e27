import assert from "node:assert/strict";
import test from "node:test";

import { Bench, outcome } from "./bench.js";
import { fatal, later, snapshot } from "./words.js";

const publish = (bench, more = {}) =>
  bench.room.request("publish", { stream_id: "s", offer: "offer", extra_info: "x", ...more });
const play = (bench) => bench.room.request("play", { stream_id: "s", offer: "offer" });
const MESSAGES = [
  ["sendBroadcastMessage", { message: "hello" }],
  ["sendBarrageMessage", { message: "hi" }],
  ["sendCustomCommand", { command: "go", to_users: ["a"] }],
];

test("publish and play bring the server's SDP, in whatever order it answers", async () => {
  const bench = Bench.up();
  const answers = [publish(bench, { muted: true }), play(bench)];
  const [first, second] = bench.sent();
  assert.deepEqual(first, { id: first.id, type: "publish", stream_id: "s", offer: "offer", extra_info: "x", muted: true });
  assert.deepEqual(second, { id: second.id, type: "play", stream_id: "s", offer: "offer" });
  bench.ok(second.id, { answer: "two" });
  bench.ok(first.id, { answer: "one", more: "of a newer server" });
  assert.deepEqual(await Promise.all(answers), [{ answer: "one" }, { answer: "two", loudest: 0 }]);
});

test("each request has the result of its kind", async () => {
  const table = [
    ["unpublish", { stream_id: "s" }, {}, {}],
    ["stopPlay", { stream_id: "s" }, {}, {}],
    ["pausePlay", { stream_id: "s", paused: true }, {}, {}],
    ["muteStream", { stream_id: "s", muted: true }, {}, {}],
    ["setStreamExtraInfo", { stream_id: "s", extra_info: "x" }, {}, {}],
    ["reportQuality", { up: 0, down: -1 }, {}, {}],
    ["sendBroadcastMessage", { message: "hello" }, { message_id: 42 }, { message_id: 42 }],
    ["sendBarrageMessage", { message: "hi" }, { message_id: "7" }, { message_id: "7" }],
    ["sendCustomCommand", { command: "go", to_users: ["b"] }, { absent: ["b"] }, { absent: ["b"] }],
  ];
  const bench = Bench.up();
  for (const [type, fields, answer, expected] of table) {
    const asked = bench.room.request(type, fields);
    const { id, ...sent } = bench.request();
    assert.deepEqual(sent, { type, ...fields });
    bench.ok(id, answer);
    assert.deepEqual(await asked, expected, type);
  }
});

test("a refusal keeps the server's code, text and time", async () => {
  for (const [refusal, retryAfterMs] of [
    [fatal(1104039, "no such stream"), null],
    [later(1104039, 700, "no such stream"), 700],
  ]) {
    const bench = Bench.up();
    const asked = play(bench);
    bench.refuse(refusal);
    await assert.rejects(asked, { code: 1104039, message: "no such stream", retryAfterMs });
  }
});

test("nothing is queued while the link is away: it is refused with 1000017 at once", async () => {
  const away = [
    () => {},
    (bench) => bench.open(),
    (bench) => bench.lose(),
    (bench) => {
      bench.open();
      bench.accept();
      bench.room.logout();
    },
  ];
  for (const makeAway of away) {
    const bench = Bench.started();
    makeAway(bench);
    bench.sent();
    for (const asked of [publish(bench), play(bench), ...MESSAGES.map(([type, fields]) => bench.room.request(type, fields))]) {
      assert.deepEqual(await outcome(asked), { code: 1000017, retryAfterMs: undefined });
    }
    assert.deepEqual(bench.sent(), []);
  }
});

test("what is out when the link goes is refused: 1000017, or 1009010 for a message, which is never sent again", async () => {
  const ends = [
    (bench) => bench.lose(),
    (bench) => bench.room.logout(),
    (bench) => bench.room.stop(),
    (bench) => bench.receive("not json"),
  ];
  for (const end of ends) {
    const bench = Bench.up();
    const stream = publish(bench);
    const messages = MESSAGES.map(([type, fields]) => bench.room.request(type, fields));
    end(bench);
    assert.deepEqual(await outcome(stream), { code: 1000017, retryAfterMs: undefined });
    for (const message of messages) {
      assert.deepEqual(await outcome(message), { code: 1009010, retryAfterMs: null });
    }
  }
});

test("what is not answered in 10 seconds is 1100002, or 1009010 for a message; a late reply is counted", async () => {
  const bench = Bench.up(snapshot(), { heartbeat_ms: 3_600_000 });
  const asked = play(bench);
  const message = bench.room.request("sendBroadcastMessage", { message: "hello" });
  const [{ id }] = bench.sent();
  bench.pass(9);
  bench.alive();
  bench.pass(1);
  assert.deepEqual(await outcome(asked), { code: 1100002, retryAfterMs: undefined });
  assert.deepEqual(await outcome(message), { code: 1009010, retryAfterMs: null });
  bench.ok(id, { answer: "late" });
  assert.equal(bench.counter("strayReplies"), 1);
  assert.equal(bench.room.isUp, true);
});

test("an answer of the wrong shape is refused with 1100999 and counted", async () => {
  const bench = Bench.up();
  for (const wrong of [{ sdp: "wrong field" }, { answer: 7 }, null, [], "text"]) {
    const asked = play(bench);
    bench.ok(bench.request().id, wrong);
    assert.deepEqual(await outcome(asked), { code: 1100999, retryAfterMs: null });
  }
  assert.equal(bench.counter("unreadableResults"), 5);
});

test("too much text is refused before it is sent, and never worth a repetition", async () => {
  const bench = Bench.up();
  const table = [
    [publish(bench, { offer: "x".repeat(16 * 1024 + 1) }), 1103001],
    [bench.room.request("play", { stream_id: "s", offer: "x".repeat(16 * 1024 + 1) }), 1104001],
    [publish(bench, { extra_info: "x".repeat(1025) }), 1003051],
    [publish(bench, { extra_info: "名".repeat(342) }), 1003051],
    [bench.room.request("sendBroadcastMessage", { message: "x".repeat(65_536) }), 1100001],
  ];
  for (const [asked, code] of table) {
    assert.deepEqual(await outcome(asked), { code, retryAfterMs: null });
  }
  assert.deepEqual(bench.sent(), []);
});

test("half a character does not break the frame", () => {
  const bench = Bench.up();
  bench.room.request("sendBroadcastMessage", { message: "a\ud800b😀" });
  assert.equal(bench.request().message, "a\ufffdb😀");
});

test("a request refused with 1002051 is answered, and the session is lost", async () => {
  const bench = Bench.up();
  const asked = play(bench);
  bench.refuse(fatal(1002051));
  assert.equal((await outcome(asked)).code, 1002051);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051"]);
});

test("ids are never used twice, also over another link", () => {
  const bench = Bench.up();
  const ids = () => bench.sent().map(({ id }) => id);
  for (let n = 0; n < 5; n += 1) {
    play(bench).catch(() => {});
  }
  const before = ids();
  bench.loseAndResume();
  for (let n = 0; n < 4; n += 1) {
    play(bench);
  }
  const all = [...before, ...ids()];
  assert.equal(new Set(all).size, 9);
});

test("a socket that takes no more is a lost link", () => {
  const bench = Bench.up();
  bench.socket.bufferedAmount = 257 * 1024;
  const asked = play(bench);
  assert.equal(bench.room.isUp, false);
  return assert.rejects(asked, { code: 1000017 });
});

test("messages and reports of others are told in their documented shapes", () => {
  const bench = Bench.up();
  const from_user = { user_id: "bob", user_name: "Bob" };
  const fromUser = { userID: "bob", userName: "Bob" };
  bench.event(1, { event: "broadcastMessage", messages: [{ from_user, message: "hello", message_id: 42, send_time_ms: 5 }] });
  bench.event(2, { event: "customCommand", from_user, command: '{"seat":4}' });
  bench.frame({ notice: "barrageMessage", messages: [{ from_user, message: "hi", message_id: "7", send_time_ms: 6 }] });
  bench.frame({ notice: "networkQuality", users: [{ user_id: "bob", up: 0, down: -1 }] });
  const stream = { stream_id: "s1", listeners: 12, loss_worst: 0.12, loss_median: 0, rtt_median_ms: 40 };
  const uplink = { uplink_loss: 0.04, uplink_burst: 1.5, copying: 2 };
  bench.frame({ notice: "listenerReport", streams: [{ ...stream, burst_worst: null, burst_median: null, ...uplink }] });
  bench.frame({ notice: "listenerReport", streams: [stream] });
  bench.frame({
    notice: "streamProtection",
    streams: [
      { stream_id: "s2", copies: [4, 1] },
      { stream_id: "s3", copies: [] },
    ],
  });
  bench.frame({ notice: "publisherReport", streams: [{ stream_id: "s2", rtt_ms: null, loss: 7, jitter_ms: 5 }] });
  bench.frame({ notice: "publisherReport", streams: [] });
  bench.event(3, { event: "broadcastMessage", messages: [] });
  const unknown = { burstWorst: null, burstMedian: null, uplinkLoss: null, uplinkBurst: null };
  const heard = { listeners: 12, lossWorst: 0.12, lossMedian: 0, rttMedianMs: 40, ...unknown };
  assert.deepEqual(bench.calls.slice(-8), [
    ["onBroadcast", [{ fromUser, message: "hello", sendTime: 5, messageID: 42 }]],
    ["onCommand", fromUser, '{"seat":4}'],
    ["onBarrage", [{ fromUser, message: "hi", sendTime: 6, messageID: "7" }]],
    ["onQuality", [{ userID: "bob", up: 0, down: -1 }]],
    ["onListeners", [{ streamID: "s1", report: { ...heard, uplinkLoss: 0.04, uplinkBurst: 1.5, copying: 2 } }]],
    ["onListeners", [{ streamID: "s1", report: { ...heard, copying: 0 } }]],
    [
      "onProtection",
      [
        { streamID: "s2", copies: [4, 1] },
        { streamID: "s3", copies: [] },
      ],
    ],
    ["onUplinks", [{ streamID: "s2", report: { rttMs: null, loss: 1, jitterMs: 5 } }]],
  ]);
});
