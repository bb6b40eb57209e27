import { browserEnv } from "../base/env.js";
import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { DEFAULT_TIMINGS } from "../base/timings.js";
import { onClosed, onOnline } from "./attempts.js";
import * as commands from "./commands.js";
import { onData } from "./incoming.js";
import { Link } from "./link.js";
import { onOpened } from "./session.js";
import { RoomState } from "./state.js";

/**
 * Everything one room login needs; ids and names were checked before.
 *
 * @typedef {object} RoomOptions
 * @property {number} appID
 * @property {string[]} servers URLs of the signalling WebSocket, in the order to try them (see `server-address.js`).
 * @property {string} roomID
 * @property {string} token The token04 to show.
 * @property {string} userID
 * @property {string} userName Empty: the userID is shown.
 * @property {boolean} userUpdate Whether users coming and going are told.
 * @property {number} maxMemberCount Limit for the room if this login creates it; 0 is none.
 * @property {number} [loudestStreams] Of how many loudest streams its players hear, if this login creates it; 0: of all.
 * @property {Partial<typeof DEFAULT_TIMINGS>} [timings] What differs from the default table.
 * @property {import("../base/env.js").Env} [env] Clock, timers, sockets; the browser's by default.
 */

/**
 * A user and a stream, in their documented shapes.
 *
 * @typedef {{ userID: string, userName: string }} User
 * @typedef {{ streamID: string, user: User, extraInfo: string }} Stream
 * @typedef {object} ListenerReport As types/stats.d.ts has it.
 * @typedef {{ rttMs: number | null, loss: number, jitterMs: number }} UplinkReport
 */

/**
 * What a room tells; every method may be left out. Methods are called in the order of docs/protocol.md, "What a client does", and
 * may call the room.
 *
 * @typedef {object} RoomListener
 * @property {(reason: string, errorCode: number, extendedData: string) => void} [onState] The coarse state changed: the
 *   documented `roomStateChanged`.
 * @property {(code: number) => void} [onEnd] The login is over: told right before the `onState` that says so, so that streams end
 *   first.
 * @property {(up: boolean, held?: { fresh: boolean, moved?: boolean, publishing: string[], playing: string[] }) => void} [onLink] Requests can be
 *   sent, or cannot for now. `held` is what the server holds for this session; `fresh`: the session is new, nothing is held;
 *   `moved`: it took the place of one on another node, and what is connected there is used until the new connections are. What
 *   of ours a resumed session does not hold any more is told as `onStreamEnded` afterwards; what it holds and nobody here wants
 *   is stopped by the room.
 * @property {(update: "ADD" | "DELETE", users: User[]) => void} [onUsers] Never the client itself, never empty.
 * @property {(update: "ADD" | "DELETE", streams: Stream[], extendedData: string) => void} [onStreams] Never empty; `extendedData`
 *   is the documented JSON on DELETE.
 * @property {(streams: Stream[]) => void} [onStreamExtraInfo] Streams that came with a text or have another one.
 * @property {(infos: { key: string, value: string, updateUser: User, updateTime: number }[]) => void} [onRoomInfo] What is attached to
 *   the room: at login, and when another user changed it.
 * @property {(streamID: string, muted: boolean) => void} [onStreamMic] A stream was muted or opened, or came muted.
 * @property {(messages: { fromUser: User, message: string, sendTime: number, messageID: number }[]) => void} [onBroadcast]
 * @property {(messages: { fromUser: User, message: string, sendTime: number, messageID: string }[]) => void} [onBarrage]
 * @property {(fromUser: User, command: string) => void} [onCommand]
 * @property {(count: number) => void} [onOnlineCount] Users in the room, this one included: with login, resume and heartbeat.
 * @property {(remainTimeInSecond: number) => void} [onTokenWillExpire] Once for each token.
 * @property {(users: { userID: string, up: number, down: number }[]) => void} [onQuality] What others reported of their networks.
 * @property {(reports: { streamID: string, report: ListenerReport }[]) => void} [onListeners] How own streams arrive at others.
 * @property {(reports: { streamID: string, report: UplinkReport }[]) => void} [onUplinks] How played streams arrive at the server.
 * @property {(streams: { streamID: string, copies: number[] }[]) => void} [onProtection] The server adds copies of earlier packets
 *   to played streams from now on, so many packets behind; none: no more.
 * @property {(ended: { streamID: string, role: "publish" | "play", code: number, message: string }) => void} [onStreamEnded]
 */

/** One login to one room: carries out what `RoomState` decides. */
export class Room {
  #env;
  #listener;
  #state;
  #link;
  /** The second link, of a login that moves. */
  #beside;
  #alarm;
  #offOnline;
  #offPageHide;
  #login;
  #waiting = new Map();
  #lastTicket = 0;
  #isTurning = false;

  /**
   * @param {RoomOptions} options
   * @param {RoomListener} listener
   */
  constructor({ env = browserEnv(), timings, ...options }, listener) {
    this.#env = env;
    this.#listener = listener;
    const state = { ...options, timings: { ...DEFAULT_TIMINGS, ...timings } };
    this.#state = new RoomState(state, { random: () => env.random(), isOnline: () => env.isOnline() });
  }

  /** The documented coarse state. */
  get state() {
    return this.#state.report.told;
  }

  /** Whether requests can be sent. */
  get isUp() {
    return this.#state.isAt("up");
  }

  /** The other users of the room, in the documented shape; empty without `userUpdate`. */
  get users() {
    return this.#state.roster.users;
  }

  /** The streams of others in the room, in the documented shape and in the order in which they came. */
  get streams() {
    return this.#state.roster.streams;
  }

  /** STUN and TURN servers for connections that begin now, as the server told them last. */
  get iceServers() {
    return this.#state.iceServers;
  }

  /** What went wrong quietly, by name. */
  get counters() {
    return { ...this.#state.counters };
  }

  /**
   * Whether a stream of another user is muted, as far as the server said so.
   *
   * @param {string} streamID
   * @returns {boolean}
   */
  streamIsMuted(streamID) {
    return this.#state.roster.isMuted(streamID);
  }

  /**
   * Logs in; LOGINING is told before this returns. A Room is for one login.
   *
   * @returns {Promise<true>} Rejects with a `ZegoError`: the code of LOGIN_FAILED or KICKOUT, 1102026 where a logout came first,
   *   1102015 when this Room was used before.
   */
  login() {
    if (!this.#state.isAt("idle")) {
      return Promise.reject(new ZegoError(codes.LOGIN_STATE_WRONG, "this Room was used for a login; make a new one"));
    }
    const answer = new Promise((resolve, reject) => (this.#login = { resolve, reject }));
    this.#offOnline = this.#env.onOnline(() => this.#turn(onOnline));
    this.#offPageHide = this.#env.onPageHide(() => this.#leave());
    this.#turn((state, now) => state.start(now));
    return answer;
  }

  /**
   * Leaves: LOGOUT is told before this returns (to a listener that calls it, behind what is being told already), the server is
   * told if there is a way to it within a second.
   */
  logout() {
    this.#turn(commands.logout);
  }

  /** Ends at once and tells nobody but the server, as far as the socket takes it: for an engine that is destroyed. */
  stop() {
    this.#turn(commands.stop);
  }

  /**
   * Takes a new token: shown to the server now, or with the next login or resume. A server that refuses it leaves the old one in
   * force.
   *
   * @param {string} token
   * @throws {ZegoError} 1100001 for a token that is empty or over 8,192 bytes; 1000002 after the end.
   */
  renewToken(token) {
    this.#turn((state, now) => commands.renewToken(state, now, token));
  }

  /**
   * Makes one request of docs/protocol.md.
   *
   * @param {string} type
   * @param {Record<string, unknown>} [fields] In the words of the wire: `{ stream_id, offer }`.
   * @returns {Promise<any>} The result, in the words of the wire and checked. Rejects with a `ZegoError`: a refusal has the
   *   server's code and `retryAfterMs` (`null`: never); 1000017 where the link is away or went, 1100002 without an answer, both
   *   with `retryAfterMs` undefined; 1009010 for a message to others of which is not known whether it was sent.
   */
  request(type, fields = {}) {
    this.#lastTicket += 1;
    const ticket = this.#lastTicket;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { resolve, reject });
      this.#turn((state, now) => commands.request(state, now, ticket, type, fields));
    });
  }

  /**
   * Lets the state decide, then does what it wants, then sets the alarm for its next deadline. A listener that calls the room is
   * decided on at once; what follows from it is done when its turn comes.
   */
  #turn(decide) {
    decide(this.#state, this.#env.now());
    if (this.#isTurning) {
      return;
    }
    this.#isTurning = true;
    try {
      for (let effects = this.#state.takeEffects(); effects.length > 0; effects = this.#state.takeEffects()) {
        effects.forEach((effect) => this.#carryOut(effect));
      }
    } finally {
      this.#isTurning = false;
    }
    this.#setAlarm();
  }

  #carryOut(effect) {
    switch (effect.do) {
      case "tell":
        return this.#tell(effect.event, effect.args);
      case "connect":
        this.#link = this.#connect(effect);
        return;
      case "connectBeside":
        this.#beside = this.#connect(effect);
        return;
      case "sendBeside":
        this.#beside?.send(effect.text);
        return;
      case "hangUpBeside":
        this.#beside?.hangUp();
        this.#beside = undefined;
        return;
      case "promote":
        this.#link?.hangUp();
        this.#link = this.#beside;
        this.#beside = undefined;
        return;
      case "send":
        return this.#send(effect.text);
      case "hangUp":
        return this.#hangUp();
      case "answer":
        return this.#answer(effect);
      case "end":
        return this.#end();
    }
  }

  /** A fault of the listener is reported and counted, and does not end the room. */
  #tell(event, args) {
    if (event === "onState") {
      this.#settleLogin(...args);
    }
    try {
      this.#listener[event]?.(...args);
    } catch (error) {
      this.#state.count("listenerFaults");
      console.error(`${event} of a room's listener threw`, error);
    }
  }

  #settleLogin(reason, code, text) {
    if (reason === "LOGINED") {
      this.#login?.resolve(true);
      this.#login = undefined;
    } else if (reason === "LOGIN_FAILED" || reason === "KICKOUT") {
      this.#refuseLogin(new ZegoError(code, text));
    } else if (reason === "LOGOUT") {
      this.#cancelLogin();
    }
  }

  #refuseLogin(error) {
    this.#login?.reject(error);
    this.#login = undefined;
  }

  #cancelLogin() {
    this.#refuseLogin(new ZegoError(codes.CANCEL_LOGIN, "the room was left before the login was done"));
  }

  #connect({ link, url }) {
    return new Link(this.#env, url, {
      opened: () => this.#turn((state) => onOpened(state, link)),
      data: (data) => this.#turn((state, now) => onData(state, now, link, data)),
      closed: () => this.#turn((state, now) => onClosed(state, now, link)),
    });
  }

  #send(text) {
    if (this.#link?.send(text) === false) {
      onClosed(this.#state, this.#env.now(), this.#state.link);
    }
  }

  #leave() {
    this.#link?.leave();
    this.#beside?.leave();
  }

  #hangUp() {
    this.#link?.hangUp();
    this.#link = undefined;
  }

  #answer({ ticket, ok, error }) {
    const { resolve, reject } = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (error === undefined) {
      resolve(ok);
    } else {
      reject(error);
    }
  }

  #end() {
    this.#offOnline?.();
    this.#offPageHide?.();
    this.#cancelLogin();
  }

  #setAlarm() {
    this.#env.clearTimeout(this.#alarm);
    const next = this.#state.nextDeadline();
    if (next < Infinity) {
      // Up, as a timer that takes whole milliseconds alone would otherwise ring too early, again and again.
      const waitMs = Math.max(0, Math.ceil(next - this.#env.now()));
      this.#alarm = this.#env.setTimeout(() => this.#turn((state, now) => state.onTime(now)), waitMs);
    }
  }
}
