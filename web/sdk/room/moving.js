import { loseLink } from "./attempts.js";
import { onData } from "./incoming.js";
import { loggedIn, loginFields } from "./session.js";
import { after } from "./timers.js";
import { MAX_NODE_HOPS } from "./nodes.js";
import { VERSION, parseFrame, requestText } from "./wire/frames.js";
import { parseResult } from "./wire/results.js";

/**
 * Moving to another node while the login still stands ("nodeLeaving"): a second link beside the first, and a login on it that
 * replaces the session. Until that is answered everything goes on where it is; then what the old node still sent is read to its
 * end, and the new link is the login's. So no message to this user is lost between two nodes, and none overtakes another.
 *
 * `room.moving` is `{ link, url, asked, answer, held, redirected, hops, left, ends }`, or nothing.
 * @module
 */

/** A node that is leaving waits about so long for its clients. */
const MOVE_MS = 10_000;
/** One node may take so long, from connecting to the answer, where there are others. */
export const NODE_MS = 4_000;
/** So often it is looked whether a move is over that an attempt waits for. */
export const MOVE_LOOK_MS = 250;

/** So long the old link is read on after the login was answered, unless the old node closes it before. */
const DRAIN_MS = 500;
/** So many frames of the new link wait for that; no more than a busy room sends meanwhile. */
const HELD = 256;

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * This node is going to stop.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {string[]} nodes The others.
 */
export function onNodeLeaving(room, now, nodes) {
  const { home } = room.session;
  room.nodes.join(home);
  const others = room.nodes.learn(nodes).filter((url) => url !== home);
  room.nodes.leaves(home);
  room.retry.beginWith(room.nodes.count);
  if (room.moving === undefined && room.isAt("up")) {
    moveOn(room, now, others, after(now, MOVE_MS));
  }
}

/** The next one that is left, if there is time. What remains otherwise is to stay until the socket closes. */
function moveOn(room, now, [url, ...left], ends) {
  if (url !== undefined && now < ends) {
    connectBeside(room, now, { url, redirected: false, hops: 0, left, ends });
  }
}

function connectBeside(room, now, moving) {
  room.count("attempts");
  room.moving = { ...moving, link: room.newLink(), asked: undefined, answer: undefined, held: [] };
  room.timers.set("move", Math.min(after(now, NODE_MS), moving.ends));
  room.push({ do: "connectBeside", link: room.moving.link, url: moving.url });
}

/** Whether `link` is the one to the node that is moved to. */
export function isBeside(room, link) {
  return room.moving?.link === link;
}

/** The second link is open: log in there. */
export function onBesideOpened(room) {
  const { moving } = room;
  moving.asked = room.newID();
  const fields = loginFields(room, room.session?.name ?? room.former, moving.redirected);
  room.push({ do: "sendBeside", text: requestText(moving.asked, "login", fields) });
}

/** The second link brought something. */
export function onBesideData(room, now, data) {
  if (hasMoved(room)) {
    room.moving.held.push(data);
    if (room.moving.held.length >= HELD) {
      moved(room, now);
    }
    return;
  }
  const frame = parseFrame(data);
  const isAnswer = frame?.id !== undefined && frame.id === room.moving.asked;
  if (frame === undefined) {
    room.count("unreadableFrames");
    tryNextNode(room, now);
  } else if (frame.kind === "ok" && isAnswer) {
    onBesideOk(room, now, parseResult("login", frame.ok));
  } else if (frame.kind === "error" && isAnswer) {
    onBesideRefused(room, now, frame.error);
  } else {
    room.count(frame.kind === "ok" || frame.kind === "error" ? "strayReplies" : "earlyFrames");
  }
}

function onBesideOk(room, now, ok) {
  if (ok?.version === VERSION) {
    room.moving.answer = ok;
    if (room.isAt("up")) {
      room.timers.set("move", after(now, DRAIN_MS));
    } else {
      moved(room, now);
    }
  } else {
    room.count("unreadableResults");
    tryNextNode(room, now);
  }
}

/** Whether the other node has taken the login, and the old one is only read to its end. */
export function hasMoved(room) {
  return room.moving?.answer !== undefined;
}

/** The second link closed. */
export function onBesideClosed(room, now) {
  if (hasMoved(room)) {
    moved(room, now);
    loseLink(room, now);
  } else {
    tryNextNode(room, now);
  }
}

/** The node that is tried has had its time, or the old link has. */
export function onMoveTime(room, now) {
  if (hasMoved(room)) {
    moved(room, now);
  } else {
    tryNextNode(room, now);
  }
}

/** It said no: there is nothing to take back. */
function onBesideRefused(room, now, { node }) {
  const { moving } = room;
  const elsewhere = node === null ? undefined : room.nodes.usable(node);
  clear(room);
  if (elsewhere !== undefined && moving.hops < MAX_NODE_HOPS) {
    room.nodes.join(elsewhere);
    connectBeside(room, now, { ...moving, url: elsewhere, redirected: true, hops: moving.hops + 1 });
  } else {
    moveOn(room, now, moving.left, moving.ends);
  }
}

function clear(room) {
  room.moving = undefined;
  room.timers.clear("move");
  room.push({ do: "hangUpBeside" });
}

/** The node that is tried does not answer, or not in time. */
function tryNextNode(room, now) {
  const { left, ends } = room.moving;
  room.count("failedAttempts");
  endMove(room);
  moveOn(room, now, left, ends);
}

/**
 * Gives a move up, if there is one. A login that is out there is taken back.
 *
 * @param {RoomState} room
 */
export function endMove(room) {
  if (room.moving === undefined) {
    return;
  }
  if (room.moving.asked !== undefined) {
    room.push({ do: "sendBeside", text: requestText(room.newID(), "logout", {}) });
  }
  clear(room);
}

/** The login stands on the second link. */
export function moved(room, now) {
  const { link, url, answer, held } = room.moving;
  room.count("moves");
  room.moving = undefined;
  room.dropRequests();
  room.timers.clearLink();
  room.timers.clear("move");
  room.timers.clear("retry");
  room.link = link;
  room.push({ do: "promote" });
  loggedIn(room, now, answer, url, true);
  held.forEach((data) => onData(room, now, link, data));
}
