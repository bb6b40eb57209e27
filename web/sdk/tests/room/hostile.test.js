import assert from "node:assert/strict";
import test from "node:test";

import { DEFAULT_TIMINGS } from "../../base/timings.js";
import { Bench } from "./bench.js";
import { fatal, later } from "./words.js";

/** What is no message of the protocol. */
const UNREADABLE = [
  "",
  "hello",
  "null",
  "7",
  "[]",
  "[1,{},null]",
  "{}",
  '{"id":1}garbage',
  '{"id":-1,"ok":{}}',
  '{"id":"1","ok":{}}',
  '{"id":1.5,"ok":{}}',
  '{"id":1,"error":"no"}',
  '{"id":1,"error":{"code":"1","message":"","retry":null}}',
  '{"id":1,"error":{"code":1,"message":"","retry":{"after_ms":-1}}}',
  '{"seq":1,"event":{}}',
  '{"seq":1,"event":null}',
  '{"event":"roomUserUpdate"}',
  '{"seq":-3,"event":"roomUserUpdate","update":"ADD","users":[]}',
  '{"seq":1,"event":"roomUserUpdate","update":"SOMETIMES","users":[]}',
  '{"seq":1,"event":"roomUserUpdate","update":"ADD","users":{"length":1}}',
  '{"seq":1,"event":"roomUserUpdate","update":"ADD","users":[{"user_id":"a b","user_name":""}]}',
  '{"seq":1,"event":"roomUserUpdate","update":"ADD","users":[null]}',
  '{"seq":1,"event":"streamMicUpdate","stream_id":"s"}',
  '{"seq":1,"event":"streamEnded","stream_id":"s","role":"watch","code":1,"message":""}',
  '{"seq":1,"event":"customCommand","from_user":{"user_id":"a","user_name":"a"},"command":{}}',
  '{"notice":"networkQuality","users":[{"user_id":"a","up":5,"down":0}]}',
  '{"notice":"listenerReport","streams":[{"stream_id":"s","listeners":-1}]}',
  '{"notice":"listenerReport","streams":[{"stream_id":"s","listeners":1,"loss_worst":"1"}]}',
  '{"notice":"listenerReport","streams":[{"stream_id":"s","listeners":1,"copying":-1}]}',
  '{"notice":"publisherReport","streams":[{"stream_id":"s","rtt_ms":1,"jitter_ms":1}]}',
  '{"notice":"streamProtection","streams":[{"stream_id":"s"}]}',
  '{"notice":"streamProtection","streams":[{"stream_id":"s","copies":[0]}]}',
  '{"notice":"streamProtection","streams":[{"stream_id":"s","copies":[17]}]}',
  '{"notice":"streamProtection","streams":[{"stream_id":"s","copies":[1.5]}]}',
  '{"notice":"streamProtection","streams":[{"stream_id":"s","copies":"3"}]}',
  '{"notice":7}',
  `{"id":1,"ok":${"[".repeat(100_000)}`,
  " ".repeat(8 * 1024 * 1024 + 1),
  new ArrayBuffer(8),
];

test("a frame that is no message costs the link, and the session is taken up again", () => {
  for (const data of UNREADABLE) {
    const bench = Bench.up();
    bench.receive(data);
    assert.equal(bench.counter("unreadableFrames"), 1, String(data).slice(0, 80));
    assert.equal(bench.socket, undefined);
    bench.passUntilConnecting();
    bench.open();
    bench.resume();
    assert.deepEqual(bench.told(), ["link down", "link resumed"]);
  }
});

test("an unreadable answer to the login is a failed attempt", () => {
  for (const data of UNREADABLE) {
    const bench = Bench.started();
    bench.open();
    bench.receive(data);
    assert.equal(bench.counter("failedAttempts"), 1, String(data).slice(0, 80));
    assert.deepEqual(bench.told(), ["LOGINING 0"]);
    bench.passUntilConnecting();
    assert.equal(bench.urls.length, 2);
  }
});

test("an unreadable answer to a resume leads to a new login and not to the same answer again", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.receive("?");
  bench.passUntilConnecting();
  bench.open();
  assert.equal(bench.request().type, "login");
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051"]);
  assert.equal(bench.counter("lostSessions"), 1);
});

test("a login result of the wrong shape is counted and tried again", () => {
  const bench = Bench.started();
  bench.open();
  bench.ok(bench.request().id, { version: 1 });
  assert.equal(bench.counter("unreadableResults"), 1);
  bench.passUntilConnecting();
  assert.deepEqual(bench.told(), ["LOGINING 0"]);
});

test("replies to nothing are counted and ignored", () => {
  const bench = Bench.up();
  bench.ok(77, {});
  bench.error(2 ** 53 - 1, fatal(1));
  assert.equal(bench.counter("strayReplies"), 2);
  assert.equal(bench.room.isUp, true);
});

test("names of the language are no events and no notices, and an ordinary id", () => {
  const bench = Bench.up();
  let seq = 0;
  for (const word of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    seq += 1;
    bench.event(seq, { event: word });
    bench.frame({ notice: word });
  }
  const users = '[{"user_id":"__proto__","user_name":"__proto__"}]';
  bench.receive(`{"seq":5,"event":"roomUserUpdate","update":"ADD","users":${users},"__proto__":{"x":1}}`);
  assert.deepEqual([bench.counter("unknownEvents"), bench.counter("unknownNotices")], [4, 4]);
  assert.deepEqual(bench.told(), ["users +__proto__"]);
});

test("a server that sends rubbish for ever is given up when the budget ends", () => {
  const bench = Bench.up();
  bench.receive("?");
  while (!bench.isEnded) {
    bench.passUntilConnecting();
    if (bench.socket) {
      bench.open();
      bench.receive("?");
    }
  }
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051", "end 1002053", "RECONNECT_FAILED 1002053"]);
  assert.ok(bench.urls.length < 30, `${bench.urls.length} attempts`);
});

test("a server that refuses with retry at once is not asked in a busy loop", () => {
  const bench = Bench.started();
  while (!bench.isEnded && bench.seconds < 10) {
    bench.open();
    bench.refuse(later(1002073, 0));
    bench.passUntilConnecting();
  }
  assert.ok(bench.urls.length <= 101, `${bench.urls.length} attempts`);
});

test("a server that accepts and hangs up for ever is asked once a second at most", () => {
  const bench = Bench.up();
  while (bench.seconds < 100) {
    bench.loseAndResume();
  }
  assert.ok(bench.urls.length < 100, `${bench.urls.length} attempts`);
});

test("a timing table of zeros spins on nothing", () => {
  const zeros = Object.fromEntries(Object.keys(DEFAULT_TIMINGS).map((name) => [name, 0]));
  const roomBackoff = { firstMs: [0, 0], stepsMs: [0] };
  const bench = Bench.started({ timings: { ...zeros, roomRetryMs: 300_000, roomBackoff } });
  bench.pass(2_000);
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1002031", "LOGIN_FAILED 1002031"]);
});
