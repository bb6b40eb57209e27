/** Shortest time between two mute calls that are passed on: 10 a second, as documented. */
const MUTE_INTERVAL_MS = 100;

/** Does something at most once in an interval; what was asked for last is always done, at the end of the interval at the latest. */
export class Throttle {
  #env;
  #act;
  #last = -Infinity;
  #timer;

  /**
   * @param {import("../base/env.js").Env} env
   * @param {() => void} act
   */
  constructor(env, act) {
    this.#env = env;
    this.#act = act;
  }

  /** Asks for it to be done. */
  ask() {
    if (this.#timer !== undefined) return;
    const wait = this.#last + MUTE_INTERVAL_MS - this.#env.now();
    if (wait <= 0) this.#do();
    else this.#timer = this.#env.setTimeout(() => this.#do(), wait);
  }

  /** What was asked for is not done any more. */
  cancel() {
    this.#env.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #do() {
    this.#timer = undefined;
    this.#last = this.#env.now();
    this.#act();
  }
}
