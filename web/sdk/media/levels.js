/**
 * Loudness as documented: the peak of the last 2,048 samples, looked at every 200 ms, held and decaying, times 100. Pure.
 * @module
 */

/** Samples that one look takes in. */
export const LEVEL_WINDOW = 2048;
/** How often it is looked, ms. */
export const LEVEL_SAMPLE_MS = 200;

/** What is left of a held peak after 200 ms. */
const DECAY = 0.3;

/** The largest absolute value in `samples`. */
export function peakOf(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak;
}

/** One stream's loudness. */
export class LevelHold {
  #held = 0;

  /** Takes the peak (0..1) of one look. */
  note(peak) {
    this.#held = Math.max(peak, this.#held * DECAY);
  }

  /** The loudness, 0..100. */
  get level() {
    return Math.min(100, this.#held * 100);
  }
}
