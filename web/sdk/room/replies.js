import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { loseSession } from "./attempts.js";
import { onHeartbeat, tokenExpires } from "./liveness.js";
import { sendToken } from "./session.js";
import { parseResult } from "./wire/results.js";

/** Texts to others: one that is sent again may arrive twice, so what became of a lost one is left to the program. */
const MESSAGES = ["sendBroadcastMessage", "sendBarrageMessage", "sendCustomCommand"];

/** @typedef {import("./state.js").RoomState} RoomState */
/** @typedef {import("./requests.js").Purpose} Purpose */

/** What whoever made a request is told whose link went before the reply came. */
export function lost({ type }) {
  if (MESSAGES.includes(type)) {
    const text = "the connection went before the server answered; it may have been sent or not";
    return new ZegoError(codes.IM_SEND_FAIL, text, null);
  }
  return away();
}

/** What whoever makes a request is told while there is no link. */
export function away() {
  return new ZegoError(codes.NETWORK_BROKEN, "the connection to the server is away; wait until the room is connected again");
}

/**
 * A request was answered.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {{ kind: "ok" | "error", id: number, ok?: unknown, error?: any }} frame
 */
export function onReply(room, now, frame) {
  const purpose = room.requests.take(frame.id);
  if (purpose === undefined) {
    room.count("strayReplies");
  } else if (frame.kind === "ok") {
    onOk(room, now, purpose, frame.ok);
  } else {
    onRefused(room, now, purpose, frame.error);
  }
}

function onOk(room, now, purpose, result) {
  const { type, streamID, token, ticket, info } = purpose;
  const ok = parseResult(type, result);
  room.held.side(type)?.accepted(streamID);
  if (type === "renewToken") {
    room.token.accepted(token);
  }
  if (type === "setRoomExtraInfo" && ticket !== undefined) {
    // What was set again is known for ours, unless something newer was told meanwhile.
    room.info.taken(info, ok?.updateTime);
    infoIsAnswered(room, ticket);
  }
  if (ok === undefined) {
    room.count("unreadableResults");
    const error = new ZegoError(codes.UNKNOWN_SERVER_ERROR, `the server's answer to ${type} cannot be read`, null);
    answer(room, ticket, { error });
  } else if (type === "heartbeat") {
    onHeartbeat(room, now, ok, purpose.due);
  } else if (type === "renewToken") {
    tokenExpires(room, now, ok.tokenExpiresInMs);
  } else {
    answer(room, ticket, { ok });
  }
}

function onRefused(room, now, purpose, { code, message, retryAfterMs }) {
  const { type, streamID, token, ticket } = purpose;
  room.held.side(type)?.refused(streamID);
  if (type === "renewToken") {
    room.token.refused(token);
  }
  if (type === "setRoomExtraInfo") {
    infoIsAnswered(room, ticket);
  }
  if (ticket === undefined) {
    room.count("refusedRequests");
  }
  answer(room, ticket, { error: new ZegoError(code, message, retryAfterMs) });
  if (code === codes.NETWORK_RECOVERY) {
    loseSession(room, now);
  }
}

/**
 * A request was not answered in time.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {Purpose} purpose
 */
export function unanswered(room, now, purpose) {
  room.count("unansweredRequests");
  if (purpose.type === "renewToken") {
    if (room.isAt("up") && room.token.isUnconfirmed) {
      sendToken(room, now);
    }
    return;
  }
  if (purpose.type === "setRoomExtraInfo") {
    infoIsAnswered(room, purpose.ticket);
  }
  const text = `the server did not answer ${purpose.type} within ${room.timings.requestMs / 1000} s`;
  const error = MESSAGES.includes(purpose.type) ? lost(purpose) : new ZegoError(codes.TIMEOUT, text);
  answer(room, purpose.ticket, { error });
}

/** The program may set it again; what the room itself sets has no ticket. */
function infoIsAnswered(room, ticket) {
  if (ticket !== undefined) {
    room.info.isAsked = false;
  }
}

/** Nobody waits for what the room itself asked. */
function answer(room, ticket, result) {
  if (ticket !== undefined) {
    room.push({ do: "answer", ticket, ...result });
  }
}
