import { forgetSession, isCurrent, loseLink, failAttempt, reconnect } from "./attempts.js";
import { watchLink } from "./liveness.js";
import { isBeside, onBesideData, onNodeLeaving } from "./moving.js";
import { onReply } from "./replies.js";
import { onAskedFrame, onLeavingFrame, unreadableAnswer } from "./session.js";
import { parseFrame } from "./wire/frames.js";

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * The socket brought something.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {number} link
 * @param {unknown} data
 */
export function onData(room, now, link, data) {
  if (isBeside(room, link)) {
    onBesideData(room, now, data);
    return;
  }
  if (!isCurrent(room, link)) {
    return;
  }
  const frame = parseFrame(data);
  if (frame === undefined) {
    onUnreadable(room, now);
    return;
  }
  switch (room.phase.at) {
    case "up":
      watchLink(room, now);
      return onFrame(room, now, frame);
    case "asking":
      return onAskedFrame(room, now, frame);
    case "leaving":
      return onLeavingFrame(room, frame);
    case "opening":
      return room.count("earlyFrames");
  }
}

/** The other side does not speak the protocol: the link is dropped, a resume brings what the frame may have meant. */
function onUnreadable(room, now) {
  room.count("unreadableFrames");
  switch (room.phase.at) {
    case "up":
      return loseLink(room, now);
    case "asking":
      return unreadableAnswer(room, now);
    case "opening":
      return failAttempt(room, now);
    case "leaving":
      return room.end();
  }
}

function onFrame(room, now, frame) {
  switch (frame.kind) {
    case "event":
      return onSequenced(room, now, frame);
    case "notice":
      return onNotice(room, frame.notice);
    default:
      return onReply(room, now, frame);
  }
}

function onSequenced(room, now, { seq, event }) {
  const { session } = room;
  if (event.kind === "kickOut") {
    onKickOut(room, now, event);
  } else if (seq <= session.lastSeq) {
    room.count("repeatedEvents");
  } else if (seq !== session.lastSeq + 1) {
    room.count("gaps");
    loseLink(room, now);
  } else {
    session.lastSeq = seq;
    onEvent(room, now, event);
  }
}

/** Carries out an event, live or missed. */
export function onEvent(room, now, event) {
  switch (event.kind) {
    case "roomUserUpdate":
    case "roomStreamUpdate":
    case "streamExtraInfoUpdate":
    case "streamMicUpdate":
      return tellChanges(room, room.roster.apply([event]));
    case "kickOut":
      return onKickOut(room, now, event);
    case "streamEnded":
      return onStreamEnded(room, event);
    case "roomExtraInfoUpdate":
      return tellList(
        room,
        "onRoomInfo",
        event.infos.filter((info) => room.info.update(info)),
      );
    case "broadcastMessage":
      return tellList(room, "onBroadcast", event.messages);
    case "customCommand":
      return room.tell("onCommand", event.fromUser, event.command);
    case "nodeLeaving":
      return onNodeLeaving(room, now, event.nodes);
    default:
      return room.count("unknownEvents");
  }
}

function onNotice(room, notice) {
  switch (notice.kind) {
    case "barrageMessage":
      return tellList(room, "onBarrage", notice.messages);
    case "networkQuality":
      return tellList(room, "onQuality", notice.users);
    case "listenerReport":
      return tellList(room, "onListeners", notice.streams);
    case "publisherReport":
      return tellList(room, "onUplinks", notice.streams);
    case "streamProtection":
      return tellList(room, "onProtection", notice.streams);
    default:
      return room.count("unknownNotices");
  }
}

function tellList(room, event, items) {
  if (items.length > 0) {
    room.tell(event, items);
  }
}

function onStreamEnded(room, { streamID, role, code, message }) {
  const side = room.held.side(role);
  // An offer that is out is younger than this news, which crossed it: it asks for the stream anew.
  if (room.requests.find(role, streamID)) {
    side.lost(streamID);
  } else {
    side.stopped(streamID);
  }
  room.tell("onStreamEnded", { streamID, role, code, message });
}

function onKickOut(room, now, { code, message, needRelogin }) {
  if (!needRelogin) {
    room.kickOut(code, message);
    return;
  }
  forgetSession(room);
  reconnect(room, now, room.report.reloginWanted(now, room.timings.reconnectingDebounceMs));
}

/** Tells what changed in the room. */
export function tellChanges(room, { tell, unlisted }) {
  if (unlisted > 0) {
    room.count("unlisted", unlisted);
  }
  tell.forEach(([event, ...args]) => room.tell(event, ...args));
}
