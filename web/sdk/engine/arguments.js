import { byteLength } from "../base/bytes.js";
import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { checkRoomID, checkStreamID, checkUserID, checkUserName } from "../base/ids.js";
import { MAX_TOKEN } from "../room/wire/frames.js";

/**
 * Checks of arguments, in the documented order and with the documented codes.
 * @module
 */

/** Longest extraInfo of a stream, and longest message, in bytes. */
const TEXT_MAX = 1024;
/** Longest key and value of a room's extra info, in bytes. */
const ROOM_INFO_KEY_MAX = 128;
const ROOM_INFO_VALUE_MAX = 4096;
/** Most users of one custom command. */
const COMMAND_USERS_MAX = 500;

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function wrong(code, text) {
  return new ZegoError(code, text);
}

/**
 * @param {unknown} appID
 * @throws {ZegoError} 1101000
 */
export function requireAppID(appID) {
  if (Number.isInteger(appID) && appID >= 1 && appID < 2 ** 32) return;
  throw wrong(codes.INIT_SDK_WRONG, `the appID is ${appID}; give the number of your server's configuration, 1 to 4294967295`);
}

/**
 * Checks what `loginRoom` takes: roomID, token, user, userID, userName, maxMemberCount, loudestStreams.
 *
 * @returns {ZegoError | undefined}
 */
export function checkLogin(roomID, token, user, config) {
  const error = checkRoomID(roomID);
  if (error) return error;
  if (typeof token !== "string" || token === "") {
    return wrong(codes.INPUT_PARAM, "the token is empty or no text; get one from your business server");
  }
  if (!isObject(user)) return wrong(codes.INPUT_PARAM, "the user is no object; give {userID, userName}");
  return checkUserID(user.userID) ?? checkUserName(user.userName) ?? checkRoomConfig(config);
}

function checkRoomConfig(config) {
  if (config === undefined || config === null) return undefined;
  if (!isObject(config)) return wrong(codes.INPUT_PARAM, "the config is no object");
  const { userUpdate = false, maxMemberCount = 0, loudestStreams = 0 } = config;
  if (typeof userUpdate !== "boolean") return wrong(codes.INPUT_PARAM, "userUpdate is neither true nor false");
  if (!isCount(maxMemberCount)) {
    return wrong(codes.INPUT_PARAM, `maxMemberCount is ${maxMemberCount}; give a whole number, 0 for no limit`);
  }
  if (isCount(loudestStreams)) return undefined;
  return wrong(codes.INPUT_PARAM, `loudestStreams is ${loudestStreams}; give a whole number, 0 to hear every stream`);
}

function isCount(value) {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

/**
 * What can be seen of a token without its secret: version 04, padded base64, and no longer than a server takes.
 *
 * @param {unknown} token
 */
export function hasTokenForm(token) {
  if (typeof token !== "string" || token.length > MAX_TOKEN) return false;
  return /^04(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/.test(token);
}

/**
 * @param {unknown} streamID
 * @throws {ZegoError} 1000015, 1000014, 1000016
 */
export function requireStreamID(streamID) {
  const error = checkStreamID(streamID);
  if (error) throw error;
}

/**
 * @param {unknown} option Of `startPublishingStream`.
 * @returns {{extraInfo: string, dtx: boolean, roomID: string | undefined}}
 * @throws {ZegoError} 1103001, 1003051
 */
export function publishOptions(option) {
  if (option === undefined || option === null) return { extraInfo: "", dtx: false, roomID: undefined };
  if (!isObject(option)) throw wrong(codes.PUBLISHER_PARAM, "the option of startPublishingStream is no object");
  const { extraInfo = "", enableDTX = false, roomID } = option;
  if (typeof extraInfo !== "string") throw wrong(codes.PUBLISHER_PARAM, "extraInfo is no text");
  if (typeof enableDTX !== "boolean") throw wrong(codes.PUBLISHER_PARAM, "enableDTX is neither true nor false");
  if (roomID !== undefined && typeof roomID !== "string") throw wrong(codes.PUBLISHER_PARAM, "roomID is no text");
  requireExtraInfoLength(extraInfo);
  return { extraInfo, dtx: enableDTX, roomID };
}

function requireExtraInfoLength(extraInfo) {
  const bytes = byteLength(extraInfo);
  if (bytes <= TEXT_MAX) return;
  throw wrong(codes.PUBLISHER_EXTRA_INFO_TOO_LONG, `extraInfo has ${bytes} bytes; at most ${TEXT_MAX} are allowed`);
}

/**
 * @param {unknown} extraInfo Of `setStreamExtraInfo`.
 * @throws {ZegoError} 1003050, 1003051
 */
export function requireExtraInfo(extraInfo) {
  if (typeof extraInfo !== "string" || extraInfo === "") {
    throw wrong(codes.PUBLISHER_EXTRA_INFO_NULL, "extraInfo is empty or no text; give at least one character");
  }
  requireExtraInfoLength(extraInfo);
}

/**
 * @param {unknown} option Of `startPlayingStream`.
 * @returns {{jitterBufferTargetMs: number | undefined, lowLatency: boolean, loudest: number | undefined, roomID: string | undefined}}
 * @throws {ZegoError} 1104001
 */
export function playOptions(option) {
  if (option === undefined || option === null) return playOptions({});
  if (!isObject(option)) throw wrong(codes.PLAYER_PARAM, "the option of startPlayingStream is no object");
  const { jitterBufferTarget: target, enableLowLatency = false, loudest, roomID } = option;
  if (typeof enableLowLatency !== "boolean") throw wrong(codes.PLAYER_PARAM, "enableLowLatency is neither true nor false");
  if (target !== undefined && !(typeof target === "number" && target > 0 && target <= 4000)) {
    throw wrong(codes.PLAYER_PARAM, `jitterBufferTarget is ${target}; give more than 0 and at most 4000 ms`);
  }
  if (loudest !== undefined && !isCount(loudest)) {
    throw wrong(codes.PLAYER_PARAM, `loudest is ${loudest}; give a whole number, 0 to hear the stream always`);
  }
  if (roomID !== undefined && typeof roomID !== "string") throw wrong(codes.PLAYER_PARAM, "roomID is no text");
  return { jitterBufferTargetMs: enableLowLatency ? undefined : target, lowLatency: enableLowLatency, loudest, roomID };
}

/**
 * @param {unknown} key Of `setRoomExtraInfo`.
 * @param {unknown} value
 * @throws {ZegoError} 1002014, 1002015, 1100001, 1002016
 */
export function requireRoomInfo(key, value) {
  if (typeof key !== "string" || key === "") {
    throw wrong(codes.ROOM_EXTRA_INFO_KEY_EMPTY, "the key is empty or no text; give 1 to 128 bytes");
  }
  if (byteLength(key) > ROOM_INFO_KEY_MAX) {
    throw wrong(
      codes.ROOM_EXTRA_INFO_KEY_TOO_LONG,
      `the key has ${byteLength(key)} bytes; at most ${ROOM_INFO_KEY_MAX} are allowed`,
    );
  }
  if (typeof value !== "string") throw wrong(codes.INPUT_PARAM, "the value is no text");
  if (byteLength(value) > ROOM_INFO_VALUE_MAX) {
    const text = `the value has ${byteLength(value)} bytes; at most ${ROOM_INFO_VALUE_MAX} are allowed`;
    throw wrong(codes.ROOM_EXTRA_INFO_VALUE_TOO_LONG, text);
  }
}

/**
 * @param {unknown} message Of `sendBroadcastMessage` and `sendBarrageMessage`.
 * @throws {ZegoError} 1009001, 1009013
 */
export function requireMessage(message) {
  requireText(message, codes.IM_CONTENT_TOO_LONG, "the message");
}

function requireText(text, longCode, what) {
  if (typeof text !== "string" || text === "") {
    throw wrong(codes.IM_CONTENT_NULL, `${what} is empty or no text; give at least one character`);
  }
  const bytes = byteLength(text);
  if (bytes > TEXT_MAX) throw wrong(longCode, `${what} has ${bytes} bytes; at most ${TEXT_MAX} are allowed`);
}

/**
 * @param {unknown} command Of `sendCustomCommand`: a text, or an object that is sent as JSON.
 * @returns {string}
 * @throws {ZegoError} 1009001, 1009002
 */
export function commandText(command) {
  const text = isObject(command) ? JSON.stringify(command) : command;
  requireText(text, codes.IM_COMMAND_TOO_LONG, "the command");
  return text;
}

/**
 * @param {unknown} userIDs Of `sendCustomCommand`.
 * @throws {ZegoError} 1100001 for no list, more than 500, or an id that no user can have
 */
export function requireUserIDs(userIDs) {
  if (!Array.isArray(userIDs) || userIDs.length > COMMAND_USERS_MAX) {
    throw wrong(codes.INPUT_PARAM, `toUserIDList is no list of at most ${COMMAND_USERS_MAX} userIDs; [] means everybody else`);
  }
  for (const userID of userIDs) {
    const error = checkUserID(userID);
    if (error) throw wrong(codes.INPUT_PARAM, error.message);
  }
}

/**
 * @param {unknown} value
 * @param {string} what
 * @throws {ZegoError} 1100001
 */
export function requireBoolean(value, what) {
  if (typeof value !== "boolean") throw wrong(codes.INPUT_PARAM, `${what} is neither true nor false`);
}

/**
 * @param {unknown} option Of `enableAutoSwitchDevice`.
 * @returns {{microphone?: boolean}}
 * @throws {ZegoError} 1100001
 */
export function autoSwitchOption(option) {
  if (!isObject(option)) throw wrong(codes.INPUT_PARAM, "the option of enableAutoSwitchDevice is no object");
  const { microphone } = option;
  if (microphone !== undefined) requireBoolean(microphone, "microphone");
  return { microphone };
}

/**
 * @param {unknown} media Of `startMixingAudio` and `stopMixingAudio`.
 * @throws {ZegoError} 1100001
 */
export function requireMedia(media) {
  if (Array.isArray(media) && media.length > 0 && media.every(isObject)) return;
  throw wrong(codes.INPUT_PARAM, "give a list of media elements or MediaStreams");
}

/**
 * @param {unknown} volume Of `setMixingAudioVolume`.
 * @throws {ZegoError} 1100001
 */
export function requireMixVolume(volume) {
  if (typeof volume === "number" && volume >= 0 && volume <= 100) return;
  throw wrong(codes.INPUT_PARAM, `the volume is ${volume}; give 0 to 100, 100 is as loud as it is`);
}
