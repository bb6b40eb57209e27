/** Counters of one stream over all its connections, each of which counts from zero. Pure. */
export class Totals {
  #names;
  /** What former connections counted. */
  #before = {};
  /** What this connection counted when it was last looked at. */
  #last = {};

  /** @param {string[]} names Of the counters. */
  constructor(names) {
    this.#names = names;
    for (const name of names) this.#before[name] = this.#last[name] = 0;
  }

  /** A new connection begins to count. */
  fresh() {
    for (const name of this.#names) {
      this.#before[name] += this.#last[name];
      this.#last[name] = 0;
    }
  }

  /**
   * @param {Record<string, number>} counters
   * @returns {{total: Record<string, number>, grown: Record<string, number>}} since the start, since the last call
   */
  take(counters) {
    const total = {};
    const grown = {};
    for (const name of this.#names) {
      grown[name] = counters[name] - this.#last[name];
      this.#last[name] = counters[name];
      total[name] = this.#before[name] + counters[name];
    }
    return { total, grown };
  }
}
