import { Emitter } from "../base/emitter.js";
import { AudioOutput } from "./audio-output.js";

/** The documented events of a view. */
const EVENTS = ["autoplayFailed", "canPlayAudio"];

/**
 * Plays one stream through an `<audio>` element of its own (`createRemoteStreamView`).
 *
 * Where the browser wants a gesture of the user first, `autoplayFailed` is told, and the stream is played with the user's next
 * click or key by itself, or with `resume()`; `canPlayAudio` is told when sound comes out.
 */
export class ZegoStreamView {
  #stream;
  #emitter = new Emitter(EVENTS);
  #output;

  /**
   * Made by `createRemoteStreamView`.
   *
   * @param {import("../engine/world.js").World} world
   * @param {MediaStream} stream
   */
  constructor(world, stream) {
    this.#stream = stream;
    this.#output = new AudioOutput(world, {
      onBlocked: () => this.#emitter.emit("autoplayFailed"),
      onPlaying: () => this.#emitter.emit("canPlayAudio"),
    });
  }

  /**
   * Adds a listener of `autoplayFailed` or `canPlayAudio`.
   *
   * @param {string} event
   * @param {() => void} listener
   * @returns {boolean} `false` for an unknown event or no function.
   */
  on(event, listener) {
    return this.#emitter.on(event, listener);
  }

  /**
   * Takes a listener away, or all of the event.
   *
   * @param {string} event
   * @param {() => void} [listener]
   * @returns {boolean} `false` for an unknown event.
   */
  off(event, listener) {
    return this.#emitter.off(event, listener);
  }

  /** Plays the sound. The documented options concern a dialog that this SDK does not show. */
  playAudio() {
    this.#output.play(this.#stream);
  }

  /** Plays the sound; the documented container would hold the picture, and there is none. */
  play() {
    this.playAudio();
  }

  /** Plays no more. */
  stop() {
    this.#output.stop();
  }

  /** Plays no more. */
  stopAudio() {
    this.#output.stop();
  }

  /**
   * Plays what the browser blocked; call it from a handler of a click or a key.
   *
   * @returns {Promise<boolean>} Whether sound comes out.
   */
  resume() {
    return this.#output.resume();
  }

  /**
   * The same as `resume`, by the name that a local stream has for it.
   *
   * @returns {Promise<boolean>} Whether sound comes out.
   */
  resumeAudio() {
    return this.#output.resume();
  }

  /**
   * @param {number} volume 0..100
   * @returns {boolean} `false` for anything else.
   */
  setVolume(volume) {
    return this.#output.setVolume(volume);
  }

  /**
   * @param {string} deviceID As `getSpeakers` gives it.
   * @returns {Promise<boolean>} `true`; rejects with 1103093.
   */
  useAudioOutputDevice(deviceID) {
    return this.#output.useDevice(deviceID);
  }
}
