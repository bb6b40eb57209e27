import assert from "node:assert/strict";
import test from "node:test";

import { Bench, outcome } from "./bench.js";
import { fatal, loginOk, resumeOk, sequenced, snapshot, user, users } from "./words.js";

const info = (who, key, value) => ({ key, value, update_user: user(who), update_time_ms: 5 });
const update = (...infos) => ({ event: "roomExtraInfoUpdate", infos });
const found = (seq, ...infos) => ({ ...snapshot(seq), extra_infos: infos });

/** The session is taken up again with this. */
function resumeWith(bench, ok) {
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.told();
  bench.ok(bench.request().id, ok);
  return bench.told();
}

/** The session is gone: the client logs in anew and finds this. */
function loginAnew(bench, shown) {
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(fatal(1002051));
  bench.passUntilConnecting();
  bench.open();
  bench.ok(bench.request().id, loginOk(shown));
  return bench.told().filter((told) => told.includes(" set "));
}

const set = (bench, key, value) => bench.room.request("setRoomExtraInfo", { key, value });
const restored = (bench) =>
  bench
    .sent()
    .filter(({ type }) => type === "setRoomExtraInfo")
    .map(({ key, value }) => `${key}=${value}`);

async function setAndTaken(bench, value) {
  const answer = set(bench, "k", value);
  bench.ok(bench.request().id, {});
  await answer;
}

test("what is there is told after the login, and then each change once", () => {
  const bench = Bench.started();
  bench.open();
  bench.accept(found(4, info("bob", "k", "v")));
  assert.deepEqual(bench.told().at(-1), "bob set k=v");
  bench.event(5, update(info("bob", "k", "w")));
  bench.event(6, update(info("bob", "k", "w")));
  bench.event(7, update(info("carol", "k", "w")));
  assert.deepEqual(bench.told(), ["bob set k=w", "carol set k=w"]);
});

test("what a snapshot says is told only where it differs", () => {
  for (const [value, told] of [
    ["v", []],
    ["w", ["bob set k=w"]],
  ]) {
    const bench = Bench.up(found(4, info("bob", "k", "v")));
    assert.deepEqual(resumeWith(bench, resumeOk(null, found(900, info("bob", "k", value)))), ["link resumed", ...told]);
  }
});

test("one call at a time is under way, and a lost one is over", async () => {
  const bench = Bench.up();
  const lost = outcome(set(bench, "k", "v"));
  assert.deepEqual(await outcome(set(bench, "k", "w")), { code: 1102022, retryAfterMs: null });
  assert.deepEqual(restored(bench), ["k=v"]);
  bench.loseAndResume();
  assert.equal((await lost).code, 1000017);
  outcome(set(bench, "k", "x"));
  assert.deepEqual(restored(bench), ["k=x"]);
});

test("what we set is not told to us, and is set again in a new room", async () => {
  const bench = Bench.up();
  await setAndTaken(bench, "v");
  assert.deepEqual(resumeWith(bench, resumeOk(null, found(9, info("me", "k", "v")))), ["link resumed"]);
  assert.deepEqual(loginAnew(bench, found(0)), []);
  assert.deepEqual(restored(bench), ["k=v"]);
});

test("what somebody else set last is not set again by us", async () => {
  const bench = Bench.up();
  await setAndTaken(bench, "v");
  bench.event(1, update(info("bob", "k", "w")));
  bench.told();
  assert.deepEqual(loginAnew(bench, found(0)), []);
  assert.deepEqual(restored(bench), []);
  bench.event(1, update(info("bob", "k", "w")));
  assert.deepEqual(bench.told(), []);
});

test("a room that goes on without us keeps what it has", async () => {
  const bench = Bench.up();
  await setAndTaken(bench, "v");
  assert.deepEqual(loginAnew(bench, found(0, info("bob", "k", "w"))), ["bob set k=w"]);
  assert.deepEqual(restored(bench), []);
});

test("what another device of the user set meanwhile is told", () => {
  const bench = Bench.up();
  assert.deepEqual(loginAnew(bench, found(0, info("me", "k", "w"))), ["me set k=w"]);
  assert.deepEqual(loginAnew(bench, found(0)), []);
  assert.deepEqual(restored(bench), []);
});

test("what we set and heard no answer to is ours where the room has it", async () => {
  const bench = Bench.up();
  const lost = outcome(set(bench, "k", "v"));
  assert.deepEqual(loginAnew(bench, found(0, info("me", "k", "v"))), []);
  assert.equal((await lost).code, 1000017);
  assert.deepEqual(loginAnew(bench, found(0)), []);
  assert.deepEqual(restored(bench), ["k=v"]);
});

test("what we set is set again where the room has something older, and nothing of that is told", async () => {
  for (const [foundMs, told, sent] of [
    [6, [], 7],
    [7, ["bob set k=w"], undefined],
    [8, ["bob set k=w"], undefined],
  ]) {
    const bench = Bench.up();
    const answer = set(bench, "k", "v");
    bench.ok(bench.request().id, { update_time_ms: 7 });
    await answer;
    const there = { ...info("bob", "k", "w"), update_time_ms: foundMs };
    assert.deepEqual(loginAnew(bench, found(0, there)), told);
    const again = bench.sent().find(({ type }) => type === "setRoomExtraInfo");
    assert.equal(again?.update_time_ms, sent);
    if (again === undefined) {
      continue;
    }
    // Somebody was faster: what was set again is not ours any more.
    bench.event(1, update({ ...info("carol", "k", "x"), update_time_ms: 9 }));
    bench.ok(again.id, { update_time_ms: 9 });
    assert.equal(bench.told().at(-1), "carol set k=x");
    assert.deepEqual(loginAnew(bench, found(0)), []);
    assert.deepEqual(restored(bench), []);
  }
});

const sit = { event: "customCommand", from_user: user("bob"), command: "sit" };
const stand = { event: "customCommand", from_user: user("bob"), command: "stand" };

test("messages beside a snapshot are told once, behind what changed", () => {
  const bench = Bench.up(snapshot(10, ["a"]));
  const messages = [sequenced(11, sit), sequenced(40, stand)];
  const told = resumeWith(bench, resumeOk(null, snapshot(400), { messages }));
  assert.deepEqual(told.slice(0, 2), ["link resumed", "users -a"]);
  assert.match(told[2], /"sit"/);
  assert.match(told[3], /"stand"/);
  bench.event(401, users("+b"));
  assert.deepEqual(bench.told(), ["users +b"]);
});

test("messages that are not of the gap make the answer unreadable", () => {
  const [early, late] = [sequenced(11, sit), sequenced(40, stand)];
  for (const [messages, seq] of [
    [[late, early], 400],
    [[early, late], 39],
    [[sequenced(10, sit)], 400],
  ]) {
    const bench = Bench.up(snapshot(10));
    assert.deepEqual(resumeWith(bench, resumeOk(null, snapshot(seq), { messages })), []);
    assert.equal(bench.counter("unreadableResults"), 1);
  }
});
