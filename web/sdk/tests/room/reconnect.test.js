import assert from "node:assert/strict";
import test from "node:test";

import { Bench } from "./bench.js";
import { fatal, kick, later, snapshot } from "./words.js";

test("a link that is back within 8 seconds leaves no trace in the room's state", () => {
  const bench = Bench.up();
  bench.loseAndResume();
  assert.ok(bench.seconds < 4.001);
  assert.deepEqual(bench.told(), ["link down", "link resumed"]);
  bench.passAlive(20);
  assert.deepEqual(bench.told(), []);
  assert.equal(bench.room.state, "CONNECTED");
});

test("a link that is away for 8 seconds is RECONNECTING 1000017 and then RECONNECTED", () => {
  const bench = Bench.up();
  bench.lose();
  bench.pass(7.999);
  assert.deepEqual(bench.told(), ["link down"]);
  bench.pass(0.001);
  assert.deepEqual(bench.told(), ["RECONNECTING 1000017"]);
  bench.open();
  bench.resume();
  assert.deepEqual(bench.told(), ["RECONNECTED 0", "link resumed"]);
});

test("attempts that fail do not repeat RECONNECTING", () => {
  const bench = Bench.up();
  bench.lose();
  for (let n = 0; n < 5; n += 1) {
    bench.passUntilConnecting();
    bench.lose();
  }
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1000017"]);
});

test("a second loss within 8 seconds of the first is told at once", () => {
  const bench = Bench.up();
  bench.loseAndResume();
  bench.told();
  bench.pass(1);
  bench.lose();
  assert.ok(bench.seconds < 8);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1000017"]);
  bench.passUntilConnecting();
  bench.open();
  bench.resume();
  assert.deepEqual(bench.told(), ["RECONNECTED 0", "link resumed"]);
});

test("a second loss later than 8 seconds after the first is held back again", () => {
  const bench = Bench.up();
  bench.loseAndResume();
  bench.passAlive(8);
  bench.told();
  bench.lose();
  bench.pass(7.9);
  assert.deepEqual(bench.told(), ["link down"]);
  bench.pass(0.1);
  assert.deepEqual(bench.told(), ["RECONNECTING 1000017"]);
});

test("the first attempt after a loss waits a random 1 to 4 seconds", () => {
  const waits = Array.from({ length: 20 }, (_, seed) => {
    const bench = Bench.up(snapshot(), {}, {}, seed);
    bench.lose();
    bench.passUntilConnecting();
    return bench.seconds;
  });
  assert.ok(Math.min(...waits) >= 1 && Math.max(...waits) < 4.001, `${waits}`);
  assert.ok(Math.max(...waits) - Math.min(...waits) > 1, `not random: ${waits}`);
});

test("the server that worked is tried first after a loss", () => {
  const bench = Bench.started({ servers: ["ws://one", "ws://two"] });
  bench.lose();
  bench.open();
  bench.accept();
  bench.lose();
  bench.passUntilConnecting();
  assert.equal(bench.urls[2], "ws://two");
  bench.lose();
  assert.equal(bench.urls[3], "ws://one");
});

test("a budget that ends is RECONNECT_FAILED 1002053, and the end is told before it", () => {
  const bench = Bench.up();
  bench.lose();
  while (!bench.isEnded) {
    bench.passUntilConnecting();
    if (bench.socket) {
      bench.lose();
    }
  }
  assert.equal(bench.seconds, 300);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1000017", "end 1002053", "RECONNECT_FAILED 1002053"]);
  assert.equal(bench.room.state, "DISCONNECTED");
});

test("a budget shorter than the debounce still tells RECONNECTING before the failure", () => {
  const bench = Bench.up(snapshot(), {}, { timings: { roomRetryMs: 5_000 } });
  bench.lose();
  bench.pass(5);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1000017", "end 1002053", "RECONNECT_FAILED 1002053"]);
});

test("each loss has the whole budget", () => {
  const bench = Bench.up(snapshot(), {}, { timings: { roomRetryMs: 60_000 } });
  bench.lose();
  bench.pass(55);
  if (!bench.socket) {
    bench.passUntilConnecting();
  }
  bench.open();
  bench.resume();
  bench.passAlive(60);
  bench.lose();
  bench.pass(59);
  assert.equal(bench.isEnded, false);
  bench.pass(1);
  assert.equal(bench.isEnded, true);
});

test("a refused resume becomes a new login at once and is told as 1002051", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  assert.deepEqual(bench.told(), ["link down"]);
  const at = bench.seconds;
  bench.refuse(fatal(1002051));
  assert.deepEqual(bench.told(), ["RECONNECTING 1002051"]);
  assert.equal(bench.connectedAt.at(-1), at);
  bench.open();
  bench.accept(snapshot(0, ["a"]));
  assert.deepEqual(bench.told(), ["RECONNECTED 0", "link fresh", "users +a"]);
  assert.equal(bench.counter("lostSessions"), 1);
});

test("a relogin that is refused for good is RECONNECT_FAILED with its code", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(fatal(1002051));
  bench.open();
  bench.refuse(fatal(1102018));
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051", "end 1102018", "RECONNECT_FAILED 1102018"]);
});

test("a resume that is refused for now is asked again for the same session", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(later(1002099, 1_000));
  bench.pass(1);
  bench.open();
  bench.resume();
  assert.deepEqual(bench.told(), ["link down", "link resumed"]);
});

test("a resume that is refused for good is RECONNECT_FAILED with its code", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(fatal(1002066));
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1000017", "end 1002066", "RECONNECT_FAILED 1002066"]);
});

test("who was kicked out while away learns it from the resume and does not log in again", () => {
  for (const code of [1002050, 1002055, 1102018]) {
    const bench = Bench.up();
    bench.lose();
    bench.passUntilConnecting();
    bench.open();
    bench.refuse(fatal(code));
    assert.deepEqual(bench.told(), ["link down", `end ${code}`, `KICKOUT ${code}`]);
    assert.equal(bench.env.nextTimer(), Infinity);
  }
});

test("a kick-out ends the login with its code and is not retried", () => {
  for (const code of [1002050, 1002055, 1102018, 1002099]) {
    const bench = Bench.up();
    bench.event(1, kick(code));
    assert.deepEqual(bench.told(), [`end ${code}`, `KICKOUT ${code}`]);
    assert.equal(bench.env.nextTimer(), Infinity);
    assert.equal(bench.isEnded, true);
  }
});

test("a kick-out carries the kicker's text as documented JSON", () => {
  const bench = Bench.up();
  bench.event(1, kick(1002055, false, 'spam "x"'));
  const [, , , extendedData] = bench.calls.at(-1);
  assert.deepEqual(JSON.parse(extendedData), { custom_kickout_message: 'spam "x"' });
});

test("a kick-out that wants a relogin is silent when the relogin is quick", () => {
  const bench = Bench.up(snapshot(0, ["a"], ["s@a"]));
  bench.event(1, kick(1002099, true));
  bench.passUntilConnecting();
  bench.open();
  bench.accept(snapshot(9, ["a"], ["s@a"]));
  assert.deepEqual(bench.told(), ["link down", "link fresh"]);
});

test("a relogin that the server wanted is told as 1002051 after 8 seconds", () => {
  const bench = Bench.up();
  bench.event(1, kick(1002099, true));
  bench.pass(8);
  assert.deepEqual(bench.told(), ["link down", "RECONNECTING 1002051"]);
});

test("a relogin shows the newest token", () => {
  const bench = Bench.up();
  bench.lose();
  bench.room.renewToken("token-2");
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(fatal(1002051));
  bench.open();
  const { type, token } = bench.request();
  assert.deepEqual([type, token], ["login", "token-2"]);
});

test("without a network three attempts are made, then the network is waited for and its return is used at once", () => {
  const bench = Bench.up(snapshot(), {}, { servers: ["wss://voice.example.com/v1/signal"] });
  bench.env.setOnline(false);
  bench.lose();
  for (let n = 0; n < 3; n += 1) {
    bench.passUntilConnecting();
    bench.lose();
  }
  const tries = bench.urls.length;
  bench.pass(120);
  assert.equal(bench.urls.length, tries);
  bench.env.setOnline(true);
  assert.equal(bench.connectedAt.at(-1), bench.seconds);
  bench.open();
  bench.resume();
  assert.equal(bench.told().at(-1), "link resumed");
  bench.env.setOnline(true);
  assert.equal(bench.urls.length, tries + 1, "news of a network disturb nobody who is connected");
});

test("a network that comes ends the wait between two attempts, and an attempt that was sent into a dead one", () => {
  const bench = Bench.up();
  bench.lose();
  for (let n = 0; n < 5; n += 1) {
    bench.passUntilConnecting();
    bench.lose();
  }
  // The next attempt is 16 s away.
  bench.pass(3);
  bench.env.setOnline(true);
  assert.equal(bench.connectedAt.at(-1), bench.seconds);
  bench.pass(2);
  bench.env.setOnline(true);
  assert.equal(bench.connectedAt.at(-1), bench.seconds);
  const at = bench.seconds;
  bench.lose();
  bench.passUntilConnecting();
  assert.equal(bench.seconds, at + 32, "the back-off goes on");
});

test("a network that comes does not hurry who was sent away by the server", () => {
  const bench = Bench.up();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(later(1002099, 9_000));
  const at = bench.seconds;
  bench.env.setOnline(true);
  bench.passUntilConnecting();
  assert.equal(bench.seconds, at + 9);
});

test("a network that goes is not told before the link is found dead", () => {
  const bench = Bench.up();
  bench.env.setOnline(false);
  bench.pass(5);
  assert.deepEqual(bench.told(), []);
});

test("a network that does not come back ends the budget all the same", () => {
  const bench = Bench.started({ servers: ["wss://voice.example.com/v1/signal"] });
  bench.env.setOnline(false);
  for (let n = 0; n < 3; n += 1) {
    bench.lose();
    bench.passUntilConnecting();
  }
  bench.pass(300);
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1002031", "LOGIN_FAILED 1002031"]);
});

test("a server on this machine is tried on without a network", () => {
  for (const server of ["ws://127.0.0.1:8080/v1/signal", "ws://localhost/v1/signal", "ws://[::1]:8080/v1/signal"]) {
    const bench = Bench.started({ servers: [server] });
    bench.env.setOnline(false);
    for (let n = 0; n < 6; n += 1) {
      bench.lose();
      bench.passUntilConnecting();
    }
    assert.equal(bench.urls.length, 7, server);
  }
});

test("a success starts the waits, and the tries without a network, from the beginning", () => {
  const bench = Bench.up(snapshot(), {}, { servers: ["wss://voice.example.com/v1/signal"] });
  bench.lose();
  for (let n = 0; n < 4; n += 1) {
    bench.passUntilConnecting();
    bench.lose();
  }
  bench.passUntilConnecting();
  bench.open();
  bench.resume();
  bench.env.setOnline(false);
  bench.lose();
  const lostAt = bench.seconds;
  bench.passUntilConnecting();
  assert.ok(bench.seconds - lostAt < 4.001, `${bench.seconds - lostAt} s`);
  bench.lose();
  const tries = bench.urls.length;
  bench.passUntilConnecting();
  assert.equal(bench.urls.length, tries + 1, "one failure is not three");
});
