import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { Playback } from "../media/playback.js";
import { ZegoStreamView } from "../local/remote-view.js";
import { playOptions, requireStreamID } from "./arguments.js";
import { Throttle } from "./throttle.js";

/** Played streams. One is accepted while a login still runs, and begins with LOGINED. */
export class Playing {
  #core;
  #rooms;
  /** By streamID: what is played, who waits for it, what was told last, the mute that is wanted, and the last report. */
  #entries = new Map();
  #allMuted = false;
  #views = new WeakMap();

  /**
   * @param {import("./core.js").Core} core
   * @param {import("./rooms.js").Rooms} rooms
   */
  constructor(core, rooms) {
    this.#core = core;
    this.#rooms = rooms;
  }

  /** @returns {Promise<MediaStream>} See `startPlayingStream`. */
  start(streamID, option) {
    requireStreamID(streamID);
    const options = playOptions(option);
    if (this.#entries.size >= this.#core.settings.maxChannels) {
      const text = `${this.#entries.size} streams are played already, which is the limit`;
      throw new ZegoError(codes.PLAYER_STREAM_OUT_LIMIT, text);
    }
    this.#rooms.require();
    if (this.#entries.has(streamID)) throw new ZegoError(codes.REPEATED_PULL, `stream ${streamID} is being played already`);
    const entry = { streamID, options, told: undefined, playback: undefined, stats: null, muted: false, calls: [] };
    entry.throttle = new Throttle(this.#core.world.env, () => this.#mute(entry));
    this.#entries.set(streamID, entry);
    const started = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    this.#tell(entry, "PLAY_REQUESTING", codes.SUCCESS, "");
    this.begin();
    return started;
  }

  /** Begins what waits for the login. */
  begin() {
    const room = this.#rooms.ready;
    if (!room) return;
    for (const entry of this.#entries.values()) if (!entry.playback) this.#begin(entry, room);
  }

  #begin(entry, room) {
    const { world, settings } = this.#core;
    const { streamID } = entry;
    const playback = new Playback({
      streamID,
      ...entry.options,
      room,
      RTCPeerConnection: world.RTCPeerConnection,
      MediaStream: world.MediaStream,
      timings: { ...settings.timings, qualityMs: settings.playQualityMs },
      env: world.env,
      onState: (state, code, text) => this.#onState(entry, state, code, text),
      onNegotiated: () => entry.resolve(playback.stream),
      onTrack: (track) => this.#core.emit("playerAudioTrackUpdate", streamID, track),
      onQuality: (stats) => this.#onQuality(entry, stats),
    });
    entry.playback = playback;
    playback.begin();
    if (this.#wantsMute(entry)) this.#mute(entry);
  }

  #onState(entry, state, code, text) {
    if (this.#entries.get(entry.streamID) !== entry) return;
    if (state === "NO_PLAY") this.#entries.delete(entry.streamID);
    this.#tell(entry, state, code, text);
    if (state === "NO_PLAY") this.#forget(entry, code, text);
  }

  /** Who still waits is told that it is over; a stop by the user is an error to its caller, though the event says 0. */
  #forget(entry, code, text) {
    this.#views.get(entry.playback?.stream)?.stop();
    const cancelled = code === codes.SUCCESS;
    const why = cancelled ? "the stream was stopped before it played" : text;
    entry.reject(new ZegoError(cancelled ? codes.CANCEL_PLAY : code, why));
    const over = new ZegoError(codes.PLAYER_STREAM_NOT_PLAYING, "the playback ended first");
    entry.calls.splice(0).forEach(({ reject }) => reject(over));
  }

  /** Tells a new state, unless it is the one that was told last. */
  #tell(entry, state, errorCode, extendedData) {
    const said = `${state} ${errorCode}`;
    if (entry.told === said) return;
    entry.told = said;
    this.#core.emit("playerStateUpdate", { streamID: entry.streamID, state, errorCode, extendedData });
  }

  #onQuality(entry, stats) {
    entry.stats = stats;
    this.#core.emit("playQualityUpdate", entry.streamID, stats);
  }

  /** A stream that is not played is no error, as documented. */
  stop(streamID) {
    const entry = this.#entries.get(streamID);
    if (entry) this.#end(entry, codes.SUCCESS, "");
  }

  #end(entry, code, text) {
    if (entry.playback) entry.playback.stop(code, text);
    else this.#onState(entry, "NO_PLAY", code, text);
  }

  /** Ends all with `code`. */
  endAll(code, text = "") {
    for (const entry of [...this.#entries.values()]) this.#end(entry, code, text);
  }

  /** The link is back; without `resumed` the server has forgotten all playbacks. */
  restore(resumed) {
    for (const { playback } of this.#entries.values()) playback?.restore(resumed);
  }

  /** A stream appeared in the room. */
  appeared(streamID) {
    this.#entries.get(streamID)?.playback?.appeared();
  }

  /** The server ended a playback. */
  ended(streamID, code, message) {
    this.#entries.get(streamID)?.playback?.ended(code, message);
  }

  /** `mutePlayStreamAudio`. */
  mute(streamID, muted) {
    requireStreamID(streamID);
    const entry = this.#entries.get(streamID);
    if (!entry) throw new ZegoError(codes.PLAYER_STREAM_NOT_PLAYING, `stream ${streamID} is not being played`);
    entry.muted = muted;
    return this.#askMute(entry);
  }

  /** `muteAllPlayAudioStreams`: neither this nor a stream's own mute may be on for it to be heard. */
  async muteAll(muted) {
    this.#allMuted = muted;
    await Promise.all([...this.#entries.values()].map((entry) => this.#askMute(entry)));
    return true;
  }

  #askMute(entry) {
    const done = new Promise((resolve, reject) => entry.calls.push({ resolve, reject }));
    entry.throttle.ask();
    return done;
  }

  #wantsMute(entry) {
    return entry.muted || this.#allMuted;
  }

  /** Passes the wanted mute on; before the login there is nobody to ask, and the playback is told when it begins. */
  async #mute(entry) {
    const calls = entry.calls.splice(0);
    try {
      await entry.playback?.mute(this.#wantsMute(entry));
      calls.forEach(({ resolve }) => resolve(true));
    } catch (error) {
      calls.forEach(({ reject }) => reject(error));
    }
  }

  /** The last report of a stream; `null` without one. */
  quality(streamID) {
    return this.#entries.get(streamID)?.stats ?? null;
  }

  /** `createRemoteStreamView`: one for each stream. */
  view(stream) {
    if (typeof stream?.getAudioTracks !== "function") {
      throw new ZegoError(codes.INPUT_PARAM, "this is no MediaStream; give what startPlayingStream resolved to");
    }
    const view = this.#views.get(stream) ?? new ZegoStreamView(this.#core.world, stream);
    this.#views.set(stream, view);
    return view;
  }

  /** What is played: streamID, its MediaStream, and the grade of the last report. */
  get list() {
    return [...this.#entries.values()].map(({ streamID, playback, stats }) => ({
      streamID,
      stream: playback?.stream,
      grade: playback?.state.isRunning ? (stats?.audio.audioQuality ?? -1) : -1,
    }));
  }
}
