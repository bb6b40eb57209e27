import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { FrameTap } from "../local/frame-tap.js";

/**
 * Frames of sound for the program (`setCaptureAudioFrameCallback`, `setAudioFrameCallback`).
 * @module
 */

const CHOICES = {
  frameSize: [256, 512, 1024, 2048, 4096, 8192, 16384],
  sampleRate: [8000, 16000, 22050, 24000, 32000, 44100, 48000],
  channelCount: [1, 2],
  bitDepth: [16, 32],
};

const DEFAULTS = { frameSize: 4096, sampleRate: 48000, channelCount: 1, bitDepth: 32 };

function refused(text) {
  return new ZegoError(codes.INPUT_PARAM, text);
}

/**
 * @param {unknown} options
 * @returns {import("../local/frame-tap.js").FrameOptions}
 * @throws {ZegoError} 1100001
 */
function frameOptions(options = {}) {
  if (typeof options !== "object" || options === null) throw refused("the options of frames are no object");
  const chosen = Object.entries(CHOICES).map(([name, choices]) => {
    const value = options[name] ?? DEFAULTS[name];
    if (!choices.includes(value)) throw refused(`${name} is ${value}; give one of ${choices.join(", ")}`);
    return [name, value];
  });
  return Object.fromEntries(chosen);
}

/** Whoever is given frames: of one stream each. */
export class Frames {
  #core;
  /** @type {Map<any, {frameSize: number, tap: FrameTap | undefined}>} */
  #heard = new Map();

  /** @param {import("./core.js").Core} core */
  constructor(core) {
    this.#core = core;
  }

  /**
   * Gives the frames of a stream to `callback` in place of who got them before.
   *
   * @param {{key: any, track: MediaStreamTrack | undefined, isRemote: boolean}} stream The `key` names it for `follow` and `forget`.
   * @param {((frame: object) => void) | null} callback `null`: to nobody.
   * @param {unknown} options
   * @returns {Promise<void>} Rejects with 1100001, or with 1103002 where the browser cannot.
   */
  async set({ key, track, isRemote }, callback, options) {
    if (callback !== null && typeof callback !== "function") throw refused("the callback is neither a function nor null");
    const wanted = callback && frameOptions(options);
    const heard = this.#heard.get(key) ?? { frameSize: wanted?.frameSize, tap: undefined };
    heard.tap?.close();
    heard.tap = undefined;
    if (!callback) return;
    this.#heard.set(key, heard);
    heard.tap = new FrameTap(this.#core.world, isRemote);
    heard.tap.follow(track);
    // As documented, the size that was asked for first stays.
    await heard.tap.open({ ...wanted, frameSize: heard.frameSize }, (frame) => call(callback, frame));
  }

  /** A stream has another track. */
  follow(key, track) {
    this.#heard.get(key)?.tap?.follow(track);
  }

  /** A stream is over. */
  forget(key) {
    this.#heard.get(key)?.tap?.close();
    this.#heard.delete(key);
  }

  /** Gives no more frames of any. */
  close() {
    [...this.#heard.keys()].forEach((key) => this.forget(key));
  }
}

/** A callback that throws harms nobody. */
function call(callback, frame) {
  try {
    callback(frame);
  } catch (error) {
    console.error("a frame callback threw", error);
  }
}
