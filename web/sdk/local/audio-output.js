import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { onGesture } from "./gesture.js";

/**
 * One `<audio>` element of the SDK's own, and what the browser's autoplay policy makes of it.
 *
 * @typedef {object} OutputEvents
 * @property {() => void} onBlocked The browser wants a gesture of the user first. It is played with the next one by itself.
 * @property {() => void} onPlaying Sound comes out.
 */
export class AudioOutput {
  #world;
  #events;
  #element;
  #volume = 1;
  #deviceID = "";
  #forgetGestures = () => {};

  /**
   * @param {import("../engine/world.js").World} world
   * @param {OutputEvents} events
   */
  constructor(world, events) {
    this.#world = world;
    this.#events = events;
  }

  /** Whether it was asked to play. */
  get isOn() {
    return this.#element !== undefined;
  }

  /**
   * Plays `stream` from now on.
   *
   * @param {MediaStream} stream
   * @returns {Promise<boolean>} Whether sound comes out; `false` where the browser wants a gesture first.
   */
  play(stream) {
    this.#element ??= this.#makeElement();
    if (this.#element.srcObject !== stream) this.#element.srcObject = stream;
    return this.resume();
  }

  #makeElement() {
    const element = new this.#world.Audio();
    element.autoplay = true;
    element.volume = this.#volume;
    if (this.#deviceID !== "") element.setSinkId(this.#deviceID).catch(() => {});
    return element;
  }

  /**
   * Plays what was blocked; call it from a handler of a click or a key.
   *
   * @returns {Promise<boolean>} Whether sound comes out.
   */
  async resume() {
    const element = this.#element;
    if (element === undefined) return false;
    try {
      await element.play();
    } catch (error) {
      this.#onRefused(element, error);
      return false;
    }
    if (element !== this.#element) return false;
    this.#forgetGestures();
    this.#events.onPlaying();
    return true;
  }

  #onRefused(element, error) {
    // Anything else (a source that was replaced while it started) is followed by a play of its own.
    if (error?.name !== "NotAllowedError" || element !== this.#element) return;
    this.#awaitGesture();
    this.#events.onBlocked();
  }

  #awaitGesture() {
    this.#forgetGestures();
    this.#forgetGestures = onGesture(this.#world.document, () => this.resume());
  }

  /** Plays no more. */
  stop() {
    this.#forgetGestures();
    if (this.#element === undefined) return;
    this.#element.pause();
    this.#element.srcObject = null;
    this.#element = undefined;
  }

  /**
   * @param {number} percent 0..100
   * @returns {boolean} `false` for anything else.
   */
  setVolume(percent) {
    if (typeof percent !== "number" || !(percent >= 0 && percent <= 100)) return false;
    this.#volume = percent / 100;
    if (this.#element) this.#element.volume = this.#volume;
    return true;
  }

  /**
   * Plays on another speaker.
   *
   * @param {string} deviceID As `getSpeakers` gives it; "" is the default one.
   * @returns {Promise<boolean>} `true`; rejects with 1103093 where the browser cannot, or there is no such speaker.
   */
  async useDevice(deviceID) {
    await useSpeaker(this.#element ?? this.#makeElement(), deviceID);
    this.#deviceID = deviceID;
    return true;
  }
}

/**
 * Has a media element play on another speaker.
 *
 * @param {HTMLMediaElement} element
 * @param {string} deviceID
 * @returns {Promise<boolean>} `true`; rejects with 1103093.
 */
export async function useSpeaker(element, deviceID) {
  const refused = (why) => new ZegoError(codes.SET_AUDIO_OUTPUT_ERROR, `the speaker cannot be used: ${why}`);
  if (typeof element?.setSinkId !== "function") {
    throw refused("this browser does not let pages choose one, or this is no media element");
  }
  try {
    await element.setSinkId(deviceID);
  } catch (error) {
    throw refused(`${error.message}; take an id of getSpeakers()`);
  }
  return true;
}
