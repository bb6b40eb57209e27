import { TrackSource } from "../local/track-source.js";
import { LEVEL_SAMPLE_MS, LEVEL_WINDOW, LevelHold, peakOf } from "../media/levels.js";
import { VOICE_WINDOW, VoiceDetector } from "../media/voice.js";

const DEFAULT_INTERVAL_MS = 1000;

/** One stream's meter in the browser's audio graph. */
class Meter {
  #analyser;
  #source;
  #samples;
  #hold = new LevelHold();
  #voice;

  /**
   * @param {import("./world.js").World} world
   * @param {AudioContext} context
   * @param {MediaStreamTrack} track
   * @param {{isRemote: boolean, detectsVoice: boolean}} options
   */
  constructor(world, context, track, { isRemote, detectsVoice }) {
    this.track = track;
    if (detectsVoice) this.#voice = new VoiceDetector();
    this.#samples = new Float32Array(detectsVoice ? VOICE_WINDOW : LEVEL_WINDOW);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#source = new TrackSource(world, context, track, isRemote);
    this.#source.connect(this.#analyser);
  }

  get level() {
    return this.#hold.level;
  }

  get vad() {
    return this.#voice.vad;
  }

  sample() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    this.#hold.note(peakOf(this.#samples.subarray(-LEVEL_WINDOW)));
    this.#voice?.note(this.#samples);
  }

  close() {
    this.#source.close();
  }
}

/**
 * Tells how loud streams are (`setSoundLevelDelegate`).
 *
 * @typedef {{streamID: string, stream: MediaStream | undefined, isSilenced?: boolean}} Heard
 */
export class SoundLevels {
  #core;
  #sources;
  #context;
  #meters = new Map();
  #timer;
  #intervalMs = DEFAULT_INTERVAL_MS;
  #detectsVoice = false;
  /** When it is looked next, and when it is told next. */
  #nextLook = 0;
  #nextTelling = 0;

  /**
   * @param {import("./core.js").Core} core
   * @param {{published: () => Heard[], played: () => Heard[], captured: () => MediaStream[]}} sources
   */
  constructor(core, sources) {
    this.#core = core;
    this.#sources = sources;
  }

  /** See `setSoundLevelDelegate`. */
  set(isOn, intervalMs = DEFAULT_INTERVAL_MS, options = {}) {
    if (!Number.isInteger(intervalMs) || intervalMs < 100 || intervalMs > 3000) {
      console.error(`setSoundLevelDelegate: the interval is ${intervalMs}; give a whole number of 100 to 3000 ms`);
      return;
    }
    this.close();
    if (!isOn) return;
    this.#intervalMs = intervalMs;
    this.#detectsVoice = options?.enableVAD === true;
    this.#context = new this.#core.world.AudioContext();
    this.#nextLook = this.#core.world.env.now();
    this.#nextTelling = this.#nextLook + intervalMs;
    this.#tick();
  }

  /** Looks and tells no more. */
  close() {
    const { env } = this.#core.world;
    env.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#meters.forEach((meter) => meter.close());
    this.#meters.clear();
    this.#context?.close().catch(() => {});
    this.#context = undefined;
  }

  #tick() {
    const { env } = this.#core.world;
    const context = this.#context;
    // Without a gesture of the user the graph stands still; it is asked again until the browser allows it.
    if (context.state === "suspended") context.resume().catch(() => {});
    const heard = this.#gather();
    const now = env.now();
    if (now >= this.#nextLook) {
      this.#meters.forEach((meter) => meter.sample());
      this.#nextLook = now + LEVEL_SAMPLE_MS;
    }
    if (now >= this.#nextTelling) {
      this.#nextTelling = now + this.#intervalMs;
      this.#tell(heard);
    }
    // A listener may have switched it off, or on anew.
    if (this.#context !== context) return;
    this.#timer = env.setTimeout(() => this.#tick(), Math.min(this.#nextLook, this.#nextTelling) - now);
  }

  /** What is to be heard now, each with its meter. */
  #gather() {
    const published = this.#sources.published();
    const played = this.#sources.played();
    const captured = this.#sources.captured();
    const remote = new Set(played.map(({ stream }) => stream));
    const streams = new Set([...published.map(({ stream }) => stream), ...captured, ...remote]);
    this.#drop(streams);
    streams.forEach((stream) => this.#meter(stream, remote.has(stream)));
    return { published, played, captured };
  }

  #drop(wanted) {
    for (const [stream, meter] of this.#meters) {
      if (wanted.has(stream)) continue;
      meter.close();
      this.#meters.delete(stream);
    }
  }

  /** Sees to it that a stream has a meter; a new one where its track is another than before. */
  #meter(stream, isRemote) {
    const track = stream?.getAudioTracks()[0];
    const known = this.#meters.get(stream);
    if (known?.track === track) return;
    known?.close();
    this.#meters.delete(stream);
    if (!track) return;
    const options = { isRemote, detectsVoice: this.#detectsVoice };
    this.#meters.set(stream, new Meter(this.#core.world, this.#context, track, options));
  }

  #tell(heard) {
    const level = (stream) => this.#meters.get(stream)?.level ?? 0;
    this.#tellAs(heard, "soundLevelUpdate", (stream) => ({ soundLevel: level(stream) }));
    this.#core.emit("capturedSoundLevelUpdate", Math.max(0, ...heard.captured.map(level)));
    if (!this.#detectsVoice) return;
    const vad = (stream) => this.#meters.get(stream)?.vad ?? 0;
    this.#tellAs(heard, "soundLevelInfoUpdate", (stream) => ({ soundLevel: level(stream), vad: vad(stream) }));
    const captured = { soundLevel: Math.max(0, ...heard.captured.map(level)), vad: Math.max(0, ...heard.captured.map(vad)) };
    this.#core.emit("capturedSoundLevelInfoUpdate", captured);
  }

  /** Tells what is measured of each stream, if there is any; a stream that is silenced has no meter. */
  #tellAs({ published, played }, event, measured) {
    const list = [
      ...published.map(({ streamID, stream }) => ({ streamID, ...measured(stream), type: "push" })),
      ...played.map(({ streamID, stream, isSilenced }) => ({
        streamID,
        ...measured(isSilenced ? undefined : stream),
        type: "pull",
      })),
    ];
    if (list.length > 0) this.#core.emit(event, list);
  }
}
