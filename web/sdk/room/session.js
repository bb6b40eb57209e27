import { codes } from "../base/codes.js";
import { attempt, failAttempt, forgetSession, goToNode, isCurrent, waitAsTold } from "./attempts.js";
import { onEvent, tellChanges } from "./incoming.js";
import { startLife, tellOnlineCount } from "./liveness.js";
import { isBeside, onBesideOpened } from "./moving.js";
import { toldWait } from "./retry.js";
import { VERSION } from "./wire/frames.js";
import { parseResult } from "./wire/results.js";

const KICK_OUTS = [codes.MULTIPLE_LOGIN_KICKOUT, codes.MANUAL_KICKOUT, codes.TOKEN_EXPIRED];
const OF_THE_ROSTER = ["roomUserUpdate", "roomStreamUpdate", "streamExtraInfoUpdate", "streamMicUpdate"];

/** When to ask again who sent us to where we cannot go. */
const NODE_UNUSABLE_MS = 1_000;

/** @typedef {import("./state.js").RoomState} RoomState */

/**
 * The link is open: ask for the session, or for a new one.
 *
 * @param {RoomState} room
 */
export function onOpened(room, link) {
  if (isBeside(room, link)) {
    onBesideOpened(room);
    return;
  }
  if (!isCurrent(room, link)) {
    return;
  }
  if (room.isAt("opening")) {
    room.phase = { at: "asking", ...ask(room) };
  } else if (room.isAt("leaving") && room.phase.step === "opening") {
    room.phase = { at: "leaving", step: "asking", id: ask(room).id };
  }
}

function ask(room) {
  const { ask, moves, hops } = room.target;
  if (ask === "resume" && room.session !== null) {
    const { name, secret, lastSeq } = room.session;
    return { id: room.send("resume", { versions: [VERSION], session: name, secret, last_seq: lastSeq }), ask: "resume" };
  }
  const login = loginFields(room, moves ? (room.session?.name ?? room.former) : undefined, hops > 0);
  return { id: room.send("login", login), ask: "login" };
}

/**
 * A login with the newest token, in the words of the wire.
 *
 * @param {RoomState} room
 * @param {string | undefined} movedFrom The session that it replaces.
 * @param {boolean} redirected Whether a node sent us there.
 */
export function loginFields(room, movedFrom, redirected) {
  const { appID, roomID, userID, userName, userUpdate, maxMemberCount, loudestStreams = 0, instance } = room.options;
  room.shownToken = room.token.current;
  return {
    versions: [VERSION],
    app_id: appID,
    room_id: roomID,
    user_id: userID,
    user_name: userName,
    token: room.shownToken,
    user_update: userUpdate,
    max_member_count: maxMemberCount,
    ...(loudestStreams > 0 && { loudest_streams: loudestStreams }),
    ...(instance !== undefined && { instance }),
    ...(redirected && { redirected }),
    ...(movedFrom !== undefined && { moved_from: movedFrom }),
  };
}

/** A frame came while login or resume is out. */
export function onAskedFrame(room, now, frame) {
  const isAnswer = frame.id === room.phase.id;
  if (frame.kind === "ok" && isAnswer) {
    accepted(room, now, room.phase.ask, frame.ok);
  } else if (frame.kind === "error" && isAnswer) {
    refused(room, now, room.phase.ask, frame.error);
  } else if (frame.kind === "event" && frame.event.kind === "kickOut" && !frame.event.needRelogin) {
    room.kickOut(frame.event.code, frame.event.message);
  } else {
    room.count(frame.kind === "ok" || frame.kind === "error" ? "strayReplies" : "earlyFrames");
  }
}

/** A frame came while the server is being told of the logout. */
export function onLeavingFrame(room, frame) {
  const isAnswer = (frame.kind === "ok" || frame.kind === "error") && frame.id === room.phase.id;
  if (!isAnswer) {
    return;
  }
  if (room.phase.step === "asking" && frame.kind === "ok") {
    room.phase = { at: "leaving", step: "told", id: room.send("logout", {}) };
  } else {
    room.end();
  }
}

function accepted(room, now, asked, result) {
  const ok = parseResult(asked, result);
  if (ok === undefined) {
    unreadableAnswer(room, now);
  } else if (ok.version !== VERSION) {
    const text = `the server chose protocol version ${ok.version}; this client speaks ${VERSION}`;
    room.fail(codes.UNKNOWN_SERVER_ERROR, text);
  } else if (asked === "login") {
    loggedIn(room, now, ok, room.target.url, room.target.moves);
  } else {
    resumed(room, now, ok);
  }
}

/** The answer to login or resume makes no sense. The session is not asked for again: the answer would be the same. */
export function unreadableAnswer(room, now) {
  room.count("unreadableResults");
  forgetSession(room);
  failAttempt(room, now);
}

function refused(room, now, asked, { code, message, retryAfterMs: told, node }) {
  if (node !== null && goToNode(room, now, node)) {
    return;
  }
  const retryAfterMs = node === null ? told : (told ?? NODE_UNUSABLE_MS);
  if (asked === "resume" && code === codes.NETWORK_RECOVERY) {
    relogin(room, now);
  } else if (asked === "resume" && KICK_OUTS.includes(code)) {
    room.kickOut(code, message);
  } else if (retryAfterMs === null) {
    room.fail(code, message);
  } else {
    room.hangUp();
    waitAsTold(room, now, toldWait(retryAfterMs));
  }
}

/** The server does not know the session any more: log in anew, at once, on a socket of its own. */
function relogin(room, now) {
  forgetSession(room);
  room.hangUp();
  attempt(room, now);
}

/**
 * A login was answered by the server at `home`.
 *
 * @param {RoomState} room
 * @param {number} now
 * @param {any} ok
 * @param {string} home
 * @param {boolean} moved Whether its session replaces that of another node.
 */
export function loggedIn(room, now, ok, home, moved) {
  room.count("logins");
  room.former = undefined;
  room.held.clear();
  if (ok.nodes.length > 0) {
    room.nodes.join(home);
  }
  room.nodes.learn(ok.nodes);
  room.session = { home, name: ok.session, secret: ok.secret, lastSeq: ok.snapshot.seq };
  room.announcedSeq = ok.snapshot.seq;
  room.token.accepted(room.shownToken);
  const again = room.report.completed;
  const changes = room.roster.takeSnapshot(ok.snapshot);
  stand(room, now, ok);
  room.tell("onLink", true, { fresh: true, ...(moved && again && { moved }), publishing: [], playing: [] });
  tellChanges(room, changes);
  tellInfo(room, ok.snapshot, again);
  tellOnlineCount(room, ok.onlineCount);
  restoreInfo(room, now, ok.snapshot);
  confirmToken(room, now);
}

function tellInfo(room, { extraInfos }, again) {
  const info = room.info.takeSnapshot(extraInfos, room.options.userID, again);
  if (info !== undefined) {
    room.tell("onRoomInfo", [info]);
  }
}

/** The extra info that we set last is gone, with the room or with the server that knew of it: it is set again. */
function restoreInfo(room, now, { extraInfos }) {
  const info = room.info.toRestore(extraInfos.at(-1));
  if (info !== undefined) {
    room.request(now, info, { type: "setRoomExtraInfo", info });
  }
}

function resumed(room, now, ok) {
  const caughtUp = catchUp(room, ok);
  if (caughtUp === undefined) {
    unreadableAnswer(room, now);
    return;
  }
  room.count("resumes");
  room.session.home = room.target.url;
  stand(room, now, ok);
  room.tell("onLink", true, { fresh: false, publishing: [...ok.publishing], playing: [...ok.playing] });
  tellChanges(room, caughtUp.changes);
  if (ok.snapshot !== null) {
    tellInfo(room, ok.snapshot, true);
  }
  for (const event of caughtUp.others) {
    onEvent(room, now, event);
    if (!room.isAt("up")) {
      return;
    }
  }
  tellOnlineCount(room, ok.onlineCount);
  reconcile(room, now, ok);
  confirmToken(room, now);
}

/** The session stands on this link: told, watched, kept alive. */
function stand(room, now, terms) {
  room.phase = { at: "up" };
  room.iceServers = terms.iceServers;
  room.failures = 0;
  room.nodes.standsAt(room.session.home);
  room.retry.beginWith(room.nodes.count);
  room.retry.succeeded();
  room.timers.clear("attempt");
  room.timers.clear("budget");
  room.tellState(room.report.up());
  startLife(room, now, terms);
}

/** A token that was renewed while the link was away, or whose answer was lost, is shown on the new link. */
function confirmToken(room, now) {
  if (room.token.isUnconfirmed) {
    sendToken(room, now);
  }
}

/** Shows the newest token on the link that stands. */
export function sendToken(room, now) {
  const token = room.token.current;
  room.request(now, { token }, { type: "renewToken", token });
}

/**
 * Brings the roster up to date. Returns what changed and which other events were missed; nothing when there is neither a snapshot
 * nor the missed events without a hole.
 */
function catchUp(room, { missed, snapshot, messages }) {
  const { session } = room;
  if (snapshot !== null) {
    return catchUpAtOnce(room, snapshot, messages);
  }
  if (missed === null || !missed.every(({ seq }, index) => seq === session.lastSeq + 1 + index)) {
    return undefined;
  }
  session.lastSeq += missed.length;
  room.announcedSeq = session.lastSeq;
  const events = missed.map(({ event }) => event);
  const isOfTheRoster = ({ kind }) => OF_THE_ROSTER.includes(kind);
  return { changes: room.roster.apply(events.filter(isOfTheRoster)), others: events.filter((event) => !isOfTheRoster(event)) };
}

/** Takes the whole state, and the messages that it does not contain; nothing where these are not in their order, or not of the gap. */
function catchUpAtOnce(room, snapshot, messages) {
  const { session } = room;
  const isNext = ({ seq }, index) => seq > (messages[index - 1]?.seq ?? session.lastSeq) && seq <= snapshot.seq;
  if (!messages.every(isNext)) {
    return undefined;
  }
  session.lastSeq = room.announcedSeq = snapshot.seq;
  return { changes: room.roster.takeSnapshot(snapshot), others: messages.map(({ event }) => event) };
}

/** What the server does not hold has ended; what it holds and nobody here wants is stopped. */
function reconcile(room, now, { publishing, playing }) {
  const { lost, stops } = room.held.reconcile(publishing, playing);
  for (const stream of lost) {
    room.tell("onStreamEnded", { ...stream, message: "the server did not keep the stream while the connection was away" });
  }
  for (const { type, streamID } of stops) {
    room.request(now, { stream_id: streamID }, { type });
  }
}
