import assert from "node:assert/strict";

import { fatal, heartbeatOk, info, loginOk, mic, resumeOk, sequenced, streams, user, users } from "./words.js";

/** A server that keeps the truth of a room: users, their streams by id, and what it sent of both. */
export class Server {
  users = new Set();
  streams = new Map();
  seq = 0;
  log = [];
  /** Events up to this number are not kept. */
  forgotten = 0;
  hasSession = false;
  /** So many attempts to connect fail. */
  down = 0;
  refusal = null;
  isDeaf = false;
  isPublishing = false;
  /** The other nodes of its cloud. */
  nodes = [];

  #snapshot() {
    return { seq: this.seq, users: [...this.users].map(user), streams: [...this.streams.values()] };
  }

  #note(event) {
    this.seq += 1;
    this.log.push(sequenced(this.seq, event));
    return this.log.at(-1);
  }

  /** A user comes, or goes with its streams; they go before it. */
  toggleUser(name) {
    if (!this.users.delete(name)) {
      this.users.add(name);
      return [this.#note(users(`+${name}`))];
    }
    const gone = [...this.streams.keys()].filter((id) => this.streams.get(id).user.user_id === name);
    const events = gone.flatMap((id) => this.toggleStream(name, id));
    return [...events, this.#note(users(`-${name}`))];
  }

  /** A stream comes or goes; its user comes before it. */
  toggleStream(name, id) {
    const came = this.users.has(name) || this.streams.has(id) ? [] : this.toggleUser(name);
    if (this.streams.delete(id)) {
      return [this.#note(streams(`-${id}@${name}`))];
    }
    this.streams.set(id, { stream_id: id, user: user(name), extra_info: "", muted: false });
    return [...came, this.#note(streams(`+${id}@${name}`))];
  }

  /** A stream is muted or opened, or gets another text. */
  change(id, field) {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      return [];
    }
    const changed = field === "muted" ? { muted: !stream.muted } : { extra_info: `text${this.seq}` };
    this.streams.set(id, { ...stream, ...changed });
    const event = field === "muted" ? mic(id, changed.muted) : info(`${id}@${stream.user.user_id}=${changed.extra_info}`);
    return [this.#note(event)];
  }

  answer(bench, { id, type, last_seq }) {
    const isAsking = type === "login" || type === "resume";
    if (isAsking && this.refusal !== null) {
      bench.error(id, this.refusal);
      this.refusal = null;
    } else if (type === "login") {
      this.hasSession = true;
      this.isPublishing = false;
      bench.ok(id, loginOk(this.#snapshot(), { nodes: this.nodes }));
    } else if (type === "resume" && !this.hasSession) {
      bench.error(id, fatal(1002051));
    } else if (type === "resume") {
      bench.ok(id, this.#resumed(last_seq));
    } else if (type === "heartbeat") {
      bench.ok(id, heartbeatOk(this.seq));
    } else {
      this.isPublishing = type === "publish" || (type !== "unpublish" && this.isPublishing);
      bench.ok(id, { answer: "", token_expires_in_ms: 1_000, message_id: 1 });
    }
  }

  #resumed(lastSeq) {
    const missed = this.log.filter(({ seq }) => seq > lastSeq);
    const held = { publishing: this.isPublishing ? ["mine"] : [] };
    return lastSeq >= this.forgotten ? resumeOk(missed, null, held) : resumeOk(null, this.#snapshot(), held);
  }
}

const FOLLOWS = {
  none: ["LOGINING"],
  LOGINING: ["LOGINED", "LOGIN_FAILED", "KICKOUT", "LOGOUT"],
  LOGINED: ["RECONNECTING", "KICKOUT", "LOGOUT"],
  RECONNECTED: ["RECONNECTING", "KICKOUT", "LOGOUT"],
  RECONNECTING: ["RECONNECTED", "RECONNECT_FAILED", "KICKOUT", "LOGOUT"],
};
const ENDS = ["LOGIN_FAILED", "RECONNECT_FAILED", "KICKOUT", "LOGOUT"];
const FINE = ["LOGINING", "LOGINED", "RECONNECTED", "LOGOUT"];

/** What a program makes of what it is told, and whether that was legal. */
export class Application {
  told = "none";
  users = new Set();
  streams = new Map();
  #isUp = false;
  #endCode;
  #checked = 0;

  check({ calls }) {
    calls.slice(this.#checked).forEach(([event, ...args]) => this[event](...args));
    this.#checked = calls.length;
  }

  get #isConnected() {
    return this.told === "LOGINED" || this.told === "RECONNECTED";
  }

  onState(reason, code) {
    assert.ok(FOLLOWS[this.told]?.includes(reason), `${reason} after ${this.told}`);
    assert.equal(code === 0, FINE.includes(reason), `${reason} ${code}`);
    assert.equal(this.#endCode, ENDS.includes(reason) ? code : undefined, `the end is told right before ${reason}`);
    this.told = reason;
  }

  onEnd(code) {
    this.#endCode = code;
  }

  onLink(isUp) {
    assert.notEqual(isUp, this.#isUp);
    this.#isUp = isUp;
  }

  onUsers(update, list) {
    this.#list(update, list, (each) => changed(this.users, update, each.userID));
  }

  onStreams(update, list) {
    this.#list(update, list, ({ streamID, user: owner }) => {
      assert.ok(this.users.has(owner.userID), "a stream without its user");
      if (update === "DELETE") {
        return this.streams.delete(streamID);
      }
      // Its text and its mute state are told behind it.
      const isNews = !this.streams.has(streamID);
      this.streams.set(streamID, { extraInfo: "", muted: false });
      return isNews;
    });
  }

  #list(update, list, isNews) {
    assert.ok(this.#isConnected && list.length > 0);
    list.forEach((each) => assert.ok(isNews(each), `${update} ${JSON.stringify(each)}`));
  }

  onStreamExtraInfo(list) {
    for (const { streamID, extraInfo } of list) {
      assert.notEqual(this.streams.get(streamID).extraInfo, extraInfo);
      this.streams.get(streamID).extraInfo = extraInfo;
    }
  }

  onStreamMic(streamID, muted) {
    assert.notEqual(this.streams.get(streamID).muted, muted);
    this.streams.get(streamID).muted = muted;
  }

  onStreamEnded() {
    assert.ok(this.#isConnected);
  }

  onTokenWillExpire() {
    assert.ok(!["none", "LOGINING", ...ENDS].includes(this.told));
  }

  agreesWith(server) {
    assert.deepEqual([...this.users].sort(), [...server.users].sort());
    const theirs = [...server.streams].map(([id, { extra_info, muted }]) => [id, { extraInfo: extra_info, muted }]);
    assert.deepEqual(Object.fromEntries(this.streams), Object.fromEntries(theirs));
  }
}

function changed(set, update, item) {
  const had = set.has(item);
  if (update === "ADD") {
    set.add(item);
    return !had;
  }
  return set.delete(item);
}
