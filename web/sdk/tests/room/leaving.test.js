import assert from "node:assert/strict";
import test from "node:test";

import { Bench, outcome } from "./bench.js";
import { fatal, later, loginOk, resumeOk, snapshot } from "./words.js";

test("a logout is told at once, end first, and ends when the server answers", () => {
  const bench = Bench.up();
  bench.room.logout();
  assert.deepEqual(bench.told(), ["end 0", "LOGOUT 0"]);
  assert.equal(bench.room.isUp, false);
  const { id, type } = bench.request();
  assert.equal(type, "logout");
  assert.equal(bench.isEnded, false);
  const { socket } = bench;
  bench.ok(id, {});
  assert.equal(bench.isEnded, true);
  assert.equal(socket.closedWith, 1000);
});

test("a logout waits at most a second for the server", () => {
  const bench = Bench.up();
  bench.room.logout();
  bench.pass(0.999);
  assert.equal(bench.isEnded, false);
  bench.pass(0.001);
  assert.equal(bench.isEnded, true);
  assert.equal(bench.env.nextTimer(), Infinity);
});

test("a logout ends when the server closes, refuses or talks nonsense", () => {
  const ways = [(bench) => bench.lose(), (bench) => bench.refuse(fatal(1102015)), (bench) => bench.receive("nonsense")];
  for (const way of ways) {
    const bench = Bench.up();
    bench.room.logout();
    way(bench);
    assert.equal(bench.isEnded, true);
    assert.deepEqual(bench.told(), ["end 0", "LOGOUT 0"]);
  }
});

test("a login that is cancelled is LOGOUT 0, and rejects with 1102026", async () => {
  const points = [
    () => {},
    (bench) => bench.lose(),
    (bench) => {
      bench.open();
      bench.refuse(later(1002073, 5_000));
    },
  ];
  for (const point of points) {
    const bench = Bench.started();
    point(bench);
    bench.room.logout();
    assert.deepEqual(bench.told(), ["LOGINING 0", "end 0", "LOGOUT 0"]);
    assert.equal((await outcome(bench.login)).code, 1102026);
    assert.equal(bench.isEnded, true, "the server knows nothing of this login");
  }
});

test("a login cancelled while it is out is logged out when it is answered", async () => {
  const bench = Bench.started();
  bench.open();
  const login = bench.request();
  bench.room.logout();
  assert.equal((await outcome(bench.login)).code, 1102026, "nobody waits for the server");
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 0", "LOGOUT 0"]);
  bench.ok(login.id, loginOk(snapshot(0, ["a"])));
  const { id, type } = bench.request();
  assert.equal(type, "logout");
  bench.ok(id, {});
  assert.equal(bench.isEnded, true);
  assert.deepEqual(bench.told(), []);
});

test("a logout while reconnecting takes the session up to end it", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.told();
  bench.room.logout();
  assert.deepEqual(bench.told(), ["end 0", "LOGOUT 0"]);
  bench.open();
  const resume = bench.request();
  assert.equal(resume.type, "resume");
  bench.ok(resume.id, resumeOk([]));
  assert.equal(bench.request().type, "logout");
  bench.pass(1);
  assert.equal(bench.isEnded, true);
  assert.deepEqual(bench.told(), []);
});

test("a logout between two attempts ends at once", () => {
  const bench = Bench.up();
  bench.lose();
  bench.told();
  bench.room.logout();
  assert.equal(bench.isEnded, true);
  assert.deepEqual(bench.told(), ["end 0", "LOGOUT 0"]);
});

test("a second logout, and one after the end, say nothing", () => {
  const bench = Bench.up();
  bench.room.logout();
  bench.room.logout();
  bench.pass(2);
  bench.room.logout();
  assert.deepEqual(bench.told(), ["end 0", "LOGOUT 0"]);
});

test("a stop ends at once without a word to the program, and tells the server", () => {
  const bench = Bench.up();
  const { socket } = bench;
  bench.room.stop();
  assert.equal(bench.isEnded, true);
  assert.deepEqual(bench.told(), []);
  assert.equal(bench.request().type, "logout");
  assert.equal(socket.closedWith, 1000);
});

test("a stop before the socket is open ends at once too, and rejects the login", async () => {
  const bench = Bench.started();
  bench.room.stop();
  bench.room.stop();
  assert.equal(bench.isEnded, true);
  assert.deepEqual(bench.sent(), []);
  assert.equal((await outcome(bench.login)).code, 1102026);
});

test("a page that is left closes its socket, and one that comes back asks for its session", () => {
  const bench = Bench.up();
  bench.env.hidePage();
  assert.equal(bench.socket.closedWith, 4001);
  bench.lose();
  bench.pass(4);
  bench.open();
  assert.equal(bench.request().type, "resume");
  bench.room.stop();
  assert.equal(bench.env.hidePage, undefined);
});

test("a token renewed after the end is refused with 1000002", () => {
  const bench = Bench.up();
  bench.room.logout();
  assert.throws(() => bench.room.renewToken("t"), { code: 1000002 });
});

test("a listener that logs out while it is told something is heard once what came before is told", () => {
  const bench = Bench.started();
  bench.listener.onUsers = () => bench.room.logout();
  bench.open();
  bench.accept(snapshot(0, ["a"], ["s@a"]));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "streams +s", "end 0", "LOGOUT 0"]);
  assert.equal(bench.request().type, "logout");
});

test("a listener that throws is reported and counted, and the room goes on", (t) => {
  const reported = t.mock.method(console, "error", () => {});
  const bench = Bench.started();
  bench.listener.onLink = () => {
    throw new Error("a fault of the listener");
  };
  bench.open();
  bench.accept(snapshot(0, ["a"]));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "users +a"]);
  assert.equal(bench.counter("listenerFaults"), 1);
  assert.equal(reported.mock.callCount(), 1);
});
