/**
 * One user's visit: the engine, the room, and what is known of them. No part of it touches the page; the views listen for its topics
 * and read its fields.
 *
 * Topics (events without data): "room", "people", "streams", "capture", "levels", "stats", "messages", "log", "reports" (log
 * entries that come all the time), "problems", "token", "devices".
 */

import { codes } from "../../sdk/base/codes.js";
import { ZegoError } from "../../sdk/base/errors.js";
import { Conversation, absentUsers } from "../model/conversation.js";
import { EventLog } from "../model/event-log.js";
import { explain } from "../model/problems.js";
import { Roster } from "../model/roster.js";
import { Capture } from "./capture.js";
import { HANDLERS } from "./handlers.js";
import { Playback } from "./playback.js";

/** Milliseconds between level reports: often enough for a meter to look alive. */
const LEVEL_INTERVAL_MS = 200;
/** Problems shown at a time; older ones are in the event log. */
const PROBLEMS_SHOWN = 3;

/** What a call fails with when the user ended it meanwhile: no problem to show. */
const CANCELLED = new Set([codes.CANCEL_LOGIN, codes.CANCEL_PUBLISH, codes.CANCEL_PLAY]);

const AWAY = Object.freeze({ state: "DISCONNECTED", reason: "", code: 0, roomID: "", userID: "", userName: "" });

/** See the top of this file. */
export class Session extends EventTarget {
  #createEngine;
  #engineKey = "";

  /** The engine, or `null` before the first use. */
  engine = null;
  /** Where this user is. `state` is DISCONNECTED, CONNECTING or CONNECTED; `reason` and `code` are the last event's. */
  room = AWAY;
  /** Problems that nobody dismissed, newest first. @type {import("../model/problems.js").Problem[]} */
  problems = [];
  /** Seconds that the token was still good for when its end was announced; `null` while it is good. */
  tokenEnds = null;
  roster = new Roster();
  conversation = new Conversation();
  log = new EventLog();
  capture = new Capture(this);
  playback = new Playback(this);

  /**
   * @param {object} world
   * @param {(appID: number, server: string) => object} world.createEngine Makes a `ZegoExpressEngine`.
   * @param {() => number} world.now Milliseconds, Unix time.
   */
  constructor({ createEngine, now }) {
    super();
    this.#createEngine = createEngine;
    this.now = now;
  }

  /** Tells the views that something under `topic` is new. */
  tell(topic) {
    this.dispatchEvent(new Event(topic));
  }

  /**
   * Shows a problem, once while it stands.
   *
   * @param {string} what What happened, for example "Could not join the room".
   * @param {unknown} error What was thrown.
   */
  report(what, error) {
    const problem = explain(what, error);
    const others = this.problems.filter((old) => old.what !== what || old.code !== problem.code);
    this.problems = [problem, ...others].slice(0, PROBLEMS_SHOWN);
    this.tell("problems");
  }

  /** Takes a problem away. @param {import("../model/problems.js").Problem} problem */
  dismiss({ what, code }) {
    this.problems = this.problems.filter((other) => other.what !== what || other.code !== code);
    this.tell("problems");
  }

  /**
   * Does something that may fail, and shows the problem if it does.
   *
   * @param {string} what As for {@link report}.
   * @param {() => unknown} action May return a promise; a documented answer with an `errorCode` other than 0 is a failure.
   * @returns {Promise<unknown>} What the action gave, or `undefined` after a failure.
   */
  async attempt(what, action) {
    try {
      const answer = await action();
      if (answer?.errorCode) throw answer;
      return answer;
    } catch (error) {
      if (!CANCELLED.has(error?.code)) this.report(what, error);
      return undefined;
    }
  }

  /**
   * The engine for an AppID and server; another pair than before begins anew.
   *
   * @param {{appID: number, server: string}} where
   * @throws 1101000 for a wrong AppID, 1100001 for a wrong address.
   */
  prepare({ appID, server }) {
    const key = JSON.stringify([appID, server]);
    if (this.engine && this.#engineKey === key) return this.engine;
    this.destroy();
    const engine = this.#createEngine(appID, server);
    for (const name of Object.keys(HANDLERS)) engine.on(name, (...args) => this.#told(name, args));
    engine.setSoundLevelDelegate(true, LEVEL_INTERVAL_MS);
    this.engine = engine;
    this.#engineKey = key;
    return engine;
  }

  /**
   * The engine, for what only makes sense after {@link prepare}.
   *
   * @throws 1000002 if there is none yet.
   */
  requireEngine() {
    if (!this.engine) throw new ZegoError(codes.NOT_LOGIN, "no room was joined yet");
    return this.engine;
  }

  /** Ends everything, the engine too. */
  destroy() {
    this.capture.stop();
    this.engine?.destroyEngine();
    this.engine = null;
    this.room = AWAY;
    this.forgetRoom();
  }

  /** The output device for everything that is heard here. @param {string} deviceID "" is the system's default. */
  useSpeaker(deviceID) {
    this.capture.useSpeaker(deviceID);
    this.playback.useSpeaker(deviceID);
  }

  /**
   * Joins a room.
   *
   * @param {{appID: number, server: string, roomID: string, userID: string, userName: string, token: string}} wish
   * @returns {Promise<boolean>} Whether it worked; else the problem is shown.
   */
  async join({ appID, server, roomID, userID, userName, token }) {
    this.problems = [];
    this.conversation.clear();
    for (const topic of ["problems", "messages"]) this.tell(topic);
    const joined = await this.attempt("Could not join the room", () => {
      const engine = this.prepare({ appID, server });
      this.room = { ...AWAY, roomID, userID, userName };
      return engine.loginRoom(roomID, token, { userID, userName }, { userUpdate: true });
    });
    return joined === true;
  }

  /** Leaves the room; what is captured goes on. */
  leave() {
    void this.attempt("Could not leave the room", () => this.engine.logoutRoom(this.room.roomID));
  }

  /** Puts a new token in force. */
  renewToken(token) {
    void this.attempt("Could not renew the token", () => {
      if (!this.engine.renewToken(token, this.room.roomID)) throw new Error("This is no token of ours: it begins with 04.");
      this.tokenEnds = null;
      this.tell("token");
    });
  }

  /**
   * Sends a message to the room.
   *
   * @param {"broadcast" | "barrage" | "command"} kind
   * @param {string} text
   * @param {string[]} to userIDs that a command is for; none means everybody.
   * @returns {Promise<boolean>} Whether it was sent; else the problem is shown.
   */
  async send(kind, text, to) {
    const { roomID } = this.room;
    const answer = await this.attempt("Could not send the message", () => {
      const engine = this.requireEngine();
      if (kind === "broadcast") return engine.sendBroadcastMessage(roomID, text);
      if (kind === "barrage") return engine.sendBarrageMessage(roomID, text);
      return engine.sendCustomCommand(roomID, text, to);
    });
    if (answer === undefined) return false;
    const absent = kind === "command" ? absentUsers(answer.extendedData) : [];
    const note = absent.length > 0 ? `not here: ${absent.join(", ")}` : to.length > 0 ? `to ${to.join(", ")}` : "";
    this.conversation.add({ kind, from: "You", own: true, text, time: this.now(), note });
    this.tell("messages");
    return true;
  }

  /** What was known of the room is over. */
  forgetRoom() {
    this.roster.clear();
    this.playback.clear();
    this.tokenEnds = null;
    for (const topic of ["people", "streams", "token", "room"]) this.tell(topic);
  }

  #told(name, args) {
    const { frequent } = this.log.add(name, args, this.now());
    HANDLERS[name](this, ...args);
    this.tell(frequent ? "reports" : "log");
  }
}
