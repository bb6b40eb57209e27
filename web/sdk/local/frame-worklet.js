/**
 * Gathers frames of sound in the audio thread and hands them to the page (`local/frame-tap.js`).
 * @module
 */

/** Frames that the page has not taken yet; more are lost while it is busy, for they would only pile up. */
const MOST_WAITING = 64;

const FULL_SCALE = 32_767;

const MAKERS = {
  16: (length) => new Int16Array(length),
  32: (length) => new Float32Array(length),
};

const CONVERTERS = {
  16: (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * FULL_SCALE),
  32: (sample) => sample,
};

class FrameGatherer extends AudioWorkletProcessor {
  #options;
  #channels;
  #filled = 0;
  #waiting = 0;
  #lost = 0;

  /** @param {{processorOptions: {frameSize: number, channelCount: 1 | 2, bitDepth: 16 | 32}}} options */
  constructor({ processorOptions }) {
    super();
    this.#options = processorOptions;
    this.#begin();
    // One more was taken.
    this.port.onmessage = () => (this.#waiting -= 1);
  }

  #begin() {
    const { frameSize, channelCount, bitDepth } = this.#options;
    this.#channels = Array.from({ length: channelCount }, () => MAKERS[bitDepth](frameSize));
    this.#filled = 0;
  }

  process([input]) {
    // Nothing is connected: there is no sound, which is not silence.
    if (input.length > 0) this.#take(input);
    return true;
  }

  #take(input) {
    const { frameSize, bitDepth } = this.#options;
    const convert = CONVERTERS[bitDepth];
    for (let n = 0; n < input[0].length; n += 1) {
      this.#channels.forEach((channel, c) => (channel[this.#filled] = convert(input[c][n])));
      this.#filled += 1;
      if (this.#filled === frameSize) this.#hand();
    }
  }

  #hand() {
    if (this.#waiting < MOST_WAITING) {
      const channels = this.#channels;
      this.port.postMessage(
        { channels, lostFrames: this.#lost },
        channels.map(({ buffer }) => buffer),
      );
      this.#waiting += 1;
    } else {
      this.#lost += 1;
    }
    this.#begin();
  }
}

registerProcessor("express-frames", FrameGatherer);
