/** The newest samples of one stream, for its charts and its table. */

/** Samples kept: five minutes of a report every 3 s. */
const CAPACITY = 100;

/** Bounded list of samples, oldest first. */
export class History {
  #samples = [];

  /** @param {{time: number, [key: string]: number | null}} sample Later than the ones before it. */
  add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > CAPACITY) this.#samples.shift();
  }

  /** The latest sample, or `undefined`. */
  get newest() {
    return this.#samples.at(-1);
  }

  /**
   * Two columns for a chart.
   *
   * @param {string} key
   * @returns {[number[], (number | null)[]]} Times in seconds (Unix), values.
   */
  columns(key) {
    return [this.#samples.map((sample) => sample.time / 1000), this.#samples.map((sample) => sample[key] ?? null)];
  }

  /**
   * Smallest and largest known value.
   *
   * @param {string} key
   * @returns {{min: number, max: number} | null} `null` if none is known.
   */
  range(key) {
    const values = this.#samples.map((sample) => sample[key]).filter((value) => Number.isFinite(value));
    return values.length === 0 ? null : { min: Math.min(...values), max: Math.max(...values) };
  }
}
