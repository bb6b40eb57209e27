/** The login moves to another node: a stream goes on as it is until it goes through that. */
import assert from "node:assert/strict";
import test from "node:test";

import { at, deeds, missing, PlayerMachine, PublisherMachine, SECOND, told } from "./harness.js";

function moving(Kind, stage) {
  const machine = at(Kind, stage);
  machine.note(machine.state.onLinkRestored(false, machine.now, true));
  return machine;
}

const publishing = () => moving(PublisherMachine, "publishing");
const playing = () => moving(PlayerMachine, "playing");
const count = (effects, name) => deeds(effects).filter((deed) => deed === name).length;

test("a stream is sent on until the other node has it, and nothing is told", () => {
  const machine = publishing();
  assert.deepEqual(deeds(machine.take()), ["keep", "open"]);
  machine.advanceTo("connecting");
  assert.deepEqual(deeds(machine.take()), ["exchange", "apply"]);
  machine.transport("connected");
  assert.deepEqual(deeds(machine.take()), ["retire", "measure"]);
});

test("a stream is heard on until the other connection brings a packet, and nothing is told", () => {
  const machine = playing();
  assert.deepEqual(deeds(machine.take()), ["keep", "open"]);
  machine.advanceTo("awaiting");
  assert.deepEqual(deeds(machine.take()), ["exchange", "apply", "awaitMedia"]);
  machine.flow(true);
  assert.deepEqual(deeds(machine.take()), ["retire"]);
  machine.pass(60 * SECOND);
  assert.deepEqual(machine.told(), []);
});

test("tries that fail are followed by others while the stream goes on", () => {
  const machine = playing();
  for (let tries = 0; tries < 3; tries += 1) {
    machine.advanceTo("exchanging").answer(missing);
    machine.pass(SECOND);
  }
  machine.advanceTo("playing");
  const effects = machine.take();
  assert.deepEqual([told(effects), count(effects, "discard"), count(effects, "retire")], [[], 3, 1]);
});

test("after ten seconds without another connection the stream counts as interrupted", () => {
  for (const [machine, code, word] of [
    [publishing(), "PUBLISH_REQUESTING 1103027", "PUBLISHING 0"],
    [playing(), "PLAY_REQUESTING 1104027", "PLAYING 0"],
  ]) {
    machine.advanceTo("exchanging");
    machine.pass(10 * SECOND - 1);
    assert.deepEqual(machine.told(), []);
    machine.pass(1);
    const effects = machine.take();
    assert.deepEqual([told(effects), count(effects, "retire")], [[code], 1]);
    machine.advanceTo(machine.stages.at(-1));
    assert.equal(machine.told().at(-1), word);
  }
});

test("a node that dies meanwhile tells nothing either", () => {
  for (const event of ["disconnected", "failed", "closed"]) {
    for (const machine of [publishing(), playing()]) {
      machine.transport(event, machine.attempt - 1);
      machine.advanceTo(machine.stages.at(-1));
      assert.deepEqual(machine.told(), [], event);
    }
  }
});

test("a publisher that vanishes meanwhile is told, and a stop closes both connections", () => {
  const machine = playing().advanceTo("connecting");
  machine.take();
  machine.ended(1004020);
  assert.deepEqual(deeds(machine.take()), ["close", "emit"]);
  const other = publishing().advanceTo("connecting");
  other.take();
  other.stop(0);
  assert.deepEqual(deeds(other.take()), ["close", "withdraw", "emit", "end"]);
});

test("a login that moves twice keeps the one connection that is used", () => {
  const machine = publishing().advanceTo("applying");
  machine.note(machine.state.onLinkRestored(false, machine.now, true));
  machine.advanceTo("publishing");
  const effects = machine.take();
  assert.deepEqual([told(effects), count(effects, "keep"), count(effects, "retire")], [[], 1, 1]);
});
