import { byteLength } from "./bytes.js";
import { codes } from "./codes.js";
import { ZegoError } from "./errors.js";

/** Longest roomID in bytes (documented limit). */
export const ROOM_ID_MAX = 128;
/** Longest userID in bytes (documented limit). */
export const USER_ID_MAX = 64;
/** Longest userName in bytes (documented limit). */
export const USER_NAME_MAX = 256;
/** Longest streamID in bytes (documented limit). */
export const STREAM_ID_MAX = 256;

/**
 * What the web SDK 3.12 takes in a roomID, userID or streamID: letters, digits and most ASCII marks, never `/`, `:`, space,
 * quotes, brackets, braces, `?` or `|`. All of them are one byte long.
 */
const ID = /^[0-9A-Za-z#!$%&()`'*+,\-.;<=>@^_~\\]+$/;

/**
 * Whether `value` is an id of at most `max` bytes, as every id is that a server sends.
 *
 * @param {unknown} value
 * @param {number} max
 * @returns {boolean}
 */
export function isID(value, max) {
  return typeof value === "string" && value.length <= max && ID.test(value);
}

/** The rules of one kind of id. Refused: nothing there, then too long, then a character, each with its code. */
function check(value, what, max, nullCode, longCode, characterCode) {
  if (typeof value !== "string" || value === "") {
    return new ZegoError(nullCode, `${what} is empty or no text; give a text of at least one character`);
  }
  const bytes = byteLength(value);
  if (bytes > max) {
    return new ZegoError(longCode, `${what} has ${bytes} bytes; at most ${max} are allowed`);
  }
  if (!isID(value, max)) {
    const wrong = [...value].find((character) => !ID.test(character));
    const text = `${what} holds ${JSON.stringify(wrong)}; use letters, digits and - _ . ~ # ! $ % & ( ) ' * + , ; < = > @ ^`;
    return new ZegoError(characterCode, text);
  }
  return undefined;
}

/**
 * Checks a roomID.
 *
 * @param {unknown} roomID
 * @returns {ZegoError | undefined} 1002011 when it is missing, empty or no text, 1002013 over 128 bytes, 1002012 for a
 *   character that is not allowed; `undefined` when it is fine.
 */
export function checkRoomID(roomID) {
  const { ROOM_ID_NULL, ROOM_ID_TOO_LONG, ROOM_ID_INVALID_CHARACTER } = codes;
  return check(roomID, "roomID", ROOM_ID_MAX, ROOM_ID_NULL, ROOM_ID_TOO_LONG, ROOM_ID_INVALID_CHARACTER);
}

/**
 * Checks a userID.
 *
 * @param {unknown} userID
 * @returns {ZegoError | undefined} 1002005 when it is missing, empty or no text, 1002007 over 64 bytes, 1002006 for a
 *   character that is not allowed; `undefined` when it is fine.
 */
export function checkUserID(userID) {
  const { USER_ID_NULL, USER_ID_TOO_LONG, USER_ID_INVALID_CHARACTER } = codes;
  return check(userID, "userID", USER_ID_MAX, USER_ID_NULL, USER_ID_TOO_LONG, USER_ID_INVALID_CHARACTER);
}

/**
 * Checks a streamID.
 *
 * @param {unknown} streamID
 * @returns {ZegoError | undefined} 1000015 when it is missing, empty or no text, 1000014 over 256 bytes, 1000016 for a
 *   character that is not allowed; `undefined` when it is fine.
 */
export function checkStreamID(streamID) {
  const { STREAM_ID_NULL, STREAM_ID_TOO_LONG, STREAM_ID_INVALID_CHARACTER } = codes;
  return check(streamID, "streamID", STREAM_ID_MAX, STREAM_ID_NULL, STREAM_ID_TOO_LONG, STREAM_ID_INVALID_CHARACTER);
}

/**
 * Checks a userName. It may hold any text, and may be left out or empty: the userID is shown then.
 *
 * @param {unknown} userName
 * @returns {ZegoError | undefined} 1100001 for what is no text, 1002010 over 256 bytes; `undefined` when it is fine.
 */
export function checkUserName(userName) {
  if (userName === undefined || userName === null) {
    return undefined;
  }
  if (typeof userName !== "string") {
    return new ZegoError(codes.INPUT_PARAM, "userName is no text; give a text or leave it out");
  }
  const bytes = byteLength(userName);
  if (bytes > USER_NAME_MAX) {
    return new ZegoError(codes.USER_NAME_TOO_LONG, `userName has ${bytes} bytes; at most ${USER_NAME_MAX} are allowed`);
  }
  return undefined;
}
