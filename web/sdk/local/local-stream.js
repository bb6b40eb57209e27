import { Emitter } from "../base/emitter.js";
import { AudioOutput } from "./audio-output.js";
import { LocalSound } from "./local-sound.js";
import { checkCustom, checkMicrophone } from "./stream-options.js";

/** The documented events of a local stream. */
const EVENTS = [
  "autoplayFailed",
  "canPlayAudio",
  "autoplayCaptureFailed",
  "canPlayCaptureAudio",
  "audioTrackChanged",
  "captureAudioTrackChanged",
];

/** The engine's side of a local stream: what a program must not reach. */
export const inner = Symbol("inner");

let lastID = 0;

/**
 * A local stream (`createZegoStream`): captures sound, plays it here, and is what `startPublishingStream` publishes.
 *
 * `stream` is what is published, `audioCaptureStream` what is captured. Capturing something else leaves what is published as it
 * is until `updatePublishingStream`.
 */
export class ZegoLocalStream {
  #emitter = new Emitter(EVENTS);
  #outputs;

  /**
   * Made by `createZegoStream`.
   *
   * @param {import("../engine/world.js").World} world
   * @param {import("./stream-options.js").StreamPlan} plan
   * @param {import("./local-sound.js").SoundOwner} owner
   */
  constructor(world, plan, owner) {
    lastID += 1;
    /** Names the stream within the page. */
    this.id = `zego-local-${lastID}`;
    /** What is published; give it to a media element to hear it. */
    this.stream = new world.MediaStream();
    /** What is captured. */
    this.audioCaptureStream = new world.MediaStream();
    this[inner] = new LocalSound(world, plan, this, owner, (name, ...args) => this.#emitter.emit(name, ...args));
    this.#outputs = {
      sent: this.#output(world, "autoplayFailed", "canPlayAudio"),
      captured: this.#output(world, "autoplayCaptureFailed", "canPlayCaptureAudio"),
    };
  }

  #output(world, blocked, playing) {
    const onBlocked = () => this.#emitter.emit(blocked);
    return new AudioOutput(world, { onBlocked, onPlaying: () => this.#emitter.emit(playing) });
  }

  /** Whether it was not destroyed and captures something. */
  get active() {
    return this[inner].isCapturing;
  }

  /** The deviceID of the microphone; "" where it has none. */
  get audioDeviceId() {
    return this[inner].capture?.track.getSettings?.().deviceId ?? "";
  }

  /** @returns {boolean} `false` for an unknown event or no function. */
  on(event, listener) {
    return this.#emitter.on(event, listener);
  }

  /** @returns {boolean} `false` for an unknown event. */
  off(event, listener) {
    return this.#emitter.off(event, listener);
  }

  /** Plays here what is published. `autoplayFailed` or `canPlayAudio` follows. */
  playAudio() {
    this.#outputs.sent.play(this.stream);
  }

  /** Plays no more what is published. */
  stopAudio() {
    this.#outputs.sent.stop();
  }

  /** Plays here what is captured. `autoplayCaptureFailed` or `canPlayCaptureAudio` follows. */
  playCaptureAudio() {
    this.#outputs.captured.play(this.audioCaptureStream);
  }

  /** Plays no more what is captured. */
  stopPlayCaptureAudio() {
    this.#outputs.captured.stop();
  }

  /**
   * Plays what the browser blocked; call it from a handler of a click or a key.
   *
   * @returns {Promise<boolean>} Whether sound comes out.
   */
  async resumeAudio() {
    const resumed = await Promise.all(Object.values(this.#outputs).map((output) => output.resume()));
    return resumed.includes(true);
  }

  /**
   * How loud it is played here; what is published stays as it is.
   *
   * @param {number} volume 0..100
   * @returns {boolean} `false` for anything else.
   */
  setVolume(volume) {
    return Object.values(this.#outputs).every((output) => output.setVolume(volume));
  }

  /**
   * @param {string} deviceID As `getSpeakers` gives it.
   * @returns {Promise<boolean>} `true`; rejects with 1103093.
   */
  async useAudioOutputDevice(deviceID) {
    await Promise.all(Object.values(this.#outputs).map((output) => output.useDevice(deviceID)));
    return true;
  }

  /**
   * Captures a microphone.
   *
   * @param {{input?: string, channelCount?: 1 | 2, ANS?: boolean, AGC?: boolean, AEC?: boolean}} [options]
   * @returns {Promise<MediaStream>} What is captured; rejects as `createZegoStream` does.
   */
  async startCaptureMicrophone(options = {}) {
    return this[inner].start("camera", checkMicrophone(options));
  }

  /**
   * Captures a MediaStream or a media element.
   *
   * @param {{source: MediaStream | HTMLMediaElement, channelCount?: 1 | 2}} options
   * @returns {Promise<MediaStream>} What is captured; rejects as `createZegoStream` does.
   */
  async startCaptureCustomAudio(options) {
    return this[inner].start("custom", checkCustom(options));
  }

  /**
   * Captures no more; what is published is silent then.
   *
   * @returns {boolean} `false` where nothing was captured.
   */
  stopCaptureAudio() {
    return this[inner].stop();
  }
}
