import assert from "node:assert/strict";
import test from "node:test";

import { Emitter } from "../../base/emitter.js";

function emitter(names = ["a", "b"]) {
  return new Emitter(names);
}

test("listeners are called in the order in which they were added, with all arguments", () => {
  const events = emitter();
  const heard = [];
  events.on("a", (...args) => heard.push(["first", ...args]));
  events.on("a", (...args) => heard.push(["second", ...args]));
  events.emit("a", 1, "x");
  events.emit("b", 2);
  assert.deepEqual(heard, [
    ["first", 1, "x"],
    ["second", 1, "x"],
  ]);
});

test("an unknown event and what is no function give false", () => {
  const events = emitter();
  assert.equal(
    events.on("moonRise", () => {}),
    false,
  );
  assert.equal(events.on("a", "no function"), false);
  assert.equal(events.off("moonRise"), false);
  assert.equal(
    events.on("a", () => {}),
    true,
  );
  assert.equal(events.off("a"), true);
  assert.equal(events.off("b"), true);
});

test("the same function twice is stored once", () => {
  const events = emitter();
  let calls = 0;
  const count = () => (calls += 1);
  events.on("a", count);
  events.on("a", count);
  events.emit("a");
  assert.equal(calls, 1);
});

test("off takes one listener away at once, and without one all of the event", () => {
  const events = emitter();
  const heard = [];
  const second = () => heard.push("second");
  events.on("a", () => {
    heard.push("first");
    events.off("a", second);
  });
  events.on("a", second);
  events.emit("a");
  events.off("a");
  events.emit("a");
  assert.deepEqual(heard, ["first"]);
});

test("a listener added while the event is told waits for the next one", () => {
  const events = emitter();
  let late = 0;
  events.on("a", () => events.on("a", () => (late += 1)));
  events.emit("a");
  assert.equal(late, 0);
});

test("a listener that throws is reported and counted, and the others still hear", (t) => {
  const reported = t.mock.method(console, "error", () => {});
  const events = emitter();
  let heard = 0;
  events.on("a", () => {
    throw new Error("a fault of the program");
  });
  events.on("a", () => (heard += 1));
  events.emit("a");
  assert.equal(heard, 1);
  assert.equal(events.failures, 1);
  assert.equal(reported.mock.callCount(), 1);
});
