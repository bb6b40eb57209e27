import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { inner, ZegoLocalStream } from "../local/local-stream.js";
import { checkAudioConfig, planStream } from "../local/stream-options.js";
import { accepted, answer } from "./answer.js";
import { requireBoolean, requireMedia, requireMixVolume } from "./arguments.js";
import { LostMicrophones } from "./lost-microphones.js";
import { presetOf } from "./scenario.js";
import { Throttle } from "./throttle.js";

/**
 * What a change of a local stream means for what is published of it; `local` is its inner side.
 *
 * @typedef {object} LocalFollower
 * @property {(local: object) => boolean} isPublished
 * @property {(local: object) => void} onTrack
 * @property {(local: object) => void} onMuted At most ten times a second.
 * @property {(local: object) => void} onDestroyed
 */

/** Local streams: made, muted, changed, destroyed. */
export class Locals {
  #core;
  #follower;
  #frames;
  #lost;
  #streams = new Set();
  #microphoneMuted = false;

  /**
   * @param {import("./core.js").Core} core
   * @param {LocalFollower} follower
   * @param {import("./frames.js").Frames} frames
   */
  constructor(core, follower, frames) {
    this.#core = core;
    this.#follower = follower;
    this.#frames = frames;
    this.#lost = new LostMicrophones(core, (stream) => follower.isPublished(stream[inner]));
  }

  /** `createZegoStream`. */
  async create(options) {
    const { world, settings } = this.#core;
    const plan = { ...planStream(options, presetOf(settings.scenario)), mixDelayMs: settings.mixDelayMs };
    const throttle = new Throttle(world.env, () => this.#follower.onMuted(stream[inner]));
    const stream = new ZegoLocalStream(world, plan, {
      isPublished: () => this.#follower.isPublished(stream[inner]),
      onTrack: () => this.#follower.onTrack(stream[inner]),
      onCapture: () => this.#frames.follow(stream, stream[inner].capture?.track),
      onMuted: () => throttle.ask(),
      onMicrophoneEnded: (track) => this.#streams.has(stream) && this.#lost.ended(stream, track),
    });
    stream[inner].mute({ microphone: this.#microphoneMuted });
    if (plan.autoCapture) await stream[inner].start(plan.kind, plan.audio);
    this.#refuseLate(stream);
    this.#streams.add(stream);
    return stream;
  }

  /** The engine may have been destroyed while the user was asked for permission. */
  #refuseLate(stream) {
    try {
      this.#core.requireAlive();
    } catch (error) {
      stream[inner].destroy();
      throw error;
    }
  }

  /** @throws {ZegoError} See `destroyStream`. */
  destroy(stream) {
    const local = this.#known(stream);
    this.#follower.onDestroyed(local);
    this.#streams.delete(stream);
    this.#frames.forget(stream);
    this.#lost.forget(stream);
    local.destroy();
  }

  /** Ends all. */
  destroyAll() {
    for (const stream of this.#streams) stream[inner].destroy();
    this.#streams.clear();
  }

  /**
   * The inner side of a stream that is to be published.
   *
   * @throws {ZegoError} 1103044: of another engine; 1103099: destroyed, or it captures nothing
   */
  toPublish(stream) {
    const local = stream instanceof ZegoLocalStream ? stream[inner] : undefined;
    if (!local || !(local.isDestroyed || this.#streams.has(stream))) {
      throw new ZegoError(codes.PUBLISH_NO_PREVIEW, "this engine did not make that local stream; use createZegoStream");
    }
    if (local.isDestroyed || !local.outputTrack) {
      const text = "that local stream was destroyed or captures nothing; make a new one, or start to capture";
      throw new ZegoError(codes.PUBLISH_NO_CAPTURE, text);
    }
    return local;
  }

  /** @throws {ZegoError} 1000018 */
  #known(stream) {
    if (this.#streams.has(stream)) return stream[inner];
    const text = "that local stream is not of this engine, or was destroyed; use createZegoStream";
    throw new ZegoError(codes.LOCALSTREAM_WRONG, text);
  }

  /** `mutePublishStreamAudio`: silent at once; the others are told at most ten times a second. */
  mute(stream, muted) {
    if (!this.#streams.has(stream) || typeof muted !== "boolean") return false;
    stream[inner].mute({ own: muted });
    return true;
  }

  /** `muteMicrophone`. */
  muteMicrophone(muted) {
    if (typeof muted !== "boolean") return false;
    this.#microphoneMuted = muted;
    for (const stream of this.#streams) stream[inner].mute({ microphone: muted });
    return true;
  }

  /** `isMicrophoneMuted`. */
  get isMicrophoneMuted() {
    return this.#microphoneMuted;
  }

  /** `setCaptureVolume`; resolves with a code, as documented. */
  setVolume(stream, volume) {
    return answer(() => {
      const local = this.#known(stream);
      if (typeof volume !== "number" || !(volume >= 0 && volume <= 200)) {
        throw new ZegoError(codes.INPUT_PARAM, `the volume is ${volume}; give 0 to 200, 100 is as captured`);
      }
      local.setVolume(volume);
    });
  }

  /** `setAudioConfig`; resolves with a code, as documented. */
  setAudioConfig(stream, config) {
    return answer(() => this.#microphoneOf(stream).replace(checkAudioConfig(config)));
  }

  /** `useAudioDevice`; resolves with a code, as documented. On failure the old device goes on. */
  useDevice(stream, deviceID) {
    return answer(() => {
      const local = this.#microphoneOf(stream);
      if (typeof deviceID !== "string" || deviceID === "") {
        throw new ZegoError(codes.INPUT_PARAM, "the deviceID is empty or no text; take one of getMicrophones()");
      }
      return local.replace({ input: deviceID });
    });
  }

  #microphoneOf(stream) {
    const local = this.#known(stream);
    if (local.isMicrophone) return local;
    throw new ZegoError(
      codes.PUBLISHER_NO_AUDIO,
      "that local stream captures no microphone; make it with camera: {audio: true}",
    );
  }

  /** `enableAiDenoise`; resolves with a code, as documented: a page has the browser's noise suppression alone. */
  enableAiDenoise(stream, isOn) {
    return answer(() => {
      this.#known(stream);
      requireBoolean(isOn, "the argument of enableAiDenoise");
      if (isOn) throw noAiDenoise();
    });
  }

  /** `setAiDenoiseMode`; likewise. */
  setAiDenoiseMode(stream) {
    return answer(() => {
      this.#known(stream);
      throw noAiDenoise();
    });
  }

  /** `updatePublishingStream`; resolves with a code, as documented. */
  update(stream) {
    return answer(() => {
      if (!(stream instanceof ZegoLocalStream)) {
        throw new ZegoError(codes.NOT_ZEGO_STREAM, "this is no stream of createZegoStream");
      }
      const local = this.#known(stream);
      if (!local.isCapturing)
        throw new ZegoError(codes.ZEGO_STREAM_NOT_AUDIO, "that stream captures no sound; start to capture");
      local.send();
    });
  }

  /** `enableAutoSwitchDevice`. */
  set switchesMicrophone(isOn) {
    this.#lost.switches = isOn;
  }

  /** A microphone was plugged in. */
  microphoneCame(deviceID, groupId) {
    this.#lost.came(deviceID, groupId);
  }

  /** `setCaptureAudioFrameCallback`; resolves with a code, as documented. */
  setFrames(stream, callback, options) {
    return answer(() => {
      const { track } = this.#known(stream).capture ?? {};
      return this.#frames.set({ key: stream, track, isRemote: false }, callback, options);
    });
  }

  /** `startMixingAudio`; `false`, as documented, where nothing was changed. */
  mix(stream, media) {
    return accepted("startMixingAudio", () => {
      const local = this.#known(stream);
      requireMedia(media);
      if (!local.outputTrack) throw new ZegoError(codes.PUBLISH_NO_CAPTURE, "that stream captures nothing; start to capture");
      local.mix(media);
    });
  }

  /** `stopMixingAudio`; likewise. */
  unmix(stream, media) {
    return accepted("stopMixingAudio", () => {
      const local = this.#known(stream);
      if (media !== undefined) requireMedia(media);
      local.unmix(media);
    });
  }

  /** `setMixingAudioVolume`; likewise. */
  setMixVolume(stream, volume, media) {
    return accepted("setMixingAudioVolume", () => {
      const local = this.#known(stream);
      requireMixVolume(volume);
      local.setMixVolume(volume, media === undefined ? undefined : [media].flat());
    });
  }

  /** The MediaStreams of what is captured and sent. */
  get list() {
    return [...this.#streams].filter((stream) => stream.active).map((stream) => stream.stream);
  }
}

function noAiDenoise() {
  const text =
    "a page has no denoising by a neural network; setAudioConfig(stream, {ANS: true}) asks the browser to suppress noise";
  return new ZegoError(codes.AI_DENOISE_UNSUPPORTED, text);
}
