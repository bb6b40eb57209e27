import assert from "node:assert/strict";
import test from "node:test";

import { at, BUDGET, deeds, linkAway, missing, PLAY_STAGES, PlayerMachine, refused, SECOND } from "./harness.js";

const atStage = (stage) => at(PlayerMachine, stage);

test("playing begins with requesting and an offer", () => {
  const machine = new PlayerMachine();
  assert.deepEqual(machine.take(), [
    { do: "emit", state: "PLAY_REQUESTING", code: 0, text: "" },
    { do: "open", attempt: 1 },
  ]);
});

test("an applied answer completes the start, and the first packet is playing", () => {
  const machine = atStage("offering").advanceTo("applying");
  assert.deepEqual(deeds(machine.take()), ["exchange", "apply"]);
  machine.applied();
  assert.deepEqual(deeds(machine.take()), ["negotiated"]);
  machine.transport("connected");
  assert.deepEqual(machine.take(), [{ do: "awaitMedia", attempt: 1 }]);
  machine.flow(true);
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
});

test("a stream that is sent only while it is loud plays without a packet, and its silence is no interruption", () => {
  const machine = atStage("applying");
  machine.state.onLimited(true);
  machine.applied();
  machine.transport("connected");
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
  machine.pass(120 * SECOND);
  assert.deepEqual(machine.told(), []);
});

test("a packet without a connection is not playing", () => {
  const machine = atStage("connecting");
  machine.flow(true);
  assert.deepEqual(machine.told(), []);
});

test("a connection may be there before its answer is reported applied", () => {
  const machine = atStage("applying");
  machine.transport("connected");
  machine.applied();
  assert.deepEqual(deeds(machine.take()), ["negotiated", "awaitMedia"]);
});

test("a missing stream is waited for without another word, and played when it is there", () => {
  const machine = atStage("exchanging");
  machine.passRefused(60 * SECOND, missing);
  assert.ok(!machine.does("negotiated"));
  assert.deepEqual(machine.told(), []);
  machine.advanceTo("playing");
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
});

test("a stream that is missing for the whole budget ends with 1104039", () => {
  const machine = atStage("offering");
  machine.passRefused(BUDGET - 1, missing);
  assert.ok(!machine.state.hasEnded);
  machine.pass(1);
  assert.deepEqual(machine.told(), ["NO_PLAY 1104039"]);
});

test("a budget without success ends with 1104031", () => {
  const machine = atStage("offering");
  machine.passRefused(BUDGET + SECOND, linkAway);
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1104029", "NO_PLAY 1104031"]);
});

test("a stream that appears is asked for at once, and only if it was waited for", () => {
  const machine = atStage("exchanging");
  machine.answer(refused(1104039, 60 * SECOND));
  machine.take();
  machine.appeared();
  assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
  for (const stage of PLAY_STAGES) {
    const other = atStage(stage);
    other.appeared();
    assert.deepEqual(other.take(), [], stage);
  }
});

test("a publisher that vanished is waited for, and missed for the budget is 1104039", () => {
  const machine = atStage("playing");
  machine.ended(1004020);
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1004020"]);
  machine.passRefused(BUDGET + SECOND, missing);
  assert.deepEqual(machine.told(), ["NO_PLAY 1104039"]);
});

test("any other end by the server is final", () => {
  for (const stage of PLAY_STAGES) {
    for (const code of [1004025, 1104046]) {
      const machine = atStage(stage);
      machine.ended(code);
      assert.deepEqual(machine.told(), [`NO_PLAY ${code}`], stage);
    }
  }
});

test("media that the server lost is played again", () => {
  for (const code of [1104027, 1104028]) {
    for (const stage of ["applying", "connecting", "awaiting", "playing"]) {
      const machine = atStage(stage);
      machine.ended(code);
      assert.deepEqual(machine.told(), [`PLAY_REQUESTING ${code}`], stage);
      machine.pass(SECOND);
      machine.advanceTo("playing");
      assert.deepEqual(machine.told(), ["PLAYING 0"], stage);
    }
  }
});

test("media that we gave up ourselves is no loss when the server says so", () => {
  for (const code of [1104027, 1104028]) {
    const machine = atStage("playing");
    machine.transport("failed");
    machine.take();
    machine.ended(code);
    assert.deepEqual(machine.take(), []);
    machine.pass(SECOND);
    machine.advanceTo("exchanging");
    machine.ended(code);
    machine.answer();
    machine.applied();
    machine.transport("connected");
    machine.flow(true);
    assert.deepEqual(machine.told(), ["PLAYING 0"]);
  }
});

test("an end that overtakes the answer is an interruption", () => {
  const machine = atStage("exchanging");
  machine.ended(1004020);
  assert.deepEqual(machine.told(), []);
  machine.answer();
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1004020"]);
  machine.pass(300);
  machine.advanceTo("playing");
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
});

test("the start completes once, however often it is negotiated", () => {
  const machine = atStage("playing");
  machine.transport("failed");
  machine.pass(300);
  machine.advanceTo("playing");
  assert.ok(!machine.does("negotiated"));
});

test("media that stops for 6 seconds is an interruption, and its return is playing", () => {
  const machine = atStage("playing");
  machine.pass(60 * SECOND);
  machine.take();
  machine.flow(false);
  machine.pass(5_999);
  assert.deepEqual(machine.told(), []);
  machine.pass(SECOND);
  assert.ok(machine.does("awaitMedia") && !machine.does("close"));
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1004020"]);
  machine.flow(true);
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
  machine.pass(60 * SECOND);
  assert.deepEqual(machine.told(), []);
});

test("a connection that brings no media is an interruption, and after 15 seconds more a fresh connection", () => {
  const machine = atStage("awaiting");
  machine.pass(6 * SECOND);
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1004020"]);
  machine.pass(15 * SECOND);
  assert.deepEqual(machine.told(), []);
  machine.pass(300);
  assert.deepEqual(machine.take(), [{ do: "open", attempt: 2 }]);
});

test("media that stays away for the whole budget ends with 1104031", () => {
  const machine = atStage("playing");
  machine.flow(false);
  const said = [];
  while (!machine.state.hasEnded) {
    machine.advanceTo("awaiting");
    machine.pass(SECOND);
    said.push(...machine.told());
  }
  assert.deepEqual(said, ["PLAY_REQUESTING 1004020", "NO_PLAY 1104031"]);
});

test("a muted playback expects no media", () => {
  const machine = atStage("playing");
  machine.mute(true);
  machine.state.onPaused(1, true);
  machine.flow(false);
  machine.pass(600 * SECOND);
  assert.deepEqual(machine.told(), []);
  machine.mute(false);
  machine.pass(6 * SECOND);
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 1004020"]);
});

test("a playback that is muted before media comes counts as playing once connected", () => {
  const machine = new PlayerMachine();
  assert.equal(machine.mute(true), undefined, "there is no server to ask yet");
  machine.advanceTo("awaiting");
  assert.ok(machine.effects.some((effect) => effect.do === "pause" && effect.paused));
  assert.deepEqual(machine.told(), ["PLAY_REQUESTING 0", "PLAYING 0"]);
});

test("a mute is restored after each reconnect", () => {
  const machine = atStage("playing");
  machine.mute(true);
  machine.state.onPaused(1, true);
  for (let attempt = 2; attempt < 5; attempt += 1) {
    machine.transport("failed");
    machine.pass(5 * SECOND);
    machine.take();
    machine.advanceTo("awaiting");
    assert.ok(machine.effects.some((effect) => effect.do === "pause" && effect.attempt === attempt && effect.paused));
    assert.deepEqual(machine.told(), ["PLAYING 0"]);
    machine.state.onPaused(attempt, true);
  }
});

test("a mute that was not restored is asked for again with the link and with each report", () => {
  const machine = atStage("playing");
  machine.mute(true);
  machine.link(true);
  assert.deepEqual(deeds(machine.take()), ["pause"]);
  machine.pass(3 * SECOND);
  assert.deepEqual(deeds(machine.take()), ["pause", "report"]);
  machine.state.onPaused(1, true);
  machine.link(true);
  machine.pass(3 * SECOND);
  assert.deepEqual(deeds(machine.take()), ["report"]);
});

test("a mute that the server did not take leaves everything as it was", () => {
  const machine = atStage("playing");
  machine.mute(true);
  assert.ok(machine.state.onMuteFailed(1, true, machine.now).refused);
  assert.ok(!machine.state.isPaused);
  machine.mute(true);
  machine.transport("failed");
  assert.ok(!machine.state.onMuteFailed(1, true, machine.now).refused, "an older connection's; it is kept for the next");
  assert.ok(machine.state.isPaused);
});

test("what an older try brings is ignored", () => {
  const machine = atStage("playing");
  machine.transport("failed");
  machine.pass(300);
  machine.take();
  machine.offer(undefined, 1);
  machine.answer(refused(1104046, null), 1);
  machine.applied(undefined, 1);
  machine.transport("closed", 1);
  machine.note(machine.state.onArrived(1, machine.now));
  machine.state.onPaused(1, true);
  assert.deepEqual(machine.take(), []);
  machine.advanceTo("playing");
  assert.deepEqual(machine.told(), ["PLAYING 0"]);
});
