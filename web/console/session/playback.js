/** Others' streams as they are played here. */

import { History } from "../model/history.js";
import { playSample } from "../model/metrics.js";
import { Trouble } from "../model/trouble.js";

/** A stream that is played; its settings are forgotten when it stops, as documented. */
class Player {
  /** PLAY_REQUESTING or PLAYING, with the last code. */
  state = "PLAY_REQUESTING";
  code = 0;
  /** 0 to 100, the documented sound level. */
  level = 0;
  /** 0 to 100. */
  volume = 100;
  muted = false;
  /** Whether the browser wants a click before it lets this be heard. */
  blocked = false;
  history = new History();
  /** What is wrong with its sound. */
  trouble = new Trouble();
  /** The `ZegoStreamView` through which it is heard, once there is sound. */
  view = null;
  stats = undefined;

  constructor(streamID) {
    this.streamID = streamID;
  }
}

/** All players, and the wish to play everything. */
export class Playback {
  #session;
  #speaker = "";

  /** By streamID. @type {Map<string, Player>} */
  players = new Map();
  /** Whether streams are played as they appear. */
  automatic = false;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** Whether the browser holds any sound back until a click. */
  get blocked() {
    return [...this.players.values()].some((player) => player.blocked);
  }

  /** Plays a stream. @param {string} streamID */
  async play(streamID) {
    if (this.players.has(streamID)) return;
    const player = new Player(streamID);
    this.players.set(streamID, player);
    try {
      const media = await this.#session.requireEngine().startPlayingStream(streamID);
      if (this.players.get(streamID) === player) this.#hear(player, media);
    } catch (error) {
      // A player that was stopped or ended meanwhile has told its reason already.
      if (this.players.get(streamID) === player) {
        this.#forget(streamID);
        this.#session.report(`Could not play ${streamID}`, error);
      }
    }
    this.#session.tell("streams");
  }

  /** Plays a stream no more. @param {string} streamID */
  stop(streamID) {
    if (this.#forget(streamID)) this.#session.engine.stopPlayingStream(streamID);
    this.#session.tell("streams");
  }

  /** Plays what is there and what comes, or leaves it to the user again. */
  setAutomatic(on) {
    this.automatic = on;
    if (on) for (const streamID of this.#session.roster.streams.keys()) void this.play(streamID);
    this.#session.tell("streams");
  }

  /** Silences a played stream; the server then does not send it. */
  mute(streamID, muted) {
    this.#change(streamID, (player) => {
      player.muted = muted;
      void this.#session.attempt(`Could not mute ${streamID}`, () => this.#session.engine.mutePlayStreamAudio(streamID, muted));
    });
  }

  /** @param {string} streamID @param {number} volume 0 to 100. */
  setVolume(streamID, volume) {
    this.#change(streamID, (player) => {
      player.volume = volume;
      player.view?.setVolume(volume);
    });
  }

  /** The output device for what is played now and later. @param {string} deviceID "" is the system's default. */
  useSpeaker(deviceID) {
    this.#speaker = deviceID;
    for (const player of this.players.values()) this.#route(player);
  }

  /** After a click: lets everything be heard that the browser held back. */
  resume() {
    for (const player of this.players.values()) {
      if (player.blocked) void this.#session.attempt("Could not play the sound", () => player.view.resume());
    }
  }

  /** Forgets all players, without a word to the engine: it ended them. */
  clear() {
    for (const streamID of [...this.players.keys()]) this.#forget(streamID);
  }

  /** `roomStreamUpdate`: the documents leave it to the app to stop what is gone. */
  streamsChanged(type, list) {
    for (const { streamID } of list) {
      if (type === "DELETE" && this.players.has(streamID)) this.stop(streamID);
      if (type === "ADD" && this.automatic) void this.play(streamID);
    }
  }

  /** `playerStateUpdate`. */
  stateChanged({ streamID, state, errorCode, extendedData }) {
    if (state === "NO_PLAY") {
      if (this.#forget(streamID) && errorCode !== 0)
        this.#session.report(`Could not play ${streamID}`, { code: errorCode, extendedData });
    } else {
      this.#change(streamID, (player) => Object.assign(player, { state, code: errorCode }));
    }
    this.#session.tell("streams");
  }

  /** `playQualityUpdate`. */
  measured(streamID, stats) {
    const player = this.players.get(streamID);
    if (!player) return;
    player.history.add(playSample(stats, player.stats, this.#session.now()));
    player.stats = stats;
  }

  /** `soundLevelUpdate`. */
  levels(list) {
    for (const { streamID, soundLevel, type } of list) {
      const player = this.players.get(streamID);
      if (player && type === "pull") player.level = soundLevel;
    }
  }

  #hear(player, media) {
    player.view = this.#session.engine.createRemoteStreamView(media);
    player.view.on("autoplayFailed", () => this.#setBlocked(player, true));
    player.view.on("canPlayAudio", () => this.#setBlocked(player, false));
    player.view.playAudio({ enableAutoplayDialog: false });
    player.view.setVolume(player.volume);
    if (this.#speaker !== "") this.#route(player);
  }

  #route(player) {
    if (player.view)
      void this.#session.attempt("Could not change the speaker", () => player.view.useAudioOutputDevice(this.#speaker));
  }

  #setBlocked(player, blocked) {
    player.blocked = blocked;
    this.#session.tell("streams");
  }

  #change(streamID, change) {
    const player = this.players.get(streamID);
    if (!player) return;
    change(player);
    this.#session.tell("streams");
  }

  /** @returns {boolean} Whether it was played. */
  #forget(streamID) {
    this.players.get(streamID)?.view?.stop();
    return this.players.delete(streamID);
  }
}
