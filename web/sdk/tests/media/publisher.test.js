import assert from "node:assert/strict";
import test from "node:test";

import { at, BUDGET, deeds, linkAway, PublisherMachine, refused, SECOND, timedOut } from "./harness.js";

const atStage = (stage) => at(PublisherMachine, stage);

test("publishing begins with requesting and an offer", () => {
  const machine = new PublisherMachine();
  assert.deepEqual(machine.take(), [
    { do: "emit", state: "PUBLISH_REQUESTING", code: 0, text: "" },
    { do: "open", attempt: 1 },
  ]);
});

test("an offer goes to the server, its answer to the connection, and connected is publishing", () => {
  const machine = atStage("offering").advanceTo("publishing");
  assert.deepEqual(machine.take(), [
    { do: "exchange", attempt: 1, offer: "offer" },
    { do: "apply", attempt: 1, answer: "answer" },
    { do: "measure", attempt: 1 },
    { do: "emit", state: "PUBLISHING", code: 0, text: "" },
  ]);
});

test("the same state with the same code is told once", () => {
  const machine = atStage("exchanging");
  const said = [];
  for (const error of [linkAway, linkAway, timedOut]) {
    machine.answer(error);
    machine.pass(5 * SECOND);
    said.push(...machine.told());
    machine.advanceTo("exchanging");
  }
  assert.deepEqual(said, ["PUBLISH_REQUESTING 1103050", "PUBLISH_REQUESTING 1100002"]);
});

test("retries wait as the documented steps say", () => {
  const machine = atStage("exchanging");
  for (const wait of [300, 300, 1200, 2400, 4800, 4800]) {
    machine.answer(linkAway);
    machine.take();
    machine.pass(wait - 1);
    assert.deepEqual(machine.take(), [], `${wait}`);
    machine.pass(1);
    assert.deepEqual(deeds(machine.take()), ["open"], `${wait}`);
    machine.advanceTo("exchanging");
    machine.take();
  }
});

test("a budget without success ends with 1103051", () => {
  const machine = new PublisherMachine();
  machine.pass(BUDGET - 1);
  assert.ok(!machine.state.hasEnded);
  machine.take();
  machine.pass(1);
  assert.deepEqual(machine.told(), ["NO_PUBLISH 1103051"]);
  assert.ok(machine.state.hasEnded);
});

test("a success begins the back-off anew", () => {
  const machine = atStage("exchanging");
  for (let n = 0; n < 5; n += 1) {
    machine.answer(linkAway);
    machine.pass(5 * SECOND);
    machine.advanceTo("exchanging");
  }
  machine.answer();
  machine.applied();
  machine.transport("connected");
  machine.transport("failed");
  machine.take();
  machine.pass(300);
  assert.deepEqual(deeds(machine.take()), ["open"]);
});

test("stop tells the server whenever it may know the stream", () => {
  const answeredOnceAndRefusedNow = (machine) => {
    machine.answer();
    machine.transport("failed");
    machine.pass(300);
    machine.advanceTo("exchanging");
    machine.answer(refused(1002073, SECOND));
  };
  const table = [
    [(m) => m.answer(refused(1002073, SECOND)), false],
    [(m) => m.answer(linkAway), true],
    [(m) => m.answer(timedOut), true],
    [answeredOnceAndRefusedNow, true],
  ];
  for (const [number, [before, tells]] of table.entries()) {
    const machine = atStage("exchanging");
    before(machine);
    machine.stop(0);
    assert.equal(machine.does("withdraw"), tells, `row ${number}`);
  }
});

test("what an older try brings is ignored", () => {
  const machine = atStage("publishing");
  machine.transport("failed");
  machine.pass(300);
  machine.take();
  machine.offer(undefined, 1);
  machine.answer(refused(1003028, null), 1);
  machine.applied(undefined, 1);
  machine.transport("closed", 1);
  assert.deepEqual(machine.take(), []);
  machine.advanceTo("publishing");
  assert.deepEqual(machine.told(), ["PUBLISHING 0"]);
});
