import { codes } from "../base/codes.js";
import { Held } from "./held.js";
import { Report } from "./report.js";
import { Requests } from "./requests.js";
import { Retry } from "./retry.js";
import { RoomInfo } from "./room-info.js";
import { Roster } from "./roster.js";
import { Timers, after } from "./timers.js";
import { TokenKeeper } from "./token.js";
import { attempt, failAttempt, loseLink, loseSession } from "./attempts.js";
import { endMove, onMoveTime } from "./moving.js";
import { Nodes } from "./nodes.js";
import { beat, checkGap, probe } from "./liveness.js";
import { lost, unanswered } from "./replies.js";
import { requestText } from "./wire/frames.js";

/**
 * What the state wants done, in this order:
 *
 * - `tell`: call the listener's method `event` with `args`;
 * - `connect`: open a link to `url`, called `link`; the one before is hung up already;
 * - `send`: send `text` on the current link;
 * - `hangUp`: drop the current link; what was sent before is still written;
 * - `connectBeside`, `sendBeside`, `hangUpBeside`: the same with a second link, while the current one stands;
 * - `promote`: the second link takes the place of the current one, which is dropped if there still is one;
 * - `answer`: whoever holds `ticket` gets the result `ok`, or the `error`;
 * - `end`: the login is over; always last.
 *
 * @typedef {{ do: "tell", event: string, args: any[] } | { do: "connect", link: number, url: string }
 *   | { do: "send", text: string } | { do: "hangUp" } | { do: "end" }
 *   | { do: "connectBeside", link: number, url: string } | { do: "sendBeside", text: string }
 *   | { do: "hangUpBeside" } | { do: "promote" }
 *   | { do: "answer", ticket: number, ok?: any, error?: import("../base/errors.js").ZegoError }} Effect
 */

/**
 * The decisions of one room login: no socket, no promise, no clock. Inputs carry `now`; effects are carried out by whoever holds
 * the state. It decides as the engine's state does (`signalling/src/room/`).
 *
 * ```text
 *   start ─► opening ──opened──► asking ──accepted──► up ──lost──┐
 *              ▲  └──failed──┐      │ refused, failed  │         │
 *              │             ▼      ▼                  │ logout  │
 *              └──due───── waiting ◄───────────────────┼─────────┘
 *                                                      ▼
 *                                       leaving ──► over ◄── kick-out, fatal refusal, budget over (from anywhere)
 * ```
 *
 * `phase.at` is one of these, or `idle` before the start. While asking, `phase.id` and `phase.ask` (`"login"` or `"resume"`) say
 * what is out; while leaving, `phase.step` is `opening`, `asking` or `told`, and `phase.id` the request that is out. While
 * waiting, `phase.isTold` says that the server asked for the wait.
 *
 * The rest of the state stands in `attempts.js` (links, and trying again), `session.js` (login, resume and what follows them),
 * `nodes.js` and `moving.js` (where to log in, and going from one node to another), `incoming.js` and `replies.js` (what the
 * server says), `liveness.js` (signs of life) and `commands.js` (what the page asks).
 */
export class RoomState {
  timers = new Timers();
  report = new Report();
  requests = new Requests();
  held = new Held();
  info = new RoomInfo();
  phase = { at: "idle" };
  /** Names the current link; a frame of an older one is not looked at. */
  link = 0;
  /** What is needed to take a session up again: `{ home, name, secret, lastSeq }`; `home` is the URL that it stands at. */
  session = null;
  /** The name of the session that was given up last, until the next one stands. */
  former = undefined;
  /** The attempt that runs, or ran last: where it goes, what it asks, and how many nodes sent us on. */
  target = { url: "", ask: "login", hops: 0, moves: false };
  /** A move to another node that is under way; see `moving.js`. */
  moving = undefined;
  /** STUN and TURN servers for connections that begin now. @type {RTCIceServer[]} */
  iceServers = [];
  /** The token of the login that is out. */
  shownToken = "";
  /** Attempts that failed since the last success. */
  failures = 0;
  /** The highest event number that the server says it sent. */
  announcedSeq = 0;
  /** What went wrong on the way, by name: nothing is lost in silence. */
  counters = {};
  #effects = [];
  #lastID = 0;
  #links = 0;

  /**
   * A login that has not begun.
   *
   * @param {import("./room.js").RoomOptions} options
   * @param {{ random: () => number, isOnline: () => boolean }} env
   */
  constructor(options, env) {
    this.options = options;
    this.timings = options.timings;
    this.env = env;
    this.nodes = new Nodes(options.servers);
    this.retry = new Retry(options.servers.length);
    this.roster = new Roster(options.userID, options.userUpdate);
    this.token = new TokenKeeper(options.token);
    this.heartbeatMs = this.timings.heartbeatMs;
    this.heartbeatTimeoutMs = this.timings.heartbeatTimeoutMs;
  }

  /** Begins: LOGINING is told, the first attempt is made at once. */
  start(now) {
    if (this.phase.at !== "idle") {
      return;
    }
    this.tellState(this.report.logining());
    if (this.options.servers.length === 0) {
      this.fail(codes.INPUT_PARAM, "no server address; give ws://HOST:PORT or wss://HOST:PORT");
      return;
    }
    this.timers.set("budget", after(now, this.timings.roomRetryMs));
    attempt(this, now);
  }

  /** When `onTime` has something to do, or `Infinity`. */
  nextDeadline() {
    return Math.min(this.timers.next(), this.requests.next());
  }

  /**
   * What is to be done now.
   *
   * @returns {Effect[]}
   */
  takeEffects() {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Carries out every deadline up to `now`. */
  onTime(now) {
    for (let timer = this.timers.takeDue(now); timer !== undefined; timer = this.timers.takeDue(now)) {
      this.#onTimer(now, timer);
    }
    for (const purpose of this.requests.takeExpired(now)) {
      unanswered(this, now, purpose);
    }
  }

  #onTimer(now, timer) {
    switch (timer) {
      case "budget":
        return this.#giveUp();
      case "attempt":
        return failAttempt(this, now);
      case "retry":
        return attempt(this, now);
      case "debounce":
        return this.tellState(this.report.windowOver());
      case "heartbeat":
        return beat(this, now);
      case "heartbeatTimeout":
        return loseSession(this, now);
      case "ping":
        return probe(this, now);
      case "linkDead":
        return loseLink(this, now);
      case "gapCheck":
        return checkGap(this, now);
      case "tokenWarning":
        return this.tell("onTokenWillExpire", Math.floor(this.token.warn(now) / 1000));
      case "leave":
        return this.end();
      case "move":
        return onMoveTime(this, now);
    }
  }

  // ---- what the other files are built on ----

  /** Whether the connection stands at `at`. */
  isAt(at) {
    return this.phase.at === at;
  }

  count(name, n = 1) {
    this.counters[name] = (this.counters[name] ?? 0) + n;
  }

  push(effect) {
    this.#effects.push(effect);
  }

  tell(event, ...args) {
    this.push({ do: "tell", event, args });
  }

  /**
   * Tells a state, if there is one to tell. Whoever reacts to the end of a room finds its streams ended, so the end is told
   * first.
   *
   * @param {import("./report.js").StateEvent | undefined} event
   */
  tellState(event) {
    if (event === undefined) {
      return;
    }
    if (event.isEnd) {
      this.tell("onEnd", event.code);
    }
    this.tell("onState", event.reason, event.code, event.text);
  }

  /** Sends a request on the current link; returns its id. */
  send(type, fields) {
    const id = this.newID();
    this.push({ do: "send", text: requestText(id, type, fields) });
    return id;
  }

  /** An id for a request to come. */
  newID() {
    this.#lastID += 1;
    return this.#lastID;
  }

  /** A name for a link to come. */
  newLink() {
    this.#links += 1;
    return this.#links;
  }

  /** Sends a request on the current link and remembers what its reply means. */
  request(now, fields, purpose) {
    const id = this.send(purpose.type, fields);
    this.requests.add(id, purpose, now, this.timings.requestMs);
  }

  /** What is out will not be answered. */
  dropRequests() {
    this.info.isAsked = false;
    for (const purpose of this.requests.takeAll()) {
      if (purpose.ticket !== undefined) {
        this.push({ do: "answer", ticket: purpose.ticket, error: lost(purpose) });
      }
    }
  }

  hangUp() {
    this.timers.clearLink();
    this.push({ do: "hangUp" });
  }

  // ---- ends ----

  #giveUp() {
    const what = this.report.completed ? "reconnecting" : "logging in";
    const code = this.report.completed ? codes.ROOM_RETRY_TIMEOUT : codes.LOGIN_TIMEOUT;
    this.fail(code, `${what} did not succeed within ${this.timings.roomRetryMs / 1000} s`);
  }

  /** The login failed for good. */
  fail(code, text) {
    this.report.failed(code, text).forEach((event) => this.tellState(event));
    this.end();
  }

  /** The server ended this login. */
  kickOut(code, message) {
    this.tellState(this.report.kickedOut(code, JSON.stringify({ custom_kickout_message: message })));
    this.end();
  }

  /** Over: nothing happens after this. */
  end() {
    if (this.isAt("over")) {
      return;
    }
    this.dropRequests();
    endMove(this);
    this.timers.clearAll();
    this.phase = { at: "over" };
    this.push({ do: "hangUp" });
    this.push({ do: "end" });
  }
}
