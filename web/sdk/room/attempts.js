import { MOVE_LOOK_MS, NODE_MS, hasMoved, isBeside, moved, onBesideClosed } from "./moving.js";
import { MAX_NODE_HOPS } from "./nodes.js";
import { SHORTEST_WAIT_MS } from "./retry.js";
import { after } from "./timers.js";

/** So many failed attempts are made although the system says that it has no network; then the network is waited for. */
const TRIES_OFFLINE = 3;
/** A server on this machine is reached without a network. */
const LOOPBACK = /^wss?:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?:[:/]|$)/;

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * Begins an attempt. Without a session to take up, this is a relogin, which others may notice: it is told.
 *
 * @param {RoomState} room
 */
export function attempt(room, now) {
  if (room.moving !== undefined) {
    // Two logins at a time would end each other.
    wait(room, now, MOVE_LOOK_MS);
    return;
  }
  if (room.session === null && room.report.completed) {
    room.tellState(room.report.sessionLost());
  }
  const url = server(room);
  // Another node of the cloud does not know the session. What else is another address may lead to the same server.
  const canResume = room.session !== null && (room.session.home === url || !room.nodes.isMember(url));
  attemptAt(room, now, url, canResume ? "resume" : "login", 0);
}

/** Begins an attempt at `url`, where `hops` nodes sent us to. */
function attemptAt(room, now, url, ask, hops) {
  room.count("attempts");
  room.link = room.newLink();
  const longest = Math.max(room.timings.attemptMs, SHORTEST_WAIT_MS);
  const isOneOfMany = room.report.completed && room.nodes.hasOthers(url);
  room.timers.set("attempt", after(now, isOneOfMany ? Math.min(longest, NODE_MS) : longest));
  room.phase = { at: "opening" };
  room.push({ do: "connect", link: room.link, url });
  const replaced = room.session?.name ?? room.former;
  room.target = { url, ask, hops, moves: ask === "login" && replaced !== undefined && room.nodes.isMember(url) };
}

/** Goes on where a refusal sends us, unless we were sent around enough. The attempt is the same one; `false`: it is over. */
export function goToNode(room, now, node) {
  const { ask, hops } = room.target;
  const url = hops < MAX_NODE_HOPS ? room.nodes.usable(node) : undefined;
  if (url === undefined) {
    return false;
  }
  room.nodes.join(url);
  room.hangUp();
  attemptAt(room, now, url, ask, hops + 1);
  return true;
}

function server(room) {
  return room.nodes.at(room.retry.server);
}

/** The attempt that runs met a transport fault. */
export function failAttempt(room, now) {
  room.count("failedAttempts");
  room.failures += 1;
  room.hangUp();
  const waitMs = room.retry.failed(room.timings.roomBackoff, room.env.random());
  if (waitMs === undefined) {
    attempt(room, now);
  } else if (room.failures >= TRIES_OFFLINE && !room.env.isOnline() && !LOOPBACK.test(server(room))) {
    room.phase = { at: "waiting" };
  } else {
    wait(room, now, waitMs);
  }
}

/** Lets `waitMs` pass before the next attempt, or a network come. */
export function wait(room, now, waitMs) {
  room.phase = { at: "waiting" };
  room.timers.set("retry", after(now, waitMs));
}

/** Lets the time pass that the server asked for. */
export function waitAsTold(room, now, waitMs) {
  wait(room, now, waitMs);
  room.phase.isTold = true;
}

/**
 * The system has a network again. The waits are for servers in trouble, and what is opening now was sent nowhere: an attempt
 * begins at once. Should it fail, the wait after it is the one that would have come anyway.
 */
export function onOnline(room, now) {
  if (room.isAt("opening") || (room.isAt("waiting") && !room.phase.isTold)) {
    room.timers.clear("retry");
    room.hangUp();
    attempt(room, now);
  }
}

/** Whether `link` is the one that counts. */
export function isCurrent(room, link) {
  return link === room.link && !["idle", "waiting", "over"].includes(room.phase.at);
}

/** The link closed, or could not be opened. */
export function onClosed(room, now, link) {
  if (isBeside(room, link)) {
    onBesideClosed(room, now);
    return;
  }
  if (!isCurrent(room, link)) {
    return;
  }
  if (hasMoved(room)) {
    moved(room, now);
    return;
  }
  switch (room.phase.at) {
    case "opening":
    case "asking":
      return failAttempt(room, now);
    case "up":
      return loseLink(room, now);
    case "leaving":
      return room.end();
  }
}

/** The link is gone while logged in; the session lives on. */
export function loseLink(room, now) {
  room.count("lostLinks");
  reconnect(room, now, room.report.linkLost(now, room.timings.reconnectingDebounceMs));
}

/** The session is gone: log in anew. */
export function loseSession(room, now) {
  forgetSession(room);
  reconnect(room, now, room.report.sessionLost());
}

/** What the session was, and held, is over. */
export function forgetSession(room) {
  if (room.session !== null) {
    room.former = room.session.name;
    room.session = null;
    room.count("lostSessions");
  }
  room.held.clear();
}

/**
 * Out of `up`: hangs up and begins to try again.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {import("./report.js").StateEvent | undefined} event What is told of it.
 */
export function reconnect(room, now, event) {
  room.hangUp();
  room.dropRequests();
  room.tell("onLink", false);
  room.tellState(event);
  if (room.report.window === undefined) {
    room.timers.clear("debounce");
  } else {
    room.timers.set("debounce", room.report.window);
  }
  room.timers.set("budget", after(now, room.timings.roomRetryMs));
  wait(room, now, room.retry.wait(room.timings.roomBackoff, room.env.random()));
}
