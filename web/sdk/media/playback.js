import { codes } from "../base/codes.js";
import { receiveCounters } from "./counters.js";
import { StreamDriver } from "./driver.js";
import { PlayWatch } from "./intervals.js";
import { Peer } from "./peer.js";
import { PlayerState } from "./player.js";
import { delayForCopies, frameLength } from "./protection.js";
import { PlayQuality } from "./quality.js";

/** How often it is looked whether the first packet came. */
const AWAIT_MS = 100;

/**
 * One played stream: carries out what `PlayerState` decides. Its MediaStream stays the same over all connections.
 *
 * @typedef {object} PlaybackOptions
 * @property {string} streamID
 * @property {number | undefined} jitterBufferTargetMs Least delay that the application wants.
 * @property {boolean} lowLatency It wants as little delay as there can be, and no waiting for copies.
 * @property {number} [loudest] Only while it is one of so many loudest; 0: always, left out: as the room has it.
 * @property {{request: (type: string, fields: object) => Promise<object>, iceServers: RTCIceServer[]}} room
 * @property {(streamID: string) => boolean} streamIsMuted Whether its publisher muted a stream.
 * @property {typeof RTCPeerConnection} RTCPeerConnection
 * @property {typeof MediaStream} MediaStream
 * @property {typeof import("../base/timings.js").DEFAULT_TIMINGS} timings
 * @property {import("../base/env.js").Env} env
 * @property {(state: string, code: number, text: string) => void} onState
 * @property {() => void} onNegotiated The first answer was applied.
 * @property {(track: MediaStreamTrack) => void} onTrack The stream has another track than before.
 * @property {(stats: object) => void} onQuality
 * @property {(exception: {code: number, message: string}) => void} onException
 */
export class Playback extends StreamDriver {
  #options;
  #quality;
  #watch;
  /** What the server told last of the publisher's part of the way. */
  #uplink;
  #awaiting;
  /** Packets of this connection when last looked at. */
  #packets = 0;

  /** @param {PlaybackOptions} options */
  constructor(options) {
    super(new PlayerState(options.env.now(), options.timings), options.env, options.onState);
    this.#options = options;
    this.#quality = new PlayQuality(this.now());
    this.#watch = new PlayWatch(this.now());
    /** What the application gets. */
    this.stream = new options.MediaStream();
  }

  perform(effect) {
    switch (effect.do) {
      case "negotiated":
        this.#options.onNegotiated();
        break;
      case "apply":
        // While another connection is heard, the track is taken with the first packet of this one.
        if (this.former === undefined) this.#useTrack(this.peer.track);
        // A connection begins without copies; what the server said before its answer was of the one before.
        this.#waitFor([], 0);
        super.perform(effect);
        break;
      case "retire":
        if (this.peer !== undefined) this.#useTrack(this.peer.track);
        super.perform(effect);
        break;
      case "pause":
        this.#restorePause(effect.attempt, effect.paused);
        break;
      case "awaitMedia":
        this.#awaitMedia(effect.attempt);
        break;
      case "poll":
        this.look(effect.attempt, (report) => this.#poll(effect.attempt, report));
        break;
      default:
        super.perform(effect);
    }
  }

  /**
   * Asks through this room from now on.
   *
   * @param {PlaybackOptions["room"]} room
   */
  moveTo(room) {
    this.#options = { ...this.#options, room };
  }

  /**
   * The room that it was asked through ended: begins anew through this one.
   *
   * @param {PlaybackOptions["room"]} room
   */
  goOnThrough(room) {
    this.moveTo(room);
    this.carryOut(this.state.onMoved(this.now(), codes.PLAYER_STREAM_INTERRUPTED));
  }

  makePeer(onEvent) {
    const { env, room, RTCPeerConnection } = this.#options;
    const { iceServers } = room;
    const audio = { channels: 2 };
    const peer = new Peer({ audio, env, iceServers, RTCPeerConnection, onEvent });
    this.#packets = 0;
    this.#quality.fresh(this.now());
    this.#watch.fresh(this.now());
    return peer;
  }

  #useTrack(track) {
    const former = this.stream.getTracks();
    if (former.includes(track)) return;
    former.forEach((old) => this.stream.removeTrack(old));
    this.stream.addTrack(track);
    track.enabled = !this.state.isPaused;
    if (former.length > 0) this.#options.onTrack(track);
  }

  async exchange(offer) {
    const { room, streamID, loudest: wanted } = this.#options;
    const { answer, loudest } = await room.request("play", {
      stream_id: streamID,
      offer,
      ...(wanted !== undefined && { loudest: wanted }),
    });
    this.state.onLimited(loudest > 0);
    return answer;
  }

  withdraw() {
    // Where the link is away the room tells the server when it is back.
    this.#options.room.request("stopPlay", { stream_id: this.#options.streamID }).catch(() => {});
  }

  /** The stream appeared in the room. */
  appeared() {
    this.carryOut(this.state.onAppeared(this.now()));
  }

  /** The server ended the playback. */
  ended(code, text) {
    this.carryOut(this.state.onEnded(code, text, this.now(), this.#options.env.random()));
  }

  /**
   * Stops (or resumes) the sound, here at once and at the server.
   *
   * @param {boolean} paused
   * @returns {Promise<void>} Rejects with what the server refused with; the sound is then as it was. Rejects with 1000017 or
   *   1100002 where the link is away or silent; it is asked again when the link is back. Without a connection it is asked with
   *   the next one.
   */
  async mute(paused) {
    const { attempt, effects } = this.state.onMute(paused, this.now());
    this.carryOut(effects);
    this.#enable();
    if (attempt === undefined) return;
    try {
      await this.#askPause(paused);
      this.state.onPaused(attempt, paused);
    } catch (error) {
      this.#onMuteFailed(attempt, paused, error);
    }
  }

  #onMuteFailed(attempt, paused, error) {
    // Without an answer nothing was refused: it is asked again with the next report or link.
    if (error.retryAfterMs === undefined) throw error;
    const { refused, effects } = this.state.onMuteFailed(attempt, paused, this.now());
    this.carryOut(effects);
    this.#enable();
    if (refused) throw error;
  }

  #enable() {
    this.stream.getAudioTracks().forEach((track) => {
      track.enabled = !this.state.isPaused;
    });
  }

  #askPause(paused) {
    return this.#options.room.request("pausePlay", { stream_id: this.#options.streamID, paused });
  }

  /** Restores after a reconnect what the application wants. What fails is asked for again with the next report or link. */
  #restorePause(attempt, paused) {
    this.#askPause(paused).then(
      () => this.state.onPaused(attempt, paused),
      () => {},
    );
  }

  #awaitMedia(attempt) {
    const { env } = this.#options;
    env.clearTimeout(this.#awaiting);
    const before = this.#packets;
    const again = () => {
      this.#awaiting = env.setTimeout(() => this.look(attempt, arrived), AWAIT_MS);
    };
    const arrived = (report) => {
      this.#packets = receiveCounters(report).packets;
      if (this.#packets > before) this.carryOut(this.state.onArrived(attempt, this.now()));
      else again();
    };
    this.look(attempt, arrived);
  }

  #poll(attempt, report) {
    this.#packets = receiveCounters(report).packets;
    this.state.onMedia(attempt, this.#packets, this.now());
  }

  report(report, attempt) {
    if (!this.state.isPlaying(attempt)) return;
    const { streamIsMuted, streamID, onQuality, onException } = this.#options;
    const counters = receiveCounters(report);
    const paused = this.state.isPaused;
    const state = { muted: paused, connected: this.state.hearsServer, uplink: this.#uplink };
    onQuality(this.#quality.report(this.now(), counters, state));
    this.#watch.look(this.now(), counters, { paused, publisherMuted: streamIsMuted(streamID) }).forEach(onException);
  }

  /**
   * What the server adds to the stream from now on.
   *
   * @param {number[]} copies How many packets behind each copy lies.
   */
  noteProtection(copies) {
    this.look(this.state.attempt, (report) => this.#waitFor(copies, frameLength(receiveCounters(report))));
  }

  #waitFor(copies, frameMs) {
    const { jitterBufferTargetMs: asked = null, lowLatency } = this.#options;
    this.peer.setJitterBufferTarget(lowLatency ? null : delayForCopies(copies, frameMs, asked));
  }

  /** How the stream arrives at the server. */
  noteReport(report) {
    this.#uplink = report;
  }

  closePeer() {
    this.#options.env.clearTimeout(this.#awaiting);
    super.closePeer();
  }
}
