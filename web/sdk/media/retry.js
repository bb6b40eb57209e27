import { backoffDelay } from "../base/timings.js";

/** The retry budget of one stream: when the next try is due, and when trying ends. Pure; times in ms. */
export class Retry {
  #tries = 0;

  /**
   * Starts a fresh budget at `now`.
   *
   * @param {number} now
   * @param {typeof import("../base/timings.js").DEFAULT_TIMINGS} timings
   */
  constructor(now, timings) {
    /** When trying ends. */
    this.ends = now + timings.streamRetryMs;
  }

  /**
   * Takes the next wait: what the server `asked` for, or the next step of the back-off; never past the end of the budget.
   *
   * @param {number} now
   * @param {number | undefined} asked
   * @param {typeof import("../base/timings.js").DEFAULT_TIMINGS} timings
   * @param {number} random A fresh value in 0..1.
   * @returns {number} When the next try is due.
   */
  next(now, asked, timings, random) {
    const wait = asked ?? backoffDelay(timings.streamBackoff, this.#tries, random);
    this.#tries += 1;
    return Math.min(now + wait, this.ends);
  }
}
