/** Errors in words: what is wrong and what to do, for the codes that people meet. */

import { codeName } from "../../sdk/base/codes.js";

const NEW_TOKEN = "Get a new token for exactly this user and AppID, then join again.";
const PICK_DEVICE = "Plug it in again or choose another one.";
const WAIT = "Nothing: the page tries again by itself. If it lasts, check the network and whether the server runs.";
const SHORTER = "Shorten it.";
const ALLOWED = "Use letters, digits and - _ . only.";

/** By the documented name of the code: [what is wrong, what to do]. */
const WORDS = Object.freeze({
  NOT_LOGIN: ["You are not in a room.", "Join a room first."],
  STREAM_ID_TOO_LONG: ["The stream ID is too long.", SHORTER],
  STREAM_ID_NULL: ["The stream ID is missing.", "Type one."],
  STREAM_ID_INVALID_CHARACTER: ["The stream ID has a character that is not allowed.", ALLOWED],
  NETWORK_BROKEN: ["The connection to the server is lost.", WAIT],
  APPID_INVALID: ["The server does not know this AppID.", "Ask who runs the server for the AppID, and type it in."],
  INIT_SDK_WRONG: [
    "The AppID is missing, or not a number from 1 to 4294967295.",
    "Ask who runs the server for the AppID, and type it in.",
  ],
  ROOM_COUNT_EXCEED: ["You are in a room already.", "Leave it first."],
  USER_ID_NULL: ["The user ID is missing.", "Type one."],
  USER_ID_INVALID_CHARACTER: ["The user ID has a character that is not allowed.", ALLOWED],
  USER_ID_TOO_LONG: ["The user ID is longer than 64 bytes.", SHORTER],
  USER_NAME_TOO_LONG: ["The name is longer than 256 bytes.", SHORTER],
  ROOM_ID_NULL: ["The room is missing.", "Type one."],
  ROOM_ID_INVALID_CHARACTER: ["The room has a character that is not allowed.", ALLOWED],
  ROOM_ID_TOO_LONG: ["The room is longer than 128 bytes.", SHORTER],
  LOGIN_TIMEOUT: ["The server could not be reached.", "Check the server address and whether the server runs, then join again."],
  ROOM_MAX_USER_COUNT: ["The room is full.", "Wait until somebody leaves, or join another room."],
  MULTIPLE_LOGIN_KICKOUT: [
    "This user logged in somewhere else, so this page was logged out.",
    "Use another user ID here, or leave there.",
  ],
  NETWORK_RECOVERY: ["The server lost this session.", WAIT],
  ROOM_RETRY_TIMEOUT: ["The connection was lost and did not come back in time.", "Check the network, then join again."],
  MANUAL_KICKOUT: ["You were removed from the room.", "Ask who runs the room."],
  FORBID_BLACK_USER: ["This user is banned.", "Ask who runs the room."],
  ROOM_RATE_LIMIT: ["Too many joined this room in the same second.", "Wait a second, then try again."],
  NO_PUBLISH_AUTH: ["The token does not permit publishing this stream.", "Get a token that permits it."],
  HEARTBEAT_TIMEOUT: ["The server does not answer.", WAIT],
  LOGIN_PROCESSING: ["Joining is still under way.", "Wait for it, or leave."],
  TOKEN_ERROR: ["The server does not accept the token: it is for another user, room or AppID, or damaged.", NEW_TOKEN],
  TOKEN_EXPIRED: ["The token is too old.", NEW_TOKEN],
  PUBLISHER_DUPLICATE_STREAMID: ["Another user publishes a stream of this ID.", "Choose another stream ID."],
  PUBLISHER_EXTRA_INFO_TOO_LONG: ["The extra info is longer than 1024 bytes.", SHORTER],
  PUBLISHER_MEDIA_CONNECTION_ERROR: [
    "The sound connection to the server failed.",
    "Check that the server's media port can be reached (UDP), and its public address.",
  ],
  DEVICE_NOT_FOUND: ["There is no such device.", PICK_DEVICE],
  PUBLISHER_RETRY_TIMEOUT: ["Sending sound failed for too long.", "Check the network, then publish again."],
  PUBLISHER_HTTPS_REQUIRED: [
    "The browser gives the microphone to secure pages only.",
    "Open this page over https, or on localhost.",
  ],
  PUBLISHER_STREAM_NO_FOUND: ["This stream is not published.", "Publish it first."],
  PUBLISHER_IS_PUBLISHING: ["This stream is published already.", "Choose another stream ID, or stop it first."],
  PUBLISHER_GET_USER_MEDIA_FAIL: ["The microphone could not be opened.", PICK_DEVICE],
  DEVICE_NO_ALLOWED: [
    "The browser was not permitted to use the microphone.",
    "Permit it in the browser's address bar, then try again.",
  ],
  DEVICE_NO_READABLE: ["The microphone is in use by another program.", "Close that program, or choose another microphone."],
  DEVICE_OVER_CONSTRAINED: ["The microphone cannot do what was asked for, or is gone.", PICK_DEVICE],
  SET_AUDIO_OUTPUT_ERROR: ["This speaker cannot be used.", "Choose another one. Some browsers only offer the default speaker."],
  PUBLISH_NO_CAPTURE: ["The microphone is not running.", "Start the preview, then publish."],
  PLAYER_STREAM_INTERRUPTED: ["The stream broke off.", WAIT],
  PLAYER_MEDIA_CONNECTION_ERROR: [
    "The sound connection to the server failed.",
    "Check that the server's media port can be reached (UDP), and its public address.",
  ],
  PLAYER_RETRY_TIMEOUT: ["Receiving the stream failed for too long.", "Check the network, then play it again."],
  PLAYER_STREAM_NOT_EXIST: ["Nobody publishes this stream.", "Check the stream ID, or wait for its publisher."],
  PLAYER_STREAM_OUT_LIMIT: ["No more streams can be played at the same time.", "Stop one, then play this one."],
  REPEATED_PULL: ["This stream is played already.", "Nothing, or stop it first."],
  IM_CONTENT_NULL: ["The message is empty.", "Type something."],
  IM_COMMAND_TOO_LONG: ["The command is longer than 1024 bytes.", SHORTER],
  IM_SEND_FAIL: ["The message may not have arrived.", "Send it again if it matters."],
  IM_CONTENT_TOO_LONG: ["The message is longer than 1024 bytes.", SHORTER],
  IM_BROADCAST_QPS: ["Too many messages in a second.", "Wait a second, then send it again."],
  IM_TRANS_FREQUENTLY: ["Too many commands in a second.", "Wait a second, then send it again."],
  DEVICE_UNPLUGGED: ["A device was unplugged.", PICK_DEVICE],
});

/**
 * @typedef {object} Problem
 * @property {string} what What happened, for example "Could not join the room".
 * @property {string} why In words.
 * @property {string} advice What to do; may be empty.
 * @property {string} code Number and documented name, or empty where there is no code.
 * @property {number | null} number The code alone; `null` where there is none.
 */

/**
 * Puts an error in words.
 *
 * @param {string} what What happened, for example "Could not join the room".
 * @param {unknown} error What was thrown: a failure of the engine in any documented shape, or anything else.
 * @returns {Problem}
 */
export function explain(what, error) {
  const code = error?.code ?? error?.errorCode;
  const text = [error?.message, error?.msg, error?.extendedData].find((part) => typeof part === "string" && part !== "");
  if (!Number.isInteger(code)) return { what, why: text ?? String(error), advice: "", code: "", number: null };
  const name = codeName(code);
  const [why, advice] = WORDS[name] ?? [text ?? "The engine gave no reason.", ""];
  return { what, why, advice, code: name ? `${code} ${name}` : String(code), number: code };
}
