import { TrackSource } from "./track-source.js";

/** The sum is left alone up to here, and bent above so that it never passes 1. The engine has the same. */
const KNEE = 0.9;
/** The largest sum that is bent: seven voices at full scale. */
const LARGEST = 8;
/** Points of the bend on each side of 0, so that one falls on the knee. */
const POINTS = 8_000;

/** `WaveShaperNode.curve` for sums of -`LARGEST` to `LARGEST`, given as -1 to 1. */
function softClip() {
  const curve = new Float32Array(2 * POINTS + 1);
  curve.forEach((_, n) => {
    const value = ((n - POINTS) / POINTS) * LARGEST;
    const over = Math.max(0, Math.abs(value) - KNEE);
    const bent = KNEE + (1 - KNEE) * Math.tanh(over / (1 - KNEE));
    curve[n] = over > 0 ? Math.sign(value) * bent : value;
  });
  return curve;
}

/**
 * The audio graph between a captured track and what is sent: the capture volume, and behind it what is mixed in.
 *
 *     captured ── volume ─────────────┬── soft clip ── sent
 *     each media ── volume ── delay ──┘
 */
export class MixGraph {
  #world;
  #context;
  #volume;
  #delay;
  #destination;
  #captured;
  /** What is mixed in, each with its source and volume. */
  #mixed = new Map();

  /**
   * @param {import("../engine/world.js").World} world
   * @param {{channels: 1 | 2, mixDelayMs: number}} plan
   * @param {() => void} onState It runs now, or does not any more.
   */
  constructor(world, { channels, mixDelayMs }, onState) {
    this.#world = world;
    this.#context = new world.AudioContext();
    this.#context.addEventListener("statechange", onState);
    this.#volume = this.#context.createGain();
    this.#delay = this.#context.createDelay(1);
    this.#delay.delayTime.value = mixDelayMs / 1000;
    this.#destination = this.#context.createMediaStreamDestination();
    this.#destination.channelCount = channels;
    const limiter = this.#limiter();
    this.#volume.connect(limiter);
    this.#delay.connect(limiter);
  }

  /** What keeps the sum inside of -1 to 1. */
  #limiter() {
    const scale = this.#context.createGain();
    scale.gain.value = 1 / LARGEST;
    const shaper = this.#context.createWaveShaper();
    shaper.curve = softClip();
    scale.connect(shaper);
    shaper.connect(this.#destination);
    return scale;
  }

  /** Whether sound comes out. A browser without any sound device may never run it. */
  get isRunning() {
    return this.#context.state === "running";
  }

  /** Whether anything is mixed in. */
  get mixes() {
    return this.#mixed.size > 0;
  }

  /** What is mixed in. */
  get media() {
    return [...this.#mixed.keys()];
  }

  /** What comes out. */
  get track() {
    return this.#destination.stream.getAudioTracks()[0];
  }

  /**
   * Takes the captured sound from `track` from now on.
   *
   * @param {MediaStreamTrack} track
   */
  feed(track) {
    this.#captured?.close();
    this.#captured = new TrackSource(this.#world, this.#context, track, false);
    this.#captured.connect(this.#volume);
    // A page that captures may play, so this is allowed without a gesture.
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /** @param {number} percent Of what is captured; 100 changes nothing. */
  set(percent) {
    this.#volume.gain.value = percent / 100;
  }

  /**
   * Mixes in one more, as loud as it is.
   *
   * @param {object} media
   * @param {MediaStreamTrack} track Its sound.
   */
  mix(media, track) {
    const source = new TrackSource(this.#world, this.#context, track, true);
    const volume = this.#context.createGain();
    source.connect(volume);
    volume.connect(this.#delay);
    this.#mixed.set(media, { source, volume });
  }

  /** Mixes one in no more. */
  unmix(media) {
    const { source, volume } = this.#mixed.get(media);
    source.close();
    volume.disconnect();
    this.#mixed.delete(media);
  }

  /** @param {number} percent 100: as loud as it is. */
  setMixVolume(media, percent) {
    this.#mixed.get(media).volume.gain.value = percent / 100;
  }

  /** Ends it. */
  close() {
    this.media.forEach((media) => this.unmix(media));
    this.#captured?.close();
    this.track.stop();
    this.#context.close().catch(() => {});
  }
}
