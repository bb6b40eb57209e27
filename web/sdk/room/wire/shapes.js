import { STREAM_ID_MAX, USER_ID_MAX, isID } from "../../base/ids.js";

/** A value from the server that does not have the shape it must have. */
export class ShapeError extends Error {}

function wrong(what, value) {
  return new ShapeError(`${what} expected, not ${value === null ? "null" : typeof value}`);
}

/** A JSON object. */
export function object(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong("an object", value);
  }
  return value;
}

/** Any text. */
export function text(value) {
  if (typeof value !== "string") {
    throw wrong("a text", value);
  }
  return value;
}

/** `true` or `false`; `false` where it is left out. */
export function flag(value = false) {
  if (typeof value !== "boolean") {
    throw wrong("true or false", value);
  }
  return value;
}

/** An integer from 0 up: a duration, a time, a count. How large it may be is for the reader to bound. */
export function whole(value) {
  if (!Number.isInteger(value) || value < 0) {
    throw wrong("an integer from 0 up", value);
  }
  return value;
}

/** An integer from 0 to 2^53 - 1: an id, or the number of an event, which are compared one by one. */
export function exact(value) {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw wrong("an integer from 0 to 2^53 - 1", value);
  }
  return value;
}

/** An error code: any integer, so that codes of a newer server pass. */
export function code(value) {
  if (!Number.isSafeInteger(value)) {
    throw wrong("a code", value);
  }
  return value;
}

/** A finite number from 0 up. */
export function amount(value) {
  if (!Number.isFinite(value) || value < 0) {
    throw wrong("a number from 0 up", value);
  }
  return value;
}

/** A fraction, 0 to 1; more is all. */
export function fraction(value) {
  return Math.min(amount(value), 1);
}

/** A quality grade: -1 to 4. */
export function grade(value) {
  if (!Number.isInteger(value) || value < -1 || value > 4) {
    throw wrong("a grade from -1 to 4", value);
  }
  return value;
}

/** One of the words given. */
export function word(value, words) {
  if (!words.includes(value)) {
    throw wrong(words.join(" or "), value);
  }
  return value;
}

/** A list whose items are read by `item`. */
export function list(value, item) {
  if (!Array.isArray(value)) {
    throw wrong("a list", value);
  }
  return value.map((each) => item(each));
}

/** A userID by the documented rules. */
export function userID(value) {
  if (!isID(value, USER_ID_MAX)) {
    throw wrong("a user id", value);
  }
  return value;
}

/** A streamID by the documented rules. */
export function streamID(value) {
  if (!isID(value, STREAM_ID_MAX)) {
    throw wrong("a stream id", value);
  }
  return value;
}

/** A user, in its documented shape. */
export function user(value) {
  const { user_id, user_name } = object(value);
  return { userID: userID(user_id), userName: text(user_name) };
}

/** What is attached to a room, in its documented shape. */
export function roomInfo(value) {
  const { key, value: attached, update_user, update_time_ms } = object(value);
  return { key: text(key), value: text(attached), updateUser: user(update_user), updateTime: whole(update_time_ms) };
}

/** A stream as lists have it: its documented shape, and whether it is muted. */
export function listedStream(value) {
  const { stream_id, user: owner, extra_info, muted } = object(value);
  return { streamID: streamID(stream_id), user: user(owner), extraInfo: text(extra_info), muted: flag(muted) };
}
