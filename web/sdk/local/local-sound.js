import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { captureCustom, captureMicrophone, captureScreen } from "./capture.js";
import { Gain } from "./gain.js";

const SOURCES = {
  camera: captureMicrophone,
  screen: captureScreen,
  custom: (world, { source }) => captureCustom(world, source),
};

/** Puts `track` in place of what is in `stream`. */
function setTrack(stream, track) {
  stream.getTracks().forEach((old) => stream.removeTrack(old));
  if (track) stream.addTrack(track);
}

/**
 * What a local stream captures and sends, for the engine: volume, mute, and the track that publications send.
 *
 * @typedef {object} SoundOwner
 * @property {() => boolean} isPublished
 * @property {() => void} onTrack Another track is to be sent.
 * @property {() => void} onMuted It is muted now, or not any more.
 * @property {(track: MediaStreamTrack) => void} onEnded The device ended by itself.
 */
export class LocalSound {
  #world;
  #streams;
  #owner;
  #emit;
  #gain;
  #percent = 100;
  #muted = { own: false, microphone: false };
  #destroyed = false;

  constructor(world, plan, streams, owner, emit) {
    this.#world = world;
    this.#streams = streams;
    this.#owner = owner;
    this.#emit = emit;
    this.plan = plan;
    /** @type {import("./capture.js").Capture | undefined} */
    this.capture = undefined;
    /** What is sent comes from this capture. */
    this.sent = undefined;
  }

  get isCapturing() {
    return !this.#destroyed && this.capture !== undefined;
  }

  get isDestroyed() {
    return this.#destroyed;
  }

  get isMicrophone() {
    return (this.sent ?? this.capture)?.kind === "camera";
  }

  get isMuted() {
    return this.#muted.own || (this.#muted.microphone && this.isMicrophone);
  }

  /** The track that publications send. */
  get outputTrack() {
    return this.#streams.stream.getAudioTracks()[0];
  }

  /** Captures from another source. It is sent too, unless something else is published already. */
  async start(kind, audio) {
    this.#refuseDestroyed();
    const capture = await SOURCES[kind](this.#world, audio);
    if (this.#destroyed) capture.stop();
    this.#refuseDestroyed();
    this.#adopt(capture);
    this.plan = { ...this.plan, kind, audio };
    if (this.sent === undefined || !this.#owner.isPublished()) this.send();
    return this.#streams.audioCaptureStream;
  }

  #refuseDestroyed() {
    if (!this.#destroyed) return;
    throw new ZegoError(codes.LOCALSTREAM_WRONG, "that local stream was destroyed; make a new one with createZegoStream");
  }

  #adopt(capture) {
    const former = this.capture;
    this.capture = capture;
    capture.track.addEventListener("ended", () => capture === this.capture && this.#owner.onEnded(capture.track));
    setTrack(this.#streams.audioCaptureStream, capture.track);
    // What is still sent goes on until something else is.
    if (former && former !== this.sent) former.stop();
    this.#emit("captureAudioTrackChanged", capture.track);
  }

  /** Sends what is captured (`updatePublishingStream`). */
  send() {
    const former = this.sent;
    this.sent = this.capture;
    if (former && former !== this.sent) former.stop();
    this.#route();
  }

  /** Another microphone, or other processing of it, in place of what is captured and sent. */
  async replace(changes) {
    await this.start("camera", { ...this.plan.audio, ...changes });
    this.send();
  }

  #route() {
    const { track } = this.sent;
    if (this.#percent !== 100 || this.#gain) {
      this.#gain ??= new Gain(this.#world.AudioContext, this.plan.channels, () => this.#choose());
      this.#gain.set(this.#percent);
      this.#gain.feed(new this.#world.MediaStream([track]));
    }
    this.#choose();
  }

  /** Sends what comes out of the gain, if it runs; a stream that is not amplified is better than a silent one. */
  #choose() {
    if (!this.sent || this.#destroyed) return;
    const output = this.#gain?.isRunning ? this.#gain.track : this.sent.track;
    const isNew = output !== this.outputTrack;
    if (isNew) setTrack(this.#streams.stream, output);
    // Before anybody sends it: who is muted is not heard for a moment either.
    this.#enable();
    if (!isNew) return;
    this.#owner.onTrack();
    this.#emit("audioTrackChanged", output);
  }

  /** @param {number} percent 0..200 */
  setVolume(percent) {
    this.#percent = percent;
    if (this.#gain) this.#gain.set(percent);
    else if (percent !== 100 && this.sent) this.#route();
    this.#enable();
  }

  /** @param {Partial<{own: boolean, microphone: boolean}>} muted */
  mute(muted) {
    const before = this.isMuted;
    Object.assign(this.#muted, muted);
    this.#enable();
    if (before !== this.isMuted) this.#owner.onMuted();
  }

  #enable() {
    const isHeard = !this.isMuted && this.#percent > 0;
    for (const track of [this.sent?.track, this.outputTrack]) if (track) track.enabled = isHeard;
  }

  /** Captures no more. */
  stop() {
    if (!this.isCapturing) return false;
    this.capture.stop();
    this.capture = undefined;
    setTrack(this.#streams.audioCaptureStream, undefined);
    return true;
  }

  /** Captures and plays no more, for good. */
  destroy() {
    this.stop();
    this.sent?.stop();
    this.#gain?.close();
    this.#destroyed = true;
    this.#streams.stopAudio();
    this.#streams.stopPlayCaptureAudio();
  }
}
