import { codes } from "../base/codes.js";
import { QualityReport } from "./network-quality.js";

/**
 * What published and played streams have in common: each is begun with the login, told about, reported on, restored and ended.
 *
 * A subclass has `make(entry, room)`, which gives the `Publication` or `Playback` of an entry, and may have `onBegun(entry)` and
 * `onOver(entry, code, text)`.
 *
 * @typedef {object} Entry
 * @property {string} streamID
 * @property {string | undefined} roomID The room that it goes through; undefined: whichever is logged in to first.
 * @property {import("../media/driver.js").StreamDriver | undefined} driver Undefined until the login is done.
 * @property {object | null} stats The last report.
 * @property {QualityReport} grade Its grade, for `networkQuality`.
 *
 * @typedef {{stateEvent: string, qualityEvent: string, requesting: string, over: string}} Words
 */
export class Streams {
  #words;
  #onAdded;
  /** @type {Map<string, Entry & Record<string, any>>} */
  #entries = new Map();

  /**
   * @param {import("./core.js").Core} core
   * @param {import("./rooms.js").Rooms} rooms
   * @param {Words} words
   * @param {() => void} onAdded Another stream is published or played.
   */
  constructor(core, rooms, words, onAdded) {
    this.core = core;
    this.rooms = rooms;
    this.#words = words;
    this.#onAdded = onAdded;
  }

  /** How many there are. */
  get size() {
    return this.#entries.size;
  }

  /** All of them, in the order in which they were started. */
  get entries() {
    return [...this.#entries.values()];
  }

  /** One of them. */
  find(streamID) {
    return this.#entries.get(streamID);
  }

  /** Takes a stream in: REQUESTING is told, and it begins if the login is done. */
  add(streamID, rest) {
    const entry = { streamID, told: undefined, driver: undefined, stats: null, grade: new QualityReport(), ...rest };
    this.#entries.set(streamID, entry);
    this.#onAdded();
    this.#tell(entry, this.#words.requesting, codes.SUCCESS, "");
    this.begin();
  }

  /** Begins what waits for a login. */
  begin() {
    for (const entry of this.entries.filter(({ driver }) => !driver)) {
      entry.roomID ??= this.rooms.anyReady(entry.streamID);
      const room = this.rooms.ready(entry.roomID);
      if (!room) continue;
      entry.driver = this.make(entry, room);
      entry.driver.begin();
      this.onBegun(entry);
    }
  }

  /** What a driver needs of us, whatever it drives. */
  driverOptions(entry, room, qualityMs) {
    const { world, settings } = this.core;
    return {
      streamID: entry.streamID,
      room,
      RTCPeerConnection: world.RTCPeerConnection,
      timings: { ...settings.timings, qualityMs },
      env: world.env,
      onState: (state, code, text) => this.#onState(entry, state, code, text),
      onQuality: (stats) => {
        entry.stats = stats;
        entry.grade.note(stats.audio.audioQuality);
        this.core.emit(this.#words.qualityEvent, entry.streamID, stats);
      },
      onException: (exception) => this.core.emit("exceptionUpdate", entry.streamID, exception),
    };
  }

  /**
   * What the server measured on the far side of streams.
   *
   * @param {{streamID: string, report: object}[]} reports
   */
  noteReports(reports) {
    for (const { streamID, report } of reports) this.find(streamID)?.driver?.noteReport(report);
  }

  /** One has begun. */
  onBegun(_entry) {}

  /** One is over, and that was told. */
  onOver(_entry, _code, _text) {}

  #onState(entry, state, code, text) {
    if (this.#entries.get(entry.streamID) !== entry) return;
    const isOver = state === this.#words.over;
    if (isOver) this.#entries.delete(entry.streamID);
    this.#tell(entry, state, code, text);
    if (isOver) this.onOver(entry, code, text);
  }

  /** Tells a new state, unless it is the one that was told last. */
  #tell(entry, state, errorCode, extendedData) {
    const said = `${state} ${errorCode}`;
    if (entry.told === said) return;
    entry.told = said;
    this.core.emit(this.#words.stateEvent, { streamID: entry.streamID, state, errorCode, extendedData });
  }

  /** Ends one with `code`. */
  end(entry, code, text = "") {
    if (entry.driver) entry.driver.stop(code, text);
    else this.#onState(entry, this.#words.over, code, text);
  }

  /** Ends all with `code`. */
  endAll(code, text) {
    this.entries.forEach((entry) => this.end(entry, code, text));
  }

  /** Those that go through a room. */
  through(roomID) {
    return this.entries.filter((entry) => entry.roomID === roomID);
  }

  /** A room's link is back; without `resumed` the server has forgotten all of them; `moved`: the login went to another node. */
  restore(roomID, resumed, moved) {
    this.through(roomID).forEach(({ driver }) => driver?.restore(resumed, moved));
  }

  /** A room's link is away, and no media is wanted without it. */
  suspend(roomID) {
    this.through(roomID).forEach(({ driver }) => driver?.suspend());
  }

  /** The last report of a stream; `null` without one. */
  quality(streamID) {
    return this.find(streamID)?.stats ?? null;
  }

  /** The grades to tell now, one for each stream. */
  takeGrades() {
    return this.entries.map(({ grade }) => grade.take());
  }
}
