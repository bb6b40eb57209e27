import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { Publication } from "../media/publication.js";
import { publishOptions, requireExtraInfo, requireStreamID } from "./arguments.js";
import { Streams } from "./streams.js";

const WORDS = Object.freeze({
  stateEvent: "publisherStateUpdate",
  qualityEvent: "publishQualityUpdate",
  requesting: "PUBLISH_REQUESTING",
  over: "NO_PUBLISH",
});

/** Media of ours that the server lost: published anew. Any other end that it tells is final. */
const MEDIA_LOST = [codes.PUBLISHER_SESSION_CLOSED, codes.PUBLISHER_MEDIA_CONNECTION_ERROR];

/** Published streams. One is accepted while a login still runs, and begins with LOGINED. */
export class Publishing extends Streams {
  #locals;

  /**
   * @param {import("./core.js").Core} core
   * @param {import("./rooms.js").Rooms} rooms
   * @param {import("./locals.js").Locals} locals
   * @param {() => void} onAdded
   */
  constructor(core, rooms, locals, onAdded) {
    super(core, rooms, WORDS, onAdded);
    this.#locals = locals;
  }

  /** @throws {ZegoError} See `startPublishingStream`. */
  start(streamID, stream, option) {
    requireStreamID(streamID);
    const options = publishOptions(option);
    const local = this.#locals.toPublish(stream);
    const roomID = this.rooms.toPublish(options.roomID);
    if (this.find(streamID)) {
      throw new ZegoError(codes.PUBLISHER_IS_PUBLISHING, `stream ${streamID} is being published already`);
    }
    this.add(streamID, { roomID, local, stream: stream.stream, options });
  }

  make(entry, room) {
    const { local, options } = entry;
    const { channels, bitrateKbps, frameMs } = local.plan;
    return new Publication({
      ...this.driverOptions(entry, room, this.core.settings.publishQualityMs),
      local,
      audio: { channels, bitrateKbps, frameMs, dtx: options.dtx },
      extraInfo: options.extraInfo,
    });
  }

  /** @returns {boolean} `false`: that stream is not published. */
  stop(streamID) {
    const entry = this.find(streamID);
    if (entry) this.end(entry, codes.SUCCESS);
    return entry !== undefined;
  }

  /** A room's login is over. */
  leave({ roomID, publishCode }) {
    this.through(roomID).forEach((entry) => this.end(entry, publishCode));
  }

  /** The server ended a stream of a room. */
  ended(roomID, streamID, code, message) {
    const entry = this.find(streamID);
    if (entry?.roomID !== roomID) return;
    if (MEDIA_LOST.includes(code)) entry.driver?.restore(false);
    else this.end(entry, code, message);
  }

  /** `setStreamExtraInfo`. */
  async setExtraInfo(streamID, extraInfo) {
    requireStreamID(streamID);
    requireExtraInfo(extraInfo);
    const { roomID, driver: publication } = this.find(streamID) ?? {};
    if (!publication) {
      const text = `stream ${streamID} is not being published; call startPublishingStream first`;
      throw new ZegoError(codes.PUBLISHER_STREAM_NO_FOUND, text);
    }
    await this.rooms.room(roomID).request("setStreamExtraInfo", { stream_id: streamID, extra_info: extraInfo });
    publication.extraInfo = extraInfo;
    return { errorCode: codes.SUCCESS, extendedData: "" };
  }

  /** A local stream sends another track. Another kind of source may be muted otherwise. */
  replaceTrack(local) {
    this.#of(local).forEach(({ driver }) => driver?.replaceTrack());
    this.noteMuted(local);
  }

  /** A local stream was muted or opened. */
  noteMuted(local) {
    this.#of(local).forEach(({ driver }) => driver?.noteMuted());
  }

  /** Whether a local stream is published. */
  publishes(local) {
    return this.#of(local).length > 0;
  }

  /** Ends what is published of a local stream. */
  endOf(local, code, text) {
    this.#of(local).forEach((entry) => this.end(entry, code, text));
  }

  #of(local) {
    return this.entries.filter((entry) => entry.local === local);
  }

  /** What is published, and the MediaStream that is sent. */
  get heard() {
    return this.entries.map(({ streamID, stream }) => ({ streamID, stream }));
  }
}
