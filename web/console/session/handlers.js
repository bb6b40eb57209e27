/** What each event of the engine changes, by its documented name. Every one is logged; some change nothing else. */

import { nameOf } from "../model/conversation.js";

const onlyLogged = () => {};
const COARSE = { LOGINING: "CONNECTING", RECONNECTING: "CONNECTING", LOGINED: "CONNECTED", RECONNECTED: "CONNECTED" };

/** @type {Readonly<Record<string, (session: import("./session.js").Session, ...args: any[]) => void>>} */
export const HANDLERS = Object.freeze({
  roomStateChanged(session, roomID, reason, code, extendedData) {
    const state = COARSE[reason] ?? "DISCONNECTED";
    session.room = { ...session.room, roomID, reason, code, state };
    if (reason === "KICKOUT" || reason === "RECONNECT_FAILED") reportEnd(session, { code, extendedData });
    if (state === "DISCONNECTED" || reason === "LOGINING") session.forgetRoom();
    else session.tell("room");
  },

  roomUserUpdate(session, _, type, list) {
    session.roster.updateUsers(type, list);
    session.tell("people");
  },

  roomStreamUpdate(session, _, type, list) {
    session.roster.updateStreams(type, list);
    session.playback.streamsChanged(type, list);
    session.tell("people");
    session.tell("streams");
  },

  streamExtraInfoUpdate(session, _, list) {
    session.roster.updateExtraInfo(list);
    session.tell("streams");
  },

  roomOnlineUserCountUpdate(session, _, count) {
    session.roster.online = count;
    session.tell("people");
  },

  remoteMicStatusUpdate(session, streamID, status) {
    session.roster.updateMic(streamID, status);
    session.tell("people");
    session.tell("streams");
  },

  networkQuality(session, userID, up, down) {
    session.roster.updateQuality(userID, up, down);
    session.tell("people");
  },

  tokenWillExpire(session, _, seconds) {
    session.tokenEnds = Number.isFinite(seconds) ? seconds : 30;
    session.tell("token");
  },

  publisherStateUpdate(session, state) {
    session.capture.stateChanged(state);
  },

  playerStateUpdate(session, state) {
    session.playback.stateChanged(state);
  },

  publishQualityUpdate(session, streamID, stats) {
    session.capture.measured(streamID, stats);
    session.tell("stats");
  },

  playQualityUpdate(session, streamID, stats) {
    session.playback.measured(streamID, stats);
    session.tell("stats");
  },

  exceptionUpdate(session, streamID, detail) {
    const { capture, playback } = session;
    const trouble = streamID === capture.published.streamID ? capture.trouble : playback.players.get(streamID)?.trouble;
    trouble?.note(detail);
    session.tell("streams");
  },

  capturedSoundLevelUpdate(session, level) {
    session.capture.level = level;
    session.tell("levels");
  },

  soundLevelUpdate(session, list) {
    session.playback.levels(list);
    session.tell("levels");
  },

  IMRecvBroadcastMessage: received("broadcast"),
  IMRecvBarrageMessage: received("barrage"),

  IMRecvCustomCommand(session, _, fromUser, command) {
    addMessage(session, "command", fromUser, command, session.now());
  },

  audioDeviceStateChanged(session) {
    session.tell("devices");
  },

  deviceError(session, code, deviceName) {
    session.report(deviceName ? `Trouble with ${deviceName}` : "Trouble with a device", { code });
    session.tell("devices");
  },

  roomStateUpdate: onlyLogged,
  playerAudioTrackUpdate: onlyLogged,
  roomExtraInfoUpdate: onlyLogged,
  recvRoomTransparentMessage: onlyLogged,
  recvExperimentalAPI: onlyLogged,
});

/** The room's streams ended with the same code just before; the room's end says it all. */
function reportEnd(session, error) {
  session.problems = session.problems.filter(({ number }) => number !== error.code);
  session.report("Out of the room", error);
}

function received(kind) {
  return (session, _, list) => {
    for (const { fromUser, message, sendTime } of list) addMessage(session, kind, fromUser, message, sendTime);
  };
}

function addMessage(session, kind, fromUser, text, time) {
  session.conversation.add({ kind, from: nameOf(fromUser), own: false, text, time, note: "" });
  session.tell("messages");
}
