import { byteLength } from "../base/bytes.js";
import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { hasMoved } from "./moving.js";
import { away } from "./replies.js";
import { sendToken } from "./session.js";
import { after } from "./timers.js";
import { MAX_CLIENT_FRAME, MAX_EXTRA_INFO, MAX_SDP, MAX_TOKEN } from "./wire/frames.js";

/** How long a logout waits for the server. */
const LEAVE_MS = 1_000;

/** The requests that end a role's stream. */
const ENDS = new Map([
  ["unpublish", "publish"],
  ["stopPlay", "play"],
]);

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * Leaves the room. LOGOUT is told at once; the server is told within a second, as far as there is a way to it.
 *
 * @param {RoomState} room
 */
export function logout(room, now) {
  if (room.isAt("leaving") || room.isAt("over")) {
    return;
  }
  room.tellState(room.report.loggedOut());
  room.dropRequests();
  room.timers.clearAll();
  const leaving = leave(room);
  if (leaving === undefined) {
    room.end();
    return;
  }
  room.timers.set("leave", after(now, LEAVE_MS));
  room.phase = { at: "leaving", ...leaving };
}

/** How the server is told; nothing where nothing of this login is there, or nothing leads there. */
function leave(room) {
  switch (room.phase.at) {
    case "up":
      return { step: "told", id: room.send("logout", {}) };
    case "asking":
      return { step: "asking", id: room.phase.id };
    case "opening":
      return room.session === null ? undefined : { step: "opening" };
    default:
      return undefined;
  }
}

/**
 * Ends at once and tells nobody but the server, as far as the socket takes it.
 *
 * @param {RoomState} room
 */
export function stop(room) {
  if (room.isAt("up") || room.isAt("asking")) {
    room.send("logout", {});
  }
  room.end();
}

/**
 * Takes a new token: sent at once when logged in, else kept for the next login or resume.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {string} token
 * @throws {ZegoError} 1100001 for a token that is empty or longer than a server takes; 1000002 after the end.
 */
export function renewToken(room, now, token) {
  const bytes = byteLength(token);
  if (bytes === 0 || bytes > MAX_TOKEN) {
    throw new ZegoError(codes.INPUT_PARAM, `the token has ${bytes} bytes; give 1 to ${MAX_TOKEN}`);
  }
  if (room.isAt("leaving") || room.isAt("over")) {
    throw new ZegoError(codes.NOT_LOGIN, "the room was left; log in again with the new token");
  }
  if (room.token.renew(token) && room.isAt("up")) {
    sendToken(room, now);
  }
}

/**
 * Sends a request that somebody waits for; nothing is queued while the link is away. That a stream is wanted no more is
 * remembered even then, and told when the session is taken up again.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {number} ticket Names whoever waits.
 * @param {string} type
 * @param {Record<string, any>} fields
 */
export function request(room, now, ticket, type, fields) {
  const streamID = fields.stream_id;
  room.held.side(ENDS.get(type))?.stopped(streamID);
  const error = tooLong(type, fields) ?? (room.isAt("up") && !hasMoved(room) ? underWay(room, type) : away());
  if (error !== undefined) {
    room.push({ do: "answer", ticket, error });
    return;
  }
  const isInfo = type === "setRoomExtraInfo";
  room.request(now, fields, { type, ticket, streamID, ...(isInfo && { info: fields }) });
  room.held.side(type)?.asked(streamID);
  if (isInfo) {
    room.info.asked(fields);
  }
}

/** Of a room's extra info one call at a time may be under way, as documented. */
function underWay(room, type) {
  if (type !== "setRoomExtraInfo" || !room.info.isAsked) {
    return undefined;
  }
  return new ZegoError(codes.TRANS_FREQUENTLY, "the room's extra info is being set; wait for that call", null);
}

function tooLong(type, fields) {
  const { offer = "", extra_info = "" } = fields;
  const parameter = type === "play" ? codes.PLAYER_PARAM : codes.PUBLISHER_PARAM;
  return (
    longer("the SDP offer", byteLength(offer), MAX_SDP, parameter) ??
    longer("extraInfo", byteLength(extra_info), MAX_EXTRA_INFO, codes.PUBLISHER_EXTRA_INFO_TOO_LONG) ??
    longer("the request", byteLength(JSON.stringify(fields)), MAX_CLIENT_FRAME - 256, codes.INPUT_PARAM)
  );
}

function longer(what, bytes, max, code) {
  return bytes > max ? new ZegoError(code, `${what} has ${bytes} bytes; at most ${max} are allowed`, null) : undefined;
}
