import assert from "node:assert/strict";
import test from "node:test";

import { Bench } from "./bench.js";
import { fatal, heartbeatOk, loginOk, snapshot, users } from "./words.js";

/** Logged in on terms of the test's own, with a regular heartbeat that is far away unless said. */
const up = (more = {}, seed = 1) => Bench.up(snapshot(), { heartbeat_ms: 3_600_000, ...more }, {}, seed);

test("a silent link is asked for a sign of life after 5 seconds, once, and is dead after 10", () => {
  const bench = up();
  bench.pass(4.9);
  assert.deepEqual(bench.sent(), []);
  bench.pass(0.1);
  assert.equal(bench.request().type, "heartbeat");
  bench.pass(4.9);
  assert.equal(bench.room.isUp, true);
  bench.pass(0.1);
  assert.equal(bench.room.isUp, false);
  assert.deepEqual(bench.told(), ["link down"]);
  assert.equal(bench.counter("lostLinks"), 1);
});

test("any frame is a sign of life", () => {
  const bench = up();
  for (let seq = 1; seq < 5; seq += 1) {
    bench.pass(4);
    bench.event(seq, users("+a"));
  }
  assert.deepEqual(bench.sent(), []);
  for (let n = 0; n < 10; n += 1) {
    bench.pass(9);
    bench.alive();
  }
  assert.equal(bench.room.isUp, true);
});

test("at most one heartbeat is out at a time", () => {
  const bench = up({ heartbeat_ms: 3_000 });
  bench.pass(3);
  const { id } = bench.request();
  bench.pass(6);
  assert.deepEqual(bench.sent(), []);
  bench.ok(id, heartbeatOk(0, { heartbeat_ms: 3_000 }));
  bench.pass(3);
  assert.equal(bench.request().type, "heartbeat");
});

test("a page whose timers slept asks first, and gives the server its time to answer", () => {
  const bench = up();
  bench.env.sleep(60_000);
  assert.equal(bench.room.isUp, true);
  bench.ok(bench.request().id, heartbeatOk());
  bench.env.sleep(60_000);
  bench.pass(4.9);
  assert.equal(bench.room.isUp, true);
  bench.pass(0.1);
  assert.equal(bench.room.isUp, false);
});

test("the first heartbeat comes at a random time within the interval, then one each interval", () => {
  const firsts = Array.from({ length: 10 }, (_, seed) => {
    const bench = up({ heartbeat_ms: 30_000 }, seed);
    const times = [];
    while (times.length < 3) {
      bench.pass(0.1);
      bench.alive();
      for (const { id, type } of bench.sent()) {
        assert.equal(type, "heartbeat");
        times.push(bench.seconds);
        bench.ok(id, heartbeatOk());
      }
    }
    assert.ok(times[0] <= 30.1, `${times}`);
    assert.ok(Math.abs(times[1] - times[0] - 30) < 0.2 && Math.abs(times[2] - times[1] - 30) < 0.2, `${times}`);
    return times[0];
  });
  assert.ok(Math.max(...firsts) - Math.min(...firsts) > 5, `not random: ${firsts}`);
});

test("the server may change the interval in each answer, but not below 3 seconds", () => {
  for (const [askedMs, wait] of [
    [10_000, 10],
    [1, 3],
    [0, 30],
  ]) {
    const bench = up({ heartbeat_ms: 3_000 });
    bench.pass(3);
    bench.ok(bench.request().id, heartbeatOk(0, { heartbeat_ms: askedMs }));
    const answered = bench.seconds;
    while (bench.seconds < answered + wait - 0.4) {
      bench.pass(0.25);
      bench.alive();
    }
    assert.deepEqual(bench.sent(), [], `${askedMs}: too early`);
    bench.pass(0.25);
    assert.equal(bench.request().type, "heartbeat");
  }
});

test("the count of users comes with each heartbeat that is due, and not with each sign of life", () => {
  const bench = up({ heartbeat_ms: 30_000 });
  const counts = [];
  for (let n = 0; n < 120; n += 1) {
    bench.pass(1);
    bench.sent().forEach(({ id }) => bench.ok(id, heartbeatOk(0, { online_count: 3 })));
    counts.push(...bench.told().filter((told) => told === "online 3"));
  }
  assert.ok(counts.length >= 3 && counts.length <= 5, `${counts.length} counts in 120 s`);
});

test("a heartbeat that is due while a sign of life is out needs no request of its own", () => {
  const bench = Bench.started();
  bench.env.random = () => 0.5;
  bench.open();
  bench.ok(bench.request().id, loginOk(snapshot(), { heartbeat_ms: 12_000 }));
  bench.pass(5);
  const { id } = bench.request();
  bench.pass(2);
  assert.deepEqual(bench.sent(), [], "one was due after 6 seconds");
  bench.ok(id, heartbeatOk(0, { online_count: 3 }));
  assert.equal(bench.told().at(-1), "online 3");
});

test("heartbeats unanswered for 100 seconds end the session with 1002051 at once", () => {
  const bench = up({ heartbeat_ms: 30_000 });
  for (let n = 0; n < 99; n += 1) {
    bench.pass(1);
    bench.alive();
  }
  assert.deepEqual(bench.told(), []);
  assert.ok(bench.sent().length >= 3);
  bench.pass(1);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051"]);
  bench.passUntilConnecting();
  bench.open();
  bench.accept();
  assert.deepEqual(bench.told(), ["RECONNECTED 0", "link fresh"]);
});

test("an answered heartbeat starts the 100 seconds again", () => {
  const bench = up({ heartbeat_ms: 30_000 });
  bench.passAlive(1_000);
  assert.deepEqual(bench.told(), []);
});

test("a server that names an impossible timeout does not end its own sessions", () => {
  const bench = up({ heartbeat_ms: 30_000, heartbeat_timeout_ms: 1 });
  bench.passAlive(300);
  assert.deepEqual(bench.told(), []);
});

test("a heartbeat refused with 1002051 means that the session is gone", () => {
  const bench = up();
  bench.pass(5);
  bench.refuse(fatal(1002051));
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051"]);
  bench.passUntilConnecting();
  bench.open();
  assert.equal(bench.request().type, "login");
});

test("a heartbeat refused otherwise is counted and sent again", () => {
  const bench = up();
  bench.pass(5);
  bench.refuse(fatal(1002099));
  assert.equal(bench.counter("refusedRequests"), 1);
  bench.pass(5);
  assert.equal(bench.request().type, "heartbeat");
});

test("the end of the token is told 30 seconds before it, and once", () => {
  const bench = up({ token_expires_in_ms: 60_000 });
  const told = [];
  for (let n = 0; n < 90; n += 1) {
    bench.pass(1);
    bench.alive();
    told.push(...bench.told().map((text) => `${bench.seconds}: ${text}`));
  }
  assert.deepEqual(told, ["30: token ends in 30"]);
});

test("the end of a token is told at once when less than 30 seconds are left, behind the lists", () => {
  const bench = Bench.started();
  bench.open();
  const { id } = bench.request();
  bench.ok(id, loginOk(snapshot(0, ["a"]), { token_expires_in_ms: 12_000 }));
  bench.pass(0);
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "users +a", "token ends in 12"]);
});

test("the server's word in a heartbeat moves the announcement", () => {
  const bench = up({ token_expires_in_ms: 600_000 });
  bench.pass(5);
  bench.ok(bench.request().id, heartbeatOk(0, { token_expires_in_ms: 31_000 }));
  bench.pass(1);
  assert.deepEqual(bench.told(), ["token ends in 30"]);
});

test("a renewed token goes to the server and is announced anew", () => {
  const bench = up({ token_expires_in_ms: 10_000 });
  bench.pass(0);
  bench.told();
  bench.room.renewToken("token-2");
  const { id, type, token } = bench.request();
  assert.deepEqual([type, token], ["renewToken", "token-2"]);
  bench.ok(id, { token_expires_in_ms: 33_000 });
  bench.pass(3);
  assert.deepEqual(bench.told(), ["token ends in 30"]);
});

test("the same token again is accepted and not sent", () => {
  const bench = up();
  bench.room.renewToken("token-1");
  assert.deepEqual(bench.sent(), []);
});

test("a token renewed while the link is away is shown when it is back", () => {
  const bench = up();
  bench.lose();
  bench.room.renewToken("token-2");
  bench.passUntilConnecting();
  bench.open();
  bench.resume();
  assert.equal(bench.request().token, "token-2");
});

test("a token renewed before the first login is out is the one shown", () => {
  const bench = Bench.started();
  bench.room.renewToken("token-2");
  bench.open();
  assert.equal(bench.request().token, "token-2");
});

test("a token that a login showed needs no renewal behind it", () => {
  const bench = Bench.started();
  bench.room.renewToken("token-2");
  bench.open();
  bench.accept();
  assert.deepEqual(bench.sent(), []);
});

test("a token renewed while the login is out is shown behind it", () => {
  const bench = Bench.started();
  bench.open();
  const login = bench.request();
  bench.room.renewToken("token-2");
  bench.ok(login.id, loginOk());
  const { type, token } = bench.request();
  assert.deepEqual([type, token], ["renewToken", "token-2"]);
});

test("a renewal that was not answered is sent again, also over the next link", () => {
  const bench = up();
  bench.room.renewToken("token-2");
  assert.equal(bench.request().type, "renewToken");
  bench.pass(9);
  bench.alive();
  bench.pass(1);
  const types = bench.sent().map(({ type }) => type);
  assert.deepEqual(types, ["heartbeat", "renewToken"]);
  bench.loseAndResume();
  assert.equal(bench.request().type, "renewToken");
});

test("a refused renewal leaves the old token in force", () => {
  const bench = up();
  bench.room.renewToken("bad");
  bench.refuse(fatal(1102016));
  assert.equal(bench.counter("refusedRequests"), 1);
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(fatal(1002051));
  bench.open();
  assert.equal(bench.request().token, "token-1");
});

test("a refusal behind a newer token changes nothing, and a token that was never in force is not fallen back to", () => {
  const bench = up();
  bench.room.renewToken("b");
  bench.room.renewToken("c");
  const [b, c] = bench.sent();
  bench.error(b.id, fatal(1102016));
  bench.error(c.id, fatal(1102016));
  bench.room.renewToken("token-1");
  assert.deepEqual(bench.sent(), [], "token-1 is in force");
});

test("an empty or endless token is refused with 1100001", () => {
  const bench = up();
  for (const token of ["", "x".repeat(8 * 1024 + 1)]) {
    assert.throws(() => bench.room.renewToken(token), { code: 1100001 });
  }
});

test("numbers without end are cut: a token without end needs no announcement, a heartbeat comes each hour", () => {
  const endless = 2 ** 64;
  const bench = up({ token_expires_in_ms: endless, heartbeat_timeout_ms: endless, heartbeat_ms: endless });
  for (let n = 0; n < 1_800; n += 1) {
    bench.pass(4);
    bench.alive();
  }
  assert.deepEqual(bench.told(), []);
  assert.equal(bench.sent().length, 2);
});
