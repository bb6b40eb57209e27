import { loseLink } from "./attempts.js";
import { after } from "./timers.js";

/** Heartbeats are not sent more often than this, whatever a server says (documented floor). */
const SHORTEST_HEARTBEAT_MS = 3_000;
const LONGEST_HEARTBEAT_MS = 3_600_000;
/** How long an event that the server says it sent may still be under way. */
const GAP_GRACE_MS = 5_000;

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * A frame came: the silence of the link starts again. How long it may last is asked only when the server was asked for a sign of
 * life: a hidden page's timers may sleep for a minute, and its own sleep is no silence of the server.
 *
 * @param {RoomState} room
 */
export function watchLink(room, now) {
  room.timers.set("ping", after(now, room.timings.linkPingMs));
  room.timers.clear("linkDead");
}

/** The link was silent: asks for a sign of life. A page cannot send WebSocket pings, so a heartbeat serves. */
export function probe(room, now) {
  if (room.requests.find("heartbeat") === undefined) {
    room.request(now, {}, { type: "heartbeat", due: false });
  }
  room.timers.set("linkDead", after(now, Math.max(0, room.timings.linkTimeoutMs - room.timings.linkPingMs)));
}

/** The heartbeat of the session is due. One that is out as a probe serves as well. */
export function beat(room, now) {
  const out = room.requests.find("heartbeat");
  if (out === undefined) {
    room.request(now, {}, { type: "heartbeat", due: true });
  } else {
    out.due = true;
  }
  room.timers.set("heartbeat", after(now, room.heartbeatMs));
}

/** A heartbeat was answered. What is told of it keeps the rhythm of those that were due. */
export function onHeartbeat(room, now, ok, wasDue) {
  setHeartbeat(room, ok.heartbeatMs);
  if (ok.iceServers.length > 0) {
    room.iceServers = ok.iceServers;
  }
  room.timers.set("heartbeatTimeout", after(now, room.heartbeatTimeoutMs));
  tokenExpires(room, now, ok.tokenExpiresInMs);
  announce(room, now, ok.seq);
  if (wasDue) {
    room.timers.set("heartbeat", after(now, room.heartbeatMs));
    tellOnlineCount(room, ok.onlineCount);
  }
}

/** The session stands on this link: it is watched and kept alive on the server's terms. */
export function startLife(room, now, terms) {
  watchLink(room, now);
  setHeartbeat(room, terms.heartbeatMs);
  const timeoutMs = terms.heartbeatTimeoutMs || room.timings.heartbeatTimeoutMs;
  room.heartbeatTimeoutMs = Math.max(timeoutMs, 2 * room.heartbeatMs);
  room.timers.set("heartbeat", after(now, room.heartbeatMs * room.env.random()));
  room.timers.set("heartbeatTimeout", after(now, room.heartbeatTimeoutMs));
  tokenExpires(room, now, terms.tokenExpiresInMs);
}

/** A server that has no opinion says 0. */
function setHeartbeat(room, intervalMs) {
  const wanted = intervalMs || room.timings.heartbeatMs;
  room.heartbeatMs = Math.min(LONGEST_HEARTBEAT_MS, Math.max(SHORTEST_HEARTBEAT_MS, wanted));
}

/** What is left of the life of the token in force; its end is announced in time. */
export function tokenExpires(room, now, leftMs) {
  const at = room.token.expires(now, leftMs, room.timings.tokenWarningMs);
  if (at === undefined) {
    room.timers.clear("tokenWarning");
  } else {
    room.timers.set("tokenWarning", at);
  }
}

/** Tells how many are in the room, if the server says so. */
export function tellOnlineCount(room, count) {
  if (count !== 0) {
    room.tell("onOnlineCount", count);
  }
}

/** The server said that it sent events up to `seq`; they are there, or come soon, or are lost. */
function announce(room, now, seq) {
  room.announcedSeq = Math.max(room.announcedSeq, seq);
  if (room.session.lastSeq < seq) {
    room.timers.set("gapCheck", after(now, GAP_GRACE_MS));
  }
}

/** The events that the server said it sent are there by now, or lost. */
export function checkGap(room, now) {
  if (room.session.lastSeq < room.announcedSeq) {
    room.count("gaps");
    loseLink(room, now);
  }
}
