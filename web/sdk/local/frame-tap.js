import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { onGesture } from "./gesture.js";
import { TrackSource } from "./track-source.js";

const WORKLET = new URL("./frame-worklet.js", import.meta.url).href;

/**
 * Gives the sound of a track in frames. The browser resamples it: its audio graph runs at the wanted rate.
 *
 * @typedef {object} FrameOptions
 * @property {number} frameSize Samples of each channel in a frame.
 * @property {number} sampleRate Hz
 * @property {1 | 2} channelCount
 * @property {16 | 32} bitDepth
 *
 * @typedef {{channels: Float32Array[] | Int16Array[], channelCount: number, sampleRate: number, lostFrames: number}} AudioFrame
 */
export class FrameTap {
  #world;
  #context;
  #node;
  #track;
  #isRemote;
  #source;
  #forgetGestures = () => {};
  #isClosed = false;

  /**
   * @param {import("../engine/world.js").World} world
   * @param {boolean} isRemote Whether the tracks are of a stream that is played.
   */
  constructor(world, isRemote) {
    this.#world = world;
    this.#isRemote = isRemote;
  }

  /**
   * @param {FrameOptions} options
   * @param {(frame: AudioFrame) => void} onFrame
   * @returns {Promise<void>} Rejects with 1103002 where the browser cannot.
   */
  async open(options, onFrame) {
    try {
      this.#context = new this.#world.AudioContext({ sampleRate: options.sampleRate });
      this.#forgetGestures = onGesture(this.#world.document, () => this.#resume());
      await this.#context.audioWorklet.addModule(WORKLET);
      if (this.#isClosed) return;
      this.#node = this.#makeNode(options, onFrame);
      this.#connect();
    } catch (error) {
      // Whoever closed it while it was made wants no frames and no error.
      if (this.#isClosed) return;
      this.close();
      throw cannot(error);
    }
    this.#resume();
  }

  #makeNode(options, onFrame) {
    const { channelCount, sampleRate } = options;
    const node = new this.#world.AudioWorkletNode(this.#context, "express-frames", {
      numberOfOutputs: 0,
      channelCount,
      channelCountMode: "explicit",
      processorOptions: options,
    });
    node.port.onmessage = ({ data: { channels, lostFrames } }) => {
      node.port.postMessage("taken");
      onFrame({ channels, channelCount, sampleRate, lostFrames });
    };
    return node;
  }

  #resume() {
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /**
   * Takes the sound from `track` from now on.
   *
   * @param {MediaStreamTrack | undefined} track
   */
  follow(track) {
    this.#track = track;
    try {
      this.#connect();
    } catch (error) {
      console.error("a frame callback gets no more sound", cannot(error));
    }
  }

  #connect() {
    this.#source?.close();
    this.#source = undefined;
    if (!this.#node || !this.#track) return;
    this.#source = new TrackSource(this.#world, this.#context, this.#track, this.#isRemote);
    this.#source.connect(this.#node);
  }

  /** Gives no more frames. */
  close() {
    this.#isClosed = true;
    this.#forgetGestures();
    this.#source?.close();
    if (this.#node) this.#node.port.onmessage = null;
    this.#node = undefined;
    this.#context?.close().catch(() => {});
  }
}

function cannot(error) {
  const text = "this browser gives no frames of sound: it needs AudioWorklet, from https or localhost, at that sampleRate";
  return new ZegoError(codes.PUBLISHER_BROWSER_NOT_SUPPORT, `${text} (${error.message})`);
}
