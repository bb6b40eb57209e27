import assert from "node:assert/strict";
import test from "node:test";

import { at, BUDGET, deeds, linkAway, PUBLISH_STAGES, PublisherMachine, refused, SECOND, timedOut, told } from "./harness.js";

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

test("a connection may be there before its answer is reported applied", () => {
  const machine = atStage("applying");
  machine.transport("connected");
  assert.deepEqual(machine.told(), []);
  machine.applied();
  assert.deepEqual(machine.told(), ["PUBLISHING 0"]);
});

test("each temporary fault is requesting with its code, and a new connection 300 ms later", () => {
  const table = [
    ["offering", (m) => m.offer(new Error("no socket")), 1103022],
    ["exchanging", (m) => m.answer(linkAway), 1103050],
    ["exchanging", (m) => m.answer(timedOut), 1100002],
    ["applying", (m) => m.applied(new Error("bad")), 1103025],
    ["applying", (m) => m.transport("failed"), 1103028],
    ["connecting", (m) => m.transport("failed"), 1103028],
    ["publishing", (m) => m.transport("failed"), 1103028],
    ["connecting", (m) => m.transport("closed"), 1103027],
    ["publishing", (m) => m.transport("closed"), 1103027],
  ];
  for (const [stage, fault, code] of table) {
    const machine = atStage(stage);
    fault(machine);
    assert.equal(machine.effects[0].do, "close", `${stage} ${code}`);
    assert.deepEqual(machine.told(), [`PUBLISH_REQUESTING ${code}`], stage);
    machine.pass(299);
    assert.deepEqual(machine.take(), [], `${stage} ${code}`);
    machine.pass(1);
    assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
    machine.advanceTo("publishing");
    assert.deepEqual(machine.told(), ["PUBLISHING 0"]);
  }
});

test("a step that takes too long is a fault", () => {
  const table = [
    ["offering", 10, 1103022],
    ["exchanging", 20, 1100002],
    ["applying", 10, 1103025],
    ["connecting", 15, 1103028],
  ];
  for (const [stage, seconds, code] of table) {
    const machine = atStage(stage);
    machine.pass(seconds * SECOND - 1);
    assert.deepEqual(machine.take(), [], stage);
    machine.pass(1);
    assert.deepEqual(machine.told(), [`PUBLISH_REQUESTING ${code}`], stage);
  }
});

test("a refusal without a time is final with its code", () => {
  for (const code of [1102018, 1102016, 1003028, 1002082, 1003025, 1002066, 1003099]) {
    const machine = atStage("exchanging");
    machine.answer(refused(code, null));
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", "emit", "end"]);
    assert.deepEqual(told(effects), [`NO_PUBLISH ${code}`]);
    assert.ok(machine.state.hasEnded);
  }
});

test("a refusal with a time is asked again after that time", () => {
  const machine = atStage("exchanging");
  machine.answer(refused(1002073, 7 * SECOND));
  assert.deepEqual(machine.told(), ["PUBLISH_REQUESTING 1002073"]);
  machine.pass(7 * SECOND - 1);
  assert.deepEqual(machine.take(), []);
  machine.pass(1);
  assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
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

test("the signalling link ends a wait at once", () => {
  for (const resumed of [false, true]) {
    const machine = atStage("exchanging");
    machine.answer(refused(1002073, 60 * SECOND));
    machine.take();
    machine.link(resumed);
    assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
  }
});

test("a server that kept the session needs no new negotiation", () => {
  for (const stage of PUBLISH_STAGES) {
    const machine = atStage(stage);
    machine.link(true);
    assert.deepEqual(machine.take(), [], stage);
  }
});

test("a server that lost the session is offered the stream anew", () => {
  for (const stage of ["applying", "connecting", "publishing"]) {
    const machine = atStage(stage);
    machine.link(false);
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", "emit", "open"], stage);
    assert.deepEqual(told(effects), ["PUBLISH_REQUESTING 1103027"], stage);
  }
  for (const stage of ["offering", "exchanging"]) {
    const machine = atStage(stage);
    machine.link(false);
    assert.deepEqual(machine.take(), [], `${stage}: the exchange under way speaks to the new session`);
  }
});

test("ICE may be disconnected for less than 15 seconds", () => {
  const machine = atStage("publishing");
  machine.transport("disconnected");
  assert.ok(!machine.state.hearsServer);
  machine.pass(15 * SECOND - 1);
  assert.deepEqual(machine.told(), []);
  machine.transport("connected");
  assert.ok(machine.state.hearsServer);
  machine.pass(60 * SECOND);
  assert.deepEqual(machine.told(), []);
});

test("ICE disconnected for 15 seconds is a fault and a fresh connection", () => {
  const machine = atStage("publishing");
  machine.transport("disconnected");
  machine.pass(10 * SECOND);
  machine.transport("disconnected");
  machine.pass(5 * SECOND);
  assert.deepEqual(machine.told(), ["PUBLISH_REQUESTING 1103028"]);
  machine.pass(300);
  assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
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

test("each interruption has a budget of its own", () => {
  const machine = atStage("publishing");
  machine.pass(2 * BUDGET);
  machine.transport("failed");
  machine.take();
  machine.pass(BUDGET - 1);
  assert.ok(!machine.state.hasEnded);
  machine.pass(1);
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

test("stop at any stage closes and tells NO_PUBLISH once", () => {
  for (const stage of PUBLISH_STAGES) {
    const machine = atStage(stage);
    machine.stop(0);
    const withdraws = stage === "offering" ? [] : ["withdraw"];
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", ...withdraws, "emit", "end"], stage);
    assert.deepEqual(told(effects), ["NO_PUBLISH 0"]);
    machine.stop(1002055);
    machine.pass(2 * BUDGET);
    assert.deepEqual(machine.take(), [], stage);
  }
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

test("quality is reported every 3 seconds of publishing", () => {
  const machine = atStage("publishing");
  machine.pass(3 * SECOND - 1);
  assert.deepEqual(machine.take(), []);
  machine.pass(1);
  assert.deepEqual(machine.take(), [{ do: "report", attempt: 1 }]);
  assert.ok(machine.state.isPublishing(1) && !machine.state.isPublishing(2));
  machine.pass(30 * SECOND);
  assert.equal(machine.take().length, 10);
  machine.transport("failed");
  assert.ok(!machine.state.isPublishing(1));
});
