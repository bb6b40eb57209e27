import { Listing, MAX_LISTED, difference } from "./listing.js";
import { DELETE_REASONS } from "./wire/events.js";

/** Documented descriptions of the documented numbers 0 to 6 of `stream_delete_reason`. */
const DESCRIPTIONS = [
  "unknown",
  "user_stop_publishing_stream_normal",
  "user_heart_beat_timeout",
  "user_repeat_login",
  "user_kicked_out",
  "user_offline",
  "remove_by_server",
];

const sameUser = (a, b) => a.userID === b.userID && a.userName === b.userName;
const sameStream = (a, b) => a.streamID === b.streamID && sameUser(a.user, b.user);

/** In the documented shape, and the receiver's own: what a program does to it changes nothing here. */
const copyUser = ({ userID, userName }) => ({ userID, userName });
const copyStream = ({ streamID, user, extraInfo }) => ({ streamID, user: copyUser(user), extraInfo });

/** Users and streams of one room, without the client itself. */
export class Roster {
  #me;
  #userUpdate;
  #users = new Listing();
  #streams = new Listing();
  /** Muted streams of other rooms, of which only their mute state is heard. */
  #mutedElsewhere = new Set();

  /**
   * @param {string} me The client's own userID.
   * @param {boolean} userUpdate Whether users are wanted.
   */
  constructor(me, userUpdate) {
    this.#me = me;
    this.#userUpdate = userUpdate;
  }

  /** The other users, in the documented shape. */
  get users() {
    return [...this.#users.values()].map(copyUser);
  }

  /** Their streams, in the documented shape. */
  get streams() {
    return [...this.#streams.values()].map(copyStream);
  }

  /** Whether a stream of another user is muted, as far as the server said so. */
  isMuted(streamID) {
    return this.#streams.get(streamID)?.muted ?? this.#mutedElsewhere.has(streamID);
  }

  /**
   * Carries out events of the server: one that came, or all that were missed. Of the latter, what came and went in between does
   * not show.
   *
   * @param {any[]} events As `parseEvent` returns them; those that are not about users or streams are left alone.
   * @returns {Changes}
   */
  apply(events) {
    const notes = { reasons: new Map(), unlisted: 0, elsewhere: new Map() };
    for (const event of events) {
      this.#applyOne(event, notes);
    }
    return changes(this.#users.takeTouched(), this.#streams.takeTouched(), notes);
  }

  #applyOne(event, notes) {
    switch (event.kind) {
      case "roomUserUpdate":
        event.users.forEach((user) => this.#updateUser(event.update, user, notes));
        break;
      case "roomStreamUpdate":
        event.streams.forEach((stream) => this.#updateStream(event.update, stream, notes));
        event.reasons.forEach((reason, streamID) => notes.reasons.set(streamID, reason));
        break;
      case "streamExtraInfoUpdate":
        event.streams.forEach((stream) => this.#updateExtraInfo(stream, notes));
        break;
      case "streamMicUpdate":
        this.#updateMic(event, notes);
        break;
    }
  }

  #updateUser(update, user, notes) {
    if (!this.#userUpdate || user.userID === this.#me) {
      return;
    }
    if (update === "DELETE") {
      this.#users.remove(user.userID);
    } else {
      put(this.#users, user.userID, user, sameUser, notes);
    }
  }

  #updateStream(update, stream, notes) {
    if (stream.user.userID === this.#me) {
      return;
    }
    this.#mutedElsewhere.delete(stream.streamID);
    if (update === "DELETE") {
      this.#streams.remove(stream.streamID);
    } else {
      put(this.#streams, stream.streamID, stream, sameStream, notes);
    }
  }

  #updateExtraInfo({ streamID, extraInfo }, notes) {
    const stream = this.#streams.get(streamID);
    if (stream !== undefined) {
      put(this.#streams, streamID, { ...stream, extraInfo }, sameStream, notes);
    }
  }

  #updateMic({ streamID, muted }, notes) {
    const stream = this.#streams.get(streamID);
    if (stream !== undefined) {
      put(this.#streams, streamID, { ...stream, muted }, sameStream, notes);
      return;
    }
    notes.elsewhere.set(streamID, muted);
    if (!muted) {
      this.#mutedElsewhere.delete(streamID);
    } else if (this.#mutedElsewhere.size < MAX_LISTED) {
      this.#mutedElsewhere.add(streamID);
    } else {
      notes.unlisted += 1;
    }
  }

  /**
   * The whole state as the server has it.
   *
   * @param {{ users: any[], streams: any[] }} snapshot
   * @returns {Changes} What differs from what was known.
   */
  takeSnapshot({ users, streams }) {
    const fresh = new Roster(this.#me, this.#userUpdate);
    const { unlisted } = fresh.apply([
      { kind: "roomUserUpdate", update: "ADD", users },
      { kind: "roomStreamUpdate", update: "ADD", streams, reasons: new Map() },
    ]);
    const notes = { reasons: new Map(), unlisted, elsewhere: new Map() };
    const found = changes(
      { before: this.#users.entries(), after: fresh.#users.entries() },
      { before: this.#streams.entries(), after: fresh.#streams.entries() },
      notes,
    );
    this.#users = fresh.#users;
    this.#streams = fresh.#streams;
    this.#mutedElsewhere.clear();
    return found;
  }
}

function put(listing, key, item, isSame, notes) {
  const old = listing.get(key);
  if (!listing.put(key, item, old !== undefined && !isSame(old, item))) {
    notes.unlisted += 1;
  }
}

/**
 * What to tell of two views of a room: listener methods and their arguments, in the order in which to call them, and how many
 * items were beyond `MAX_LISTED`. What went is told before what came, and a stream never outlives its user.
 *
 * @typedef {{ tell: [string, ...any[]][], unlisted: number }} Changes
 */
function changes(userViews, streamViews, { reasons, unlisted, elsewhere }) {
  const users = difference(userViews, sameUser);
  const streams = difference(streamViews, sameStream);
  const other = (field) => streams.stayed.filter(([before, after]) => before[field] !== after[field]).map(([, after]) => after);
  const infos = [...streams.came.filter(({ extraInfo }) => extraInfo !== ""), ...other("extraInfo")];
  const mics = [...streams.came.filter(({ muted }) => muted), ...other("muted")];
  const lists = [
    ["onStreams", "DELETE", streams.gone.map(copyStream), deleteReasons(streams.gone, reasons)],
    ["onUsers", "DELETE", users.gone.map(copyUser)],
    ["onUsers", "ADD", users.came.map(copyUser)],
    ["onStreams", "ADD", streams.came.map(copyStream), ""],
  ];
  const tell = lists.filter(([, , items]) => items.length > 0);
  if (infos.length > 0) {
    tell.push(["onStreamExtraInfo", infos.map(copyStream)]);
  }
  mics.forEach(({ streamID, muted }) => tell.push(["onStreamMic", streamID, muted]));
  elsewhere.forEach((muted, streamID) => tell.push(["onStreamMic", streamID, muted]));
  return { tell, unlisted };
}

/** The documented JSON of a DELETE; a stream of whose end the server said nothing has code 0, "unknown". */
function deleteReasons(streams, reasons) {
  const reason = streams.map(({ streamID }) => {
    const code = DELETE_REASONS.indexOf(reasons.get(streamID)) + 1;
    return { stream_id: streamID, code, description: DESCRIPTIONS[code] };
  });
  return JSON.stringify({ stream_delete_reason: reason });
}
