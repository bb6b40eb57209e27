import { DEFAULT_TIMINGS } from "../../base/timings.js";
import { PlayerState } from "../../media/player.js";
import { PublisherState } from "../../media/publisher.js";

export const BUDGET = DEFAULT_TIMINGS.streamRetryMs;
export const SECOND = 1000;

/** What `room.request` rejects with. */
export const refused = (code, retryAfterMs) => ({ code, message: "no", retryAfterMs });
export const linkAway = refused(1000017, undefined);
export const timedOut = refused(1100002, undefined);
export const missing = refused(1104039, SECOND);

const PUBLISH_STAGES = ["offering", "exchanging", "applying", "connecting", "publishing"];
export const PLAY_STAGES = ["offering", "exchanging", "applying", "connecting", "awaiting", "playing"];

/** A machine, its virtual clock, and a stream that may be arriving. */
class Machine {
  now = 3_600_000;
  effects = [];
  attempt = 0;

  constructor(State) {
    this.state = new State(this.now, DEFAULT_TIMINGS);
    this.note(this.state.begin(this.now));
  }

  note(effects) {
    for (const effect of effects) {
      if (effect.do === "open") this.attempt = effect.attempt;
      this.effects.push(effect);
    }
  }

  offer(error, attempt = this.attempt) {
    this.note(this.state.onOffer(attempt, error ? undefined : "offer", error, this.now, 0.5));
  }

  answer(error, attempt = this.attempt) {
    this.note(this.state.onAnswer(attempt, error ? undefined : "answer", error, this.now, 0.5));
  }

  applied(error, attempt = this.attempt) {
    this.note(this.state.onApplied(attempt, error, this.now, 0.5));
  }

  transport(event, attempt = this.attempt) {
    this.note(this.state.onTransport(attempt, event, this.now, 0.5));
  }

  link(resumed) {
    this.note(this.state.onLinkRestored(resumed, this.now));
  }

  stop(code, text = "") {
    this.note(this.state.onStop(code, text));
  }

  /** From offering on. */
  advanceTo(stage) {
    const steps = [
      () => this.offer(),
      () => this.answer(),
      () => this.applied(),
      () => this.transport("connected"),
      () => this.flow(true),
    ];
    steps.slice(0, this.stages.indexOf(stage)).forEach((step) => step());
    return this;
  }

  /** Time passes, and the machine is called whenever it asked to be. */
  pass(ms) {
    const until = this.now + ms;
    for (let calls = 0; ; calls += 1) {
      if (calls > 100_000) throw new Error("the machine does not let time pass");
      const due = this.state.nextDeadline();
      if (due === undefined || due > until) break;
      this.now = Math.max(this.now, due);
      this.note(this.state.onTime(this.now, 0.5));
    }
    this.now = until;
  }

  take() {
    return this.effects.splice(0);
  }

  /** The states told since it was last asked. */
  told() {
    return told(this.take());
  }

  does(name) {
    return this.effects.some((effect) => effect.do === name);
  }
}

/** The states among effects, as "STATE code". */
export function told(effects) {
  return effects.filter((effect) => effect.do === "emit").map(({ state, code }) => `${state} ${code}`);
}

/** What effects do, in order. */
export function deeds(effects) {
  return effects.map((effect) => effect.do);
}

export class PublisherMachine extends Machine {
  stages = PUBLISH_STAGES;

  constructor() {
    super(PublisherState);
  }
}

export class PlayerMachine extends Machine {
  stages = PLAY_STAGES;
  flowing = false;
  packets = 0;

  constructor() {
    super(PlayerState);
  }

  /** Packets come, or stop coming. */
  flow(flowing) {
    this.flowing = flowing;
    if (!flowing) return;
    this.packets += 1;
    this.note(this.state.onArrived(this.attempt, this.now));
  }

  note(effects) {
    super.note(effects.filter((effect) => effect.do !== "poll"));
    for (const { attempt } of effects.filter((effect) => effect.do === "poll")) {
      this.packets += this.flowing ? 1 : 0;
      this.state.onMedia(attempt, this.packets, this.now);
    }
  }

  ended(code) {
    this.note(this.state.onEnded(code, "over", this.now, 0.5));
  }

  appeared() {
    this.note(this.state.onAppeared(this.now));
  }

  mute(paused) {
    const { attempt, effects } = this.state.onMute(paused, this.now);
    this.note(effects);
    return attempt;
  }

  /** Every try is answered the same until the machine ends or `ms` is over. */
  passRefused(ms, error) {
    const until = this.now + ms;
    while (!this.state.hasEnded && this.now < until) {
      this.advanceTo("exchanging");
      this.answer(error);
      this.pass(Math.min(SECOND, until - this.now));
    }
  }
}

/** A machine that has come to `stage` in its first try; what it wanted so far is forgotten. */
export function at(Kind, stage) {
  const machine = new Kind().advanceTo(stage);
  machine.take();
  return machine;
}
