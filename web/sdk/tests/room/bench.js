import assert from "node:assert/strict";

import { Room } from "../../room/room.js";
import { FakeEnv, seeded } from "./fake-env.js";
import { heartbeatOk, loginOk, options, resumeOk, sequenced, snapshot, text } from "./words.js";

const LISTENER = [
  ...["onState", "onEnd", "onLink", "onUsers", "onStreams", "onStreamExtraInfo", "onStreamMic", "onStreamEnded"],
  ...["onBroadcast", "onBarrage", "onCommand", "onOnlineCount", "onTokenWillExpire", "onQuality"],
  ...["onListeners", "onUplinks", "onProtection", "onRoomInfo"],
];

/** A Room in a fake browser, and the server that it meets: the test plays it. */
export class Bench {
  #told = [];
  #seen = 0;

  /**
   * @param {object} [given] What differs from the usual options.
   * @param {number} [seed]
   */
  constructor(given = {}, seed = 1) {
    this.env = new FakeEnv(seeded(seed));
    this.calls = [];
    const hear = (event) => [event, (...args) => this.#hear(event, args)];
    this.listener = Object.fromEntries(LISTENER.map(hear));
    this.room = new Room({ ...options(), env: this.env, ...given }, this.listener);
  }

  #hear(event, args) {
    this.calls.push([event, ...args]);
    this.#told.push(text(event, args));
  }

  /** The login has begun, the first socket opens. */
  static started(given, seed) {
    const bench = new Bench(given, seed);
    bench.login = bench.room.login();
    bench.login.catch(() => {});
    return bench;
  }

  /** Logged in; what was told of it is forgotten. */
  static up(shown = snapshot(), more = {}, given = {}, seed = 1) {
    const bench = Bench.started(given, seed);
    bench.open();
    bench.ok(bench.request().id, loginOk(shown, more));
    bench.told();
    return bench;
  }

  // ---- the server's side ----

  /** The socket that counts, if there is one. */
  get socket() {
    const socket = this.env.sockets.at(-1);
    return socket?.onclose ? socket : undefined;
  }

  get urls() {
    return this.env.sockets.map(({ url }) => url);
  }

  /** When each socket began to open, in seconds. */
  get connectedAt() {
    return this.env.sockets.map(({ openedAt }) => openedAt / 1000);
  }

  open() {
    this.#seen = 0;
    this.socket.onopen();
  }

  lose() {
    this.socket.onclose({ code: 1006 });
  }

  receive(data) {
    this.socket?.onmessage({ data });
  }

  frame(frame) {
    this.receive(JSON.stringify(frame));
  }

  ok(id, ok) {
    this.frame({ id, ok });
  }

  error(id, error) {
    this.frame({ id, error });
  }

  event(seq, event) {
    this.frame(sequenced(seq, event));
  }

  /** A frame that says nothing but that the server lives. */
  alive() {
    this.frame({ notice: "alive" });
  }

  /** What the client sent since the last look, over the socket that was opened last. */
  sent() {
    const all = this.env.sockets.at(-1)?.sent ?? [];
    const fresh = all.slice(this.#seen).map((frame) => JSON.parse(frame));
    this.#seen = all.length;
    return fresh;
  }

  /** The one request that the client sent. */
  request() {
    const sent = this.sent();
    assert.equal(sent.length, 1, JSON.stringify(sent));
    return sent[0];
  }

  accept(shown = snapshot()) {
    this.ok(this.request().id, loginOk(shown));
  }

  resume(missed = []) {
    this.ok(this.request().id, resumeOk(missed));
  }

  refuse(error) {
    this.error(this.request().id, error);
  }

  /** The link is lost and back, and the session with it. */
  loseAndResume() {
    this.lose();
    this.passUntilConnecting();
    this.open();
    this.resume();
  }

  // ---- time, and what came of it ----

  get seconds() {
    return this.env.time / 1000;
  }

  get isEnded() {
    return this.env.onlineListeners === 0;
  }

  pass(seconds) {
    this.env.pass(seconds * 1000);
  }

  /** Until a socket begins to open, or nothing is waited for any more. */
  passUntilConnecting() {
    const before = this.env.sockets.length;
    while (this.env.sockets.length === before && this.env.nextTimer() < Infinity) {
      this.env.pass(this.env.nextTimer() - this.env.time);
    }
  }

  /** Lets time pass on a living link: a sign of life every second, heartbeats answered. */
  passAlive(seconds, seq = 0) {
    for (let passed = 0; passed < seconds; passed += 1) {
      this.pass(1);
      this.alive();
      const heartbeats = this.sent().filter(({ type }) => type === "heartbeat");
      heartbeats.forEach(({ id }) => this.ok(id, heartbeatOk(seq)));
    }
  }

  /** What the listener was told since the last look. */
  told() {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  counter(name) {
    return this.room.counters[name] ?? 0;
  }
}

/** What became of a promise: its value, or the error's code. */
export async function outcome(promise) {
  return promise.then(
    (value) => value,
    (error) => ({ code: error.code, retryAfterMs: error.retryAfterMs }),
  );
}
