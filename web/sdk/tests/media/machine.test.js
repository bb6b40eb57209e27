import assert from "node:assert/strict";
import test from "node:test";

import { at, BUDGET, deeds, linkAway, PlayerMachine, PublisherMachine, refused, SECOND, timedOut, told } from "./harness.js";

/** What is the same for publisher and player, but for its words and codes. */
const KINDS = [
  {
    Kind: PublisherMachine,
    requesting: "PUBLISH_REQUESTING",
    running: "PUBLISHING",
    over: "NO_PUBLISH",
    last: "publishing",
    codes: { offer: 1103022, answer: 1103025, link: 1103050, connection: 1103028, closed: 1103027 },
    final: [1102018, 1102016, 1003028, 1002082, 1003025, 1002066, 1003099],
  },
  {
    Kind: PlayerMachine,
    requesting: "PLAY_REQUESTING",
    running: "PLAYING",
    over: "NO_PLAY",
    last: "playing",
    codes: { offer: 1104022, answer: 1104025, link: 1104029, connection: 1104028, closed: 1104027 },
    final: [1102018, 1102016, 1104046, 1004025, 1104045, 1004099, 1104039],
  },
];

/** One test for each kind; `atStage` gives a machine that has come to a stage. */
function both(name, act) {
  for (const kind of KINDS) test(`${kind.running}: ${name}`, () => act(kind, (stage) => at(kind.Kind, stage)));
}

/** The stages behind `first`, itself included. */
function from(first, { Kind }) {
  const { stages } = new Kind();
  return stages.slice(stages.indexOf(first));
}

both("each temporary fault is requesting with its code, and a new connection 300 ms later", (kind, atStage) => {
  const { codes } = kind;
  const table = [
    ["offering", (m) => m.offer(new Error("no socket")), codes.offer],
    ["exchanging", (m) => m.answer(linkAway), codes.link],
    ["exchanging", (m) => m.answer(timedOut), 1100002],
    ["applying", (m) => m.applied(new Error("bad")), codes.answer],
    ...from("applying", kind).map((stage) => [stage, (m) => m.transport("failed"), codes.connection]),
    ...from("connecting", kind).map((stage) => [stage, (m) => m.transport("closed"), codes.closed]),
  ];
  for (const [stage, fault, code] of table) {
    const machine = atStage(stage);
    fault(machine);
    assert.equal(machine.effects[0].do, "close", `${stage} ${code}`);
    assert.deepEqual(machine.told(), [`${kind.requesting} ${code}`], stage);
    machine.pass(299);
    assert.deepEqual(machine.take(), [], `${stage} ${code}`);
    machine.pass(1);
    assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
    machine.advanceTo(kind.last);
    assert.deepEqual(machine.told(), [`${kind.running} 0`]);
  }
});

both("a step that takes too long is a fault", ({ requesting, codes }, atStage) => {
  const table = [
    ["offering", 10, codes.offer],
    ["exchanging", 20, 1100002],
    ["applying", 10, codes.answer],
    ["connecting", 15, codes.connection],
  ];
  for (const [stage, seconds, code] of table) {
    const machine = atStage(stage);
    machine.pass(seconds * SECOND - 1);
    assert.deepEqual(machine.take(), [], stage);
    machine.pass(1);
    assert.deepEqual(machine.told(), [`${requesting} ${code}`], stage);
  }
});

both("a connection may be there before its answer is reported applied", (kind, atStage) => {
  const machine = atStage("applying");
  machine.transport("connected");
  assert.deepEqual(machine.told(), []);
  machine.applied();
  machine.flow?.(true);
  assert.deepEqual(machine.told(), [`${kind.running} 0`]);
});

both("a refusal without a time is final with its code", ({ over, final }, atStage) => {
  for (const code of final) {
    const machine = atStage("exchanging");
    machine.answer(refused(code, null));
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", "emit", "end"]);
    assert.deepEqual(told(effects), [`${over} ${code}`]);
    assert.ok(machine.state.hasEnded);
  }
});

both("a refusal with a time is asked again after that time, or at once when the link is back", ({ requesting }, atStage) => {
  const machine = atStage("exchanging");
  machine.answer(refused(1002073, 7 * SECOND));
  assert.deepEqual(machine.told(), [`${requesting} 1002073`]);
  machine.pass(7 * SECOND - 1);
  assert.deepEqual(machine.take(), []);
  machine.pass(1);
  assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
  for (const resumed of [false, true]) {
    const waiting = atStage("exchanging");
    waiting.answer(refused(1002073, 60 * SECOND));
    waiting.take();
    waiting.link(resumed);
    assert.deepEqual(waiting.take(), [{ do: "open", attempt: 2 }]);
  }
});

both("a server that kept the session needs no new negotiation", (kind, atStage) => {
  for (const stage of from("offering", kind)) {
    const machine = atStage(stage);
    machine.link(true);
    assert.deepEqual(machine.take(), [], stage);
  }
});

both("a server that lost the session is asked anew", (kind, atStage) => {
  for (const stage of from("applying", kind)) {
    const machine = atStage(stage);
    machine.link(false);
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", "emit", "open"], stage);
    assert.deepEqual(told(effects), [`${kind.requesting} ${kind.codes.closed}`], stage);
  }
  for (const stage of ["offering", "exchanging"]) {
    const machine = atStage(stage);
    machine.link(false);
    assert.deepEqual(machine.take(), [], `${stage}: the exchange under way speaks to the new session`);
  }
});

both("ICE may be disconnected for less than 15 seconds, and then it is a fault", (kind, atStage) => {
  const machine = atStage(kind.last);
  machine.transport("disconnected");
  assert.ok(!machine.state.hearsServer);
  machine.pass(15 * SECOND - 1);
  machine.transport("connected");
  assert.ok(machine.state.hearsServer);
  machine.pass(60 * SECOND);
  assert.deepEqual(machine.told(), []);
  machine.transport("disconnected");
  machine.pass(10 * SECOND);
  machine.transport("disconnected");
  machine.pass(5 * SECOND);
  assert.deepEqual(machine.told(), [`${kind.requesting} ${kind.codes.connection}`]);
});

both("each interruption has a budget of its own", (kind, atStage) => {
  const machine = atStage(kind.last);
  machine.pass(2 * BUDGET);
  machine.transport("failed");
  machine.take();
  machine.pass(BUDGET - 1);
  assert.ok(!machine.state.hasEnded);
  machine.pass(1);
  assert.ok(machine.state.hasEnded);
});

both("stop at any stage closes and tells the end once", (kind, atStage) => {
  for (const stage of from("offering", kind)) {
    const machine = atStage(stage);
    machine.stop(0);
    const withdraws = stage === "offering" ? [] : ["withdraw"];
    const effects = machine.take();
    assert.deepEqual(deeds(effects), ["close", ...withdraws, "emit", "end"], stage);
    assert.deepEqual(told(effects), [`${kind.over} 0`]);
    machine.stop(1002055);
    machine.pass(2 * BUDGET);
    assert.deepEqual(machine.take(), [], stage);
  }
});

both("quality is reported every 3 seconds while media flows", (kind, atStage) => {
  const machine = atStage(kind.last);
  machine.pass(3 * SECOND - 1);
  assert.deepEqual(machine.take(), []);
  machine.pass(1);
  assert.deepEqual(machine.take(), [{ do: "report", attempt: 1 }]);
  machine.pass(30 * SECOND);
  assert.equal(machine.take().length, 10);
});
