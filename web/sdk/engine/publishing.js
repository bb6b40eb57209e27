import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { Publication } from "../media/publication.js";
import { publishOptions, requireExtraInfo, requireStreamID } from "./arguments.js";

/** Media of ours that the server lost: published anew. Any other end that it tells is final. */
const MEDIA_LOST = [codes.PUBLISHER_SESSION_CLOSED, codes.PUBLISHER_MEDIA_CONNECTION_ERROR];

/** Published streams. One is accepted while a login still runs, and begins with LOGINED. */
export class Publishing {
  #core;
  #rooms;
  #locals;
  /** By streamID: what is published, what was told last, and the last report. */
  #entries = new Map();

  /**
   * @param {import("./core.js").Core} core
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./locals.js").Locals} locals
   */
  constructor(core, rooms, locals) {
    this.#core = core;
    this.#rooms = rooms;
    this.#locals = locals;
  }

  /** @throws {ZegoError} See `startPublishingStream`. */
  start(streamID, stream, option) {
    requireStreamID(streamID);
    const options = publishOptions(option);
    const local = this.#locals.toPublish(stream);
    this.#rooms.require();
    if (this.#entries.has(streamID)) {
      throw new ZegoError(codes.PUBLISHER_IS_PUBLISHING, `stream ${streamID} is being published already`);
    }
    const entry = { streamID, local, stream, options, told: undefined, publication: undefined, stats: null };
    this.#entries.set(streamID, entry);
    this.#tell(entry, "PUBLISH_REQUESTING", codes.SUCCESS, "");
    this.begin();
  }

  /** Begins what waits for the login. */
  begin() {
    const room = this.#rooms.ready;
    if (!room) return;
    for (const entry of this.#entries.values()) if (!entry.publication) this.#begin(entry, room);
  }

  #begin(entry, room) {
    const { world, settings } = this.#core;
    const { streamID, local, options } = entry;
    entry.publication = new Publication({
      streamID,
      local,
      audio: { channels: local.plan.channels, bitrateKbps: local.plan.bitrateKbps, dtx: options.dtx },
      extraInfo: options.extraInfo,
      room,
      RTCPeerConnection: world.RTCPeerConnection,
      timings: { ...settings.timings, qualityMs: settings.publishQualityMs },
      env: world.env,
      onState: (state, code, text) => this.#onState(entry, state, code, text),
      onQuality: (stats) => this.#onQuality(entry, stats),
    });
    entry.publication.begin();
  }

  #onState(entry, state, code, text) {
    if (this.#entries.get(entry.streamID) !== entry) return;
    if (state === "NO_PUBLISH") this.#entries.delete(entry.streamID);
    this.#tell(entry, state, code, text);
  }

  /** Tells a new state, unless it is the one that was told last. */
  #tell(entry, state, errorCode, extendedData) {
    const said = `${state} ${errorCode}`;
    if (entry.told === said) return;
    entry.told = said;
    this.#core.emit("publisherStateUpdate", { streamID: entry.streamID, state, errorCode, extendedData });
  }

  #onQuality(entry, stats) {
    entry.stats = stats;
    this.#core.emit("publishQualityUpdate", entry.streamID, stats);
  }

  /** @returns {boolean} `false`: that stream is not published. */
  stop(streamID) {
    const entry = this.#entries.get(streamID);
    if (entry) this.#end(entry, codes.SUCCESS, "");
    return entry !== undefined;
  }

  #end(entry, code, text) {
    if (entry.publication) entry.publication.stop(code, text);
    else this.#onState(entry, "NO_PUBLISH", code, text);
  }

  /** Ends those that `wanted` chooses. */
  endAll(code, text = "", wanted = () => true) {
    for (const entry of [...this.#entries.values()]) if (wanted(entry)) this.#end(entry, code, text);
  }

  /** The link is back; without `resumed` the server has forgotten all streams. */
  restore(resumed) {
    for (const { publication } of this.#entries.values()) publication?.restore(resumed);
  }

  /** The server ended a stream. */
  ended(streamID, code, message) {
    const entry = this.#entries.get(streamID);
    if (!entry) return;
    if (MEDIA_LOST.includes(code)) entry.publication?.restore(false);
    else this.#end(entry, code, message);
  }

  /** `setStreamExtraInfo`. */
  async setExtraInfo(streamID, extraInfo) {
    requireStreamID(streamID);
    requireExtraInfo(extraInfo);
    const publication = this.#entries.get(streamID)?.publication;
    if (!publication) {
      const text = `stream ${streamID} is not being published; call startPublishingStream first`;
      throw new ZegoError(codes.PUBLISHER_STREAM_NO_FOUND, text);
    }
    await this.#rooms.require().request("setStreamExtraInfo", { stream_id: streamID, extra_info: extraInfo });
    publication.extraInfo = extraInfo;
    return { errorCode: codes.SUCCESS, extendedData: "" };
  }

  /** The last report of a stream; `null` without one. */
  quality(streamID) {
    return this.#entries.get(streamID)?.stats ?? null;
  }

  /** A local stream sends another track. */
  replaceTrack(local) {
    for (const entry of this.#of(local)) entry.publication?.replaceTrack();
  }

  /** A local stream was muted or opened. */
  noteMuted(local) {
    for (const entry of this.#of(local)) entry.publication?.noteMuted();
  }

  /** Whether a local stream is published. */
  publishes(local) {
    return this.#of(local).length > 0;
  }

  #of(local) {
    return [...this.#entries.values()].filter((entry) => entry.local === local);
  }

  /** What is published: streamID, the MediaStream that is sent, and the grade of the last report. */
  get list() {
    return [...this.#entries.values()].map(({ streamID, stream, stats, publication }) => ({
      streamID,
      stream: stream.stream,
      grade: publication?.state.isRunning ? (stats?.audio.audioQuality ?? -1) : -1,
    }));
  }
}
