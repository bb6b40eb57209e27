import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { captureCustom, captureMicrophone, captureScreen } from "./capture.js";
import { MixGraph } from "./mix-graph.js";
import { trackOfMedia } from "./mixed-media.js";

const SOURCES = {
  camera: captureMicrophone,
  screen: captureScreen,
  custom: (world, { source }) => captureCustom(world, source),
};

/** Most media that are mixed into one stream. */
const MOST_MIXED = 6;

function refused(text) {
  return new ZegoError(codes.INPUT_PARAM, text);
}

/** Puts `track` in place of what is in `stream`. */
function setTrack(stream, track) {
  stream.getTracks().forEach((old) => stream.removeTrack(old));
  if (track) stream.addTrack(track);
}

/**
 * What a local stream captures and sends, for the engine: volume, mute, what is mixed in, and the track that publications send.
 *
 * @typedef {object} SoundOwner
 * @property {() => boolean} isPublished
 * @property {() => void} onTrack Another track is to be sent.
 * @property {() => void} onCapture Another track is captured, or none any more.
 * @property {() => void} onMuted It is muted now, or not any more.
 * @property {(track: MediaStreamTrack) => void} onMicrophoneEnded The microphone ended by itself.
 */
export class LocalSound {
  #world;
  #streams;
  #owner;
  #emit;
  #graph;
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
    return this.#muted.own || (this.#microphoneIsMuted && !this.#mixes);
  }

  get #microphoneIsMuted() {
    return this.#muted.microphone && this.isMicrophone;
  }

  get #mixes() {
    return this.#graph?.mixes ?? false;
  }

  /** The track that publications send. */
  get outputTrack() {
    return this.#streams.stream.getAudioTracks()[0];
  }

  /** Captures from another source. It is sent too, unless something else is published already. */
  async start(kind, audio) {
    this.#refuseDestroyed();
    const wanted = kind === "camera" ? { ...this.plan.processing, ...audio } : audio;
    const capture = await SOURCES[kind](this.#world, wanted);
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
    capture.track.addEventListener("ended", () => {
      if (capture === this.capture && capture.kind === "camera") this.#owner.onMicrophoneEnded(capture.track);
    });
    setTrack(this.#streams.audioCaptureStream, capture.track);
    // What is still sent goes on until something else is.
    if (former && former !== this.sent) former.stop();
    this.#owner.onCapture();
    this.#emit("captureAudioTrackChanged", capture.track);
  }

  /** Sends what is captured (`updatePublishingStream`). */
  send() {
    const former = this.sent;
    this.sent = this.capture;
    if (former && former !== this.sent) former.stop();
    if (this.#percent !== 100) this.#needGraph();
    this.#graph?.feed(this.sent.track);
    this.#choose();
  }

  /** Another microphone, or other processing of it, in place of what is captured and sent. */
  async replace(changes) {
    await this.start("camera", { ...this.plan.audio, ...changes });
    this.send();
  }

  #needGraph() {
    if (this.#graph) return;
    this.#graph = new MixGraph(this.#world, this.plan, () => this.#choose());
    this.#graph.set(this.#percent);
    this.#graph.feed(this.sent.track);
  }

  /** Sends what comes out of the graph, if it runs; a stream that is not amplified is better than a silent one. */
  #choose() {
    if (!this.sent || this.#destroyed) return;
    const output = this.#graph?.isRunning ? this.#graph.track : this.sent.track;
    const isNew = output !== this.outputTrack;
    if (isNew) setTrack(this.#streams.stream, output);
    // Before anybody sends it: who is muted is not heard for a moment either.
    this.#enable();
    if (!isNew) return;
    this.#owner.onTrack();
    this.#emit("audioTrackChanged", output);
  }

  /** @param {number} percent 0..200, of what is captured. */
  setVolume(percent) {
    this.#percent = percent;
    if (percent !== 100 && this.sent) this.#needGraph();
    this.#graph?.set(percent);
    this.#choose();
  }

  /**
   * Mixes media into what is sent, behind the capture volume and the mute of the microphone.
   *
   * @param {object[]} media
   * @throws {ZegoError} 1100001: more than six, or one that has no sound; none of them is mixed in then.
   */
  mix(media) {
    const more = [...new Set(media)].filter((one) => !this.#graph?.media.includes(one));
    const total = more.length + (this.#graph?.media.length ?? 0);
    if (total > MOST_MIXED) throw refused(`${total} media would be mixed in; give at most ${MOST_MIXED}, or stop some first`);
    const tracks = more.map((one) => trackOfMedia(this.#world, one));
    this.#change(() => {
      this.#needGraph();
      more.forEach((one, n) => this.#graph.mix(one, tracks[n]));
    });
  }

  /**
   * Mixes media in no more.
   *
   * @param {object[]} [media] Left out: all.
   * @throws {ZegoError} 1100001: not mixed in.
   */
  unmix(media) {
    const some = this.#mixedOf(media);
    this.#change(() => some.forEach((one) => this.#graph.unmix(one)));
  }

  /**
   * How loud media are mixed in.
   *
   * @param {number} percent 0..100
   * @param {object[]} [media] Left out: all.
   * @throws {ZegoError} 1100001: not mixed in.
   */
  setMixVolume(percent, media) {
    this.#mixedOf(media).forEach((one) => this.#graph.setMixVolume(one, percent));
  }

  #mixedOf(media) {
    const mixed = this.#graph?.media ?? [];
    const stranger = media?.some((one) => !mixed.includes(one));
    if (stranger) throw refused("that is not mixed into this stream; call startMixingAudio first");
    return media ?? mixed;
  }

  /** @param {Partial<{own: boolean, microphone: boolean}>} muted */
  mute(muted) {
    this.#change(() => Object.assign(this.#muted, muted));
  }

  /** Does what may mute the stream or let it be heard. */
  #change(act) {
    const before = this.isMuted;
    act();
    if (this.#graph) this.#choose();
    this.#enable();
    if (before !== this.isMuted) this.#owner.onMuted();
  }

  #enable() {
    const isCaptured = !this.#muted.own && !this.#microphoneIsMuted && this.#percent > 0;
    const { outputTrack } = this;
    // What is mixed in goes on without the microphone.
    if (outputTrack) outputTrack.enabled = isCaptured || (this.#mixes && !this.#muted.own);
    if (this.sent) this.sent.track.enabled = isCaptured;
  }

  /** Captures no more. */
  stop() {
    if (!this.isCapturing) return false;
    this.capture.stop();
    this.capture = undefined;
    setTrack(this.#streams.audioCaptureStream, undefined);
    this.#owner.onCapture();
    return true;
  }

  /** Captures and plays no more, for good. */
  destroy() {
    this.stop();
    this.sent?.stop();
    this.#graph?.close();
    this.#destroyed = true;
    this.#streams.stopAudio();
    this.#streams.stopPlayCaptureAudio();
  }
}
