import { ShapeError, amount, code, exact, flag, fraction, grade, list, listedStream } from "./shapes.js";
import { object, roomInfo, streamID, text, user, userID, whole, word } from "./shapes.js";

/** Why a stream went: the words of the wire; their place + 1 is the documented number. */
export const DELETE_REASONS = Object.freeze([
  "stopped",
  "heartbeat_timeout",
  "repeat_login",
  "kicked_out",
  "offline",
  "removed_by_server",
]);

const update = (value) => word(value, ["ADD", "DELETE"]);

/** A newer server may have reasons that this version has no word for; the event itself still counts. */
function reasons(value = []) {
  const known = new Map();
  for (const reason of list(value, (each) => each)) {
    if (DELETE_REASONS.includes(reason?.reason) && typeof reason.stream_id === "string") {
      known.set(reason.stream_id, reason.reason);
    }
  }
  return known;
}

function message(value, id) {
  const { from_user, message, message_id, send_time_ms } = object(value);
  return { fromUser: user(from_user), message: text(message), sendTime: whole(send_time_ms), messageID: id(message_id) };
}

const EVENTS = new Map([
  ["roomUserUpdate", (fields) => ({ update: update(fields.update), users: list(fields.users, user) })],
  [
    "roomStreamUpdate",
    (fields) => ({
      update: update(fields.update),
      streams: list(fields.streams, listedStream),
      reasons: reasons(fields.reasons),
    }),
  ],
  ["kickOut", (fields) => ({ code: code(fields.code), message: text(fields.message), needRelogin: flag(fields.need_relogin) })],
  [
    "streamEnded",
    (fields) => ({
      streamID: streamID(fields.stream_id),
      role: word(fields.role, ["publish", "play"]),
      code: code(fields.code),
      message: text(fields.message),
    }),
  ],
  ["streamMicUpdate", (fields) => ({ streamID: streamID(fields.stream_id), muted: wanted(fields.muted) })],
  ["streamExtraInfoUpdate", (fields) => ({ streams: list(fields.streams, listedStream) })],
  ["roomExtraInfoUpdate", (fields) => ({ infos: list(fields.infos, roomInfo) })],
  ["broadcastMessage", (fields) => ({ messages: list(fields.messages, (each) => message(each, exact)) })],
  ["customCommand", (fields) => ({ fromUser: user(fields.from_user), command: text(fields.command) })],
  ["nodeLeaving", (fields) => ({ nodes: list(fields.nodes, text) })],
]);

const NOTICES = new Map([
  ["barrageMessage", (fields) => ({ messages: list(fields.messages, (each) => message(each, text)) })],
  ["networkQuality", (fields) => ({ users: list(fields.users, quality) })],
  ["listenerReport", (fields) => ({ streams: list(fields.streams, listeners) })],
  ["publisherReport", (fields) => ({ streams: list(fields.streams, uplink) })],
  ["streamProtection", (fields) => ({ streams: list(fields.streams, protection) })],
]);

/** What may be unknown. */
const known = (value, read) => (value === undefined || value === null ? null : read(value));

function listeners(value) {
  const fields = object(value);
  const report = {
    listeners: whole(fields.listeners),
    lossWorst: known(fields.loss_worst, fraction),
    lossMedian: known(fields.loss_median, fraction),
    burstWorst: known(fields.burst_worst, amount),
    burstMedian: known(fields.burst_median, amount),
    rttMedianMs: known(fields.rtt_median_ms, whole),
    uplinkLoss: known(fields.uplink_loss, fraction),
    uplinkBurst: known(fields.uplink_burst, amount),
    // A server of before there were copies makes none.
    copying: whole(fields.copying ?? 0),
  };
  return { streamID: streamID(fields.stream_id), report };
}

function uplink(value) {
  const fields = object(value);
  const report = { rttMs: known(fields.rtt_ms, whole), loss: fraction(fields.loss), jitterMs: whole(fields.jitter_ms) };
  return { streamID: streamID(fields.stream_id), report };
}

/** Farther back no copy is made. */
const DISTANCE_MAX = 16;

function distance(value) {
  if (!Number.isInteger(value) || value < 1 || value > DISTANCE_MAX) {
    throw new ShapeError(`a distance from 1 to ${DISTANCE_MAX} packets expected, not ${JSON.stringify(value)}`);
  }
  return value;
}

function protection(value) {
  const fields = object(value);
  return { streamID: streamID(fields.stream_id), copies: list(fields.copies, distance) };
}

function quality(value) {
  const { user_id, up, down } = object(value);
  return { userID: userID(user_id), up: grade(up), down: grade(down) };
}

/** A flag that may not be left out. */
function wanted(value) {
  if (value === undefined) {
    throw new ShapeError("true or false expected, not undefined");
  }
  return flag(value);
}

/**
 * Reads an event and its number.
 *
 * @param {any} value The frame, or an item of `missed`.
 * @returns {{ seq: number, event: { kind: string } & Record<string, any> }} `kind` is the event's word, or `"unknown"`.
 * @throws {ShapeError} for what is no event.
 */
export function parseEvent(value) {
  const { seq, event } = object(value);
  return { seq: exact(seq), event: byWord(EVENTS, text(event), value) };
}

/**
 * Reads a notice.
 *
 * @param {any} value The frame.
 * @returns {{ kind: string } & Record<string, any>} `kind` is the notice's word, or `"unknown"`.
 * @throws {ShapeError} for what is no notice.
 */
export function parseNotice(value) {
  return byWord(NOTICES, text(value.notice), value);
}

function byWord(readers, kind, fields) {
  const read = readers.get(kind);
  return read === undefined ? { kind: "unknown" } : { kind, ...read(fields) };
}
