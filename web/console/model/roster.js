/** Who and what is in the room, as the events told. */

/**
 * @typedef {object} Stream
 * @property {string} streamID
 * @property {{userID: string, userName: string}} user
 * @property {string} extraInfo
 * @property {"OPEN" | "MUTE"} mic
 */

/** The room's users and streams of others. */
export class Roster {
  /** Other users by userID. @type {Map<string, {userID: string, userName: string}>} */
  users = new Map();
  /** Others' streams by streamID, in the order in which they came. @type {Map<string, Stream>} */
  streams = new Map();
  /** Network grades by userID; "" is this user. @type {Map<string, {up: number, down: number}>} */
  quality = new Map();
  /** Users in the room, this one included; 0 while not known. */
  online = 0;
  #muted = new Set();

  /** The room is left or begins anew. */
  clear() {
    this.users.clear();
    this.streams.clear();
    this.quality.clear();
    this.#muted.clear();
    this.online = 0;
  }

  /** `roomUserUpdate`. */
  updateUsers(type, list) {
    for (const user of list) {
      if (type === "ADD") this.users.set(user.userID, user);
      else {
        this.users.delete(user.userID);
        this.quality.delete(user.userID);
      }
    }
  }

  /** `roomStreamUpdate`. */
  updateStreams(type, list) {
    for (const { streamID, user, extraInfo } of list) {
      if (type === "ADD") this.streams.set(streamID, { streamID, user, extraInfo, mic: this.#mic(streamID) });
      else {
        this.streams.delete(streamID);
        this.#muted.delete(streamID);
      }
    }
  }

  /** `streamExtraInfoUpdate`. */
  updateExtraInfo(list) {
    for (const { streamID, extraInfo } of list) {
      const stream = this.streams.get(streamID);
      if (stream) stream.extraInfo = extraInfo;
    }
  }

  /** `remoteMicStatusUpdate`; it may come before the stream is listed. */
  updateMic(streamID, status) {
    if (status === "MUTE") this.#muted.add(streamID);
    else this.#muted.delete(streamID);
    const stream = this.streams.get(streamID);
    if (stream) stream.mic = this.#mic(streamID);
  }

  /** `networkQuality`. */
  updateQuality(userID, up, down) {
    if (userID === "" || this.users.has(userID)) this.quality.set(userID, { up, down });
  }

  /**
   * Streams of one user.
   *
   * @param {string} userID
   * @returns {Stream[]}
   */
  streamsOf(userID) {
    return [...this.streams.values()].filter((stream) => stream.user.userID === userID);
  }

  #mic(streamID) {
    return this.#muted.has(streamID) ? "MUTE" : "OPEN";
  }
}
