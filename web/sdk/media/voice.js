/**
 * Whether somebody speaks (the documented `vad`), by energy: a voice goes up and down within a fifth of a second, noise of a fan or a
 * road stays as it is. Music counts as a voice. Pure.
 * @module
 */

/** Samples that one look takes in: at 48 kHz 171 of the 200 ms between two. */
export const VOICE_WINDOW = 8192;

/** Samples of which one loudness is measured: 10 ms at 48 kHz. */
const BLOCK = 480;
/** Nobody hears less, as root mean square: -54 dBFS. */
const SILENCE = 0.002;
/** So much louder than the noise is a voice: 9 dB. */
const OVER_NOISE = 2.8;
/** So much of a look must be loud; a knock on the table is shorter. */
const LEAST_LOUD = 0.2;
/** Looks that tell how loud the noise is: nobody speaks for 3 s without a breath. */
const NOISE_LOOKS = 15;
/** A pause between two words may be so many looks long. */
const HANGOVER_LOOKS = 2;

function blocksOf(samples) {
  const count = Math.floor(samples.length / BLOCK);
  return Array.from({ length: count }, (_, n) => rms(samples.subarray(n * BLOCK, (n + 1) * BLOCK)));
}

function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** One stream's voice. */
export class VoiceDetector {
  /** The quietest block of each of the last looks. */
  #quietest = [];
  #quietLooks = HANGOVER_LOOKS;

  /** Takes the samples of one look. */
  note(samples) {
    const blocks = blocksOf(samples);
    this.#quietest = [...this.#quietest, Math.min(...blocks)].slice(-NOISE_LOOKS);
    const threshold = Math.max(SILENCE, OVER_NOISE * Math.min(...this.#quietest));
    const loud = blocks.filter((block) => block > threshold).length;
    this.#quietLooks = loud >= LEAST_LOUD * blocks.length ? 0 : this.#quietLooks + 1;
  }

  /** 1: a voice, 0: none. */
  get vad() {
    return this.#quietLooks < HANGOVER_LOOKS ? 1 : 0;
  }
}
