import { ShapeError, exact, list, listedStream, object, roomInfo, streamID, text, user, userID, whole } from "./shapes.js";
import { parseEvent } from "./events.js";
import { iceServers } from "./ice-servers.js";

function snapshot(value) {
  const { seq, users, streams, extra_infos = [] } = object(value);
  return {
    seq: exact(seq),
    users: list(users, user),
    streams: list(streams, listedStream),
    extraInfos: list(extra_infos, roomInfo),
  };
}

/** What login and resume both say of the session that now stands. */
function terms(ok) {
  return {
    version: exact(ok.version),
    heartbeatMs: whole(ok.heartbeat_ms),
    heartbeatTimeoutMs: whole(ok.heartbeat_timeout_ms),
    tokenExpiresInMs: whole(ok.token_expires_in_ms),
    onlineCount: whole(ok.online_count),
    iceServers: iceServers(ok.ice_servers),
  };
}

const optional = (value, read) => (value === null || value === undefined ? null : read(value));

const sdp = (ok) => ({ answer: text(ok.answer) });

/** What the room itself asks for, in words of this SDK; what others ask for, in words of the wire. */
const RESULTS = new Map([
  [
    "login",
    (ok) => ({
      ...terms(ok),
      session: text(ok.session),
      secret: text(ok.secret),
      snapshot: snapshot(ok.snapshot),
      nodes: list(ok.nodes ?? [], text),
    }),
  ],
  [
    "resume",
    (ok) => ({
      ...terms(ok),
      missed: optional(ok.missed, (missed) => list(missed, parseEvent)),
      snapshot: optional(ok.snapshot, snapshot),
      messages: list(ok.messages ?? [], parseEvent),
      publishing: list(ok.publishing, streamID),
      playing: list(ok.playing, streamID),
    }),
  ],
  [
    "heartbeat",
    (ok) => ({
      seq: exact(ok.seq),
      heartbeatMs: whole(ok.heartbeat_ms),
      tokenExpiresInMs: whole(ok.token_expires_in_ms),
      onlineCount: whole(ok.online_count),
      iceServers: iceServers(ok.ice_servers),
    }),
  ],
  ["renewToken", (ok) => ({ tokenExpiresInMs: whole(ok.token_expires_in_ms) })],
  ["publish", sdp],
  ["play", (ok) => ({ ...sdp(ok), loudest: ok.loudest === undefined ? 0 : whole(ok.loudest) })],
  ["sendBroadcastMessage", (ok) => ({ message_id: exact(ok.message_id) })],
  ["sendBarrageMessage", (ok) => ({ message_id: text(ok.message_id) })],
  ["setRoomExtraInfo", (ok) => ({ updateTime: exact(ok.update_time_ms ?? 0) })],
  ["sendCustomCommand", (ok) => ({ absent: list(ok.absent, userID) })],
]);

/**
 * Reads the result of a request; fields that are not known are left out.
 *
 * @param {string} type The request's type. One without an entry has the empty result.
 * @param {unknown} ok
 * @returns {any} `undefined` for what does not have the shape of that result.
 */
export function parseResult(type, ok) {
  try {
    return (RESULTS.get(type) ?? (() => ({})))(object(ok));
  } catch (error) {
    if (error instanceof ShapeError) {
      return undefined;
    }
    throw error;
  }
}
