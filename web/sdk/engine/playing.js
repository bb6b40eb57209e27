import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { Playback } from "../media/playback.js";
import { ZegoStreamView } from "../local/remote-view.js";
import { answer } from "./answer.js";
import { playOptions, requireStreamID } from "./arguments.js";
import { Streams } from "./streams.js";
import { Throttle } from "./throttle.js";

const WORDS = Object.freeze({
  stateEvent: "playerStateUpdate",
  qualityEvent: "playQualityUpdate",
  requesting: "PLAY_REQUESTING",
  over: "NO_PLAY",
});

/** Played streams. One is accepted while a login still runs, and begins with LOGINED. */
export class Playing extends Streams {
  #frames;
  #allMuted = false;
  #views = new WeakMap();

  /**
   * @param {import("./core.js").Core} core
   * @param {import("./rooms.js").Rooms} rooms
   * @param {() => void} onAdded
   * @param {import("./frames.js").Frames} frames
   */
  constructor(core, rooms, onAdded, frames) {
    super(core, rooms, WORDS, onAdded);
    this.#frames = frames;
  }

  /** @returns {Promise<MediaStream>} See `startPlayingStream`. */
  start(streamID, option) {
    requireStreamID(streamID);
    const options = playOptions(option);
    if (this.size >= this.core.settings.maxChannels) {
      throw new ZegoError(codes.PLAYER_STREAM_OUT_LIMIT, `${this.size} streams are played already, which is the limit`);
    }
    const roomID = this.rooms.toPlay(options.roomID, streamID);
    if (this.find(streamID)) throw new ZegoError(codes.REPEATED_PULL, `stream ${streamID} is being played already`);
    return new Promise((resolve, reject) => {
      const throttle = new Throttle(this.core.world.env, () => this.#mute(this.find(streamID)));
      this.add(streamID, { roomID, options, resolve, reject, muted: false, calls: [], throttle });
    });
  }

  make(entry, room) {
    const playback = new Playback({
      ...this.driverOptions(entry, room, this.core.settings.playQualityMs),
      ...entry.options,
      MediaStream: this.core.world.MediaStream,
      streamIsMuted: (streamID) => this.rooms.streamIsMuted(streamID),
      onNegotiated: () => {
        this.#frames.follow(entry.streamID, trackOf(playback));
        entry.resolve(playback.stream);
      },
      onTrack: (track) => {
        this.#frames.follow(entry.streamID, track);
        this.core.emit("playerAudioTrackUpdate", entry.streamID, track);
      },
    });
    return playback;
  }

  /** Begins what waits for a login; what came along from another room asks through this one. */
  begin() {
    for (const { roomID, driver } of this.entries) {
      const room = this.rooms.ready(roomID);
      if (room) driver?.moveTo(room);
    }
    super.begin();
  }

  /** A room's login is over: what is played through it ends, or moves to another room where it is no stream of this one. */
  leave({ roomID, playCode, lists, switchedTo }) {
    const isThrough = (entry) => entry.roomID === roomID || (entry.roomID === undefined && this.rooms.isEmpty);
    for (const entry of this.entries.filter(isThrough)) {
      const { streamID, driver } = entry;
      const other = switchedTo ?? (lists(streamID) ? undefined : this.rooms.anyReady(streamID));
      if (other === undefined) {
        this.end(entry, playCode);
      } else {
        entry.roomID = other;
        if (switchedTo === undefined) driver?.goOnThrough(this.rooms.ready(other));
      }
    }
  }

  onBegun(entry) {
    if (this.#wantsMute(entry)) this.#mute(entry);
  }

  /** Who still waits is told that it is over; a stop by the user is an error to its caller, though the event says 0. */
  onOver(entry, code, text) {
    this.#views.get(entry.driver?.stream)?.stop();
    this.#frames.forget(entry.streamID);
    const isCancelled = code === codes.SUCCESS;
    const why = isCancelled ? "the stream was stopped before it played" : text;
    entry.reject(new ZegoError(isCancelled ? codes.CANCEL_PLAY : code, why));
    const over = new ZegoError(codes.PLAYER_STREAM_NOT_PLAYING, "the playback ended first");
    entry.calls.splice(0).forEach(({ reject }) => reject(over));
    entry.throttle.cancel();
  }

  /** A stream that is not played is no error, as documented. */
  stop(streamID) {
    const entry = this.find(streamID);
    if (entry) this.end(entry, codes.SUCCESS);
  }

  /** A stream appeared in the room. */
  appeared(streamID) {
    this.find(streamID)?.driver?.appeared();
  }

  /** The server ended a playback of a room. */
  ended(roomID, streamID, code, message) {
    const entry = this.find(streamID);
    if (entry?.roomID === roomID) entry.driver?.ended(code, message);
  }

  /**
   * What the server adds to streams from now on.
   *
   * @param {{streamID: string, copies: number[]}[]} streams
   */
  noteProtection(streams) {
    for (const { streamID, copies } of streams) this.find(streamID)?.driver?.noteProtection(copies);
  }

  /** `mutePlayStreamAudio`. */
  mute(streamID, muted) {
    const entry = this.#played(streamID);
    entry.muted = muted;
    return this.#askMute(entry);
  }

  /** `muteAllPlayAudioStreams`: neither this nor a stream's own mute may be on for it to be heard. */
  async muteAll(muted) {
    this.#allMuted = muted;
    await Promise.all(this.entries.map((entry) => this.#askMute(entry)));
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
      await entry.driver?.mute(this.#wantsMute(entry));
      calls.forEach(({ resolve }) => resolve(true));
    } catch (error) {
      calls.forEach(({ reject }) => reject(error));
    }
  }

  /** `setAudioFrameCallback`; resolves with a code, as documented. */
  setFrames(streamID, callback, options) {
    return answer(() => {
      const { driver } = this.#played(streamID);
      return this.#frames.set({ key: streamID, track: trackOf(driver), isRemote: true }, callback, options);
    });
  }

  /** @throws {ZegoError} A bad streamID; 1104044 */
  #played(streamID) {
    requireStreamID(streamID);
    const entry = this.find(streamID);
    if (!entry) throw new ZegoError(codes.PLAYER_STREAM_NOT_PLAYING, `stream ${streamID} is not being played`);
    return entry;
  }

  /** `createRemoteStreamView`: one for each stream. */
  view(stream) {
    if (typeof stream?.getAudioTracks !== "function") {
      throw new ZegoError(codes.INPUT_PARAM, "this is no MediaStream; give what startPlayingStream resolved to");
    }
    const view = this.#views.get(stream) ?? new ZegoStreamView(this.core.world, stream);
    this.#views.set(stream, view);
    return view;
  }

  /** What is played, and its MediaStream. */
  get heard() {
    return this.entries.map(({ streamID, driver }) => ({ streamID, stream: driver?.stream }));
  }
}

function trackOf(driver) {
  return driver?.stream.getAudioTracks()[0];
}
