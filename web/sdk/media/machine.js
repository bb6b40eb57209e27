/**
 * What publisher and player have in common: tries, each with an offer, an exchange and an answer, and the waits between them.
 *
 * ```text
 *  begin ─► offering ─► exchanging ─► applying ─► (the subclass: connected, media) ─┐
 *              ▲            │             │              │                          │ any phase: stop, a final
 *              │            ▼             ▼              ▼                          ▼ refusal, or the budget over
 *              └───────────── waiting (REQUESTING with a code)                    ended (told once, last)
 * ```
 *
 * Pure: `now` (ms) and `random` (0..1) are arguments, and what is to be done is returned as a list of effects. Each try has a
 * number; whatever a try asked for comes back with that number, and what belongs to an older try is ignored. The decisions are
 * those of the engine (media/src/publisher/state.rs, media/src/player/state.rs).
 *
 * Where a login moves to another node of its cloud, the connection to the former one is kept until there is another, and nothing
 * is told (`former`): at most 10 s.
 *
 * Effects: `{do: "emit", state, code, text}` tell the owner; `{do: "open", attempt}` make a connection and its offer;
 * `{do: "exchange", attempt, offer}` send the offer to the server; `{do: "apply", attempt, answer}`; `{do: "close"}` close the
 * connection, and the one that is kept; `{do: "keep"}` keep it beside the next try; `{do: "discard"}` close that of the try, and
 * `{do: "retire"}` the one that is kept; `{do: "withdraw"}` tell the server that it is over; `{do: "report", attempt}` report the quality; `{do: "end"}`.
 * @module
 */

import { codes } from "../base/codes.js";
import { Retry } from "./retry.js";

/** So long another connection may take to come; then the stream counts as interrupted. */
const MOVE_MS = 10_000;

/**
 * @typedef {object} Words what differs between publisher and player
 * @property {string} requesting
 * @property {string} running
 * @property {string} over
 * @property {{offer: number, answer: number, connection: number, closed: number, link: number, budget: number}} codes
 * @property {string} budgetText
 */

/**
 * The state of one published or played stream. A subclass says what comes behind the answer: `onReady(connected, now, random, out)`
 * when it is applied, `onConnection(event, now, random, out)` and `onRunningTime(now, random, out)` in its own phases.
 */
export class StreamMachine {
  /**
   * @param {Words} words
   * @param {number} now
   * @param {typeof import("../base/timings.js").DEFAULT_TIMINGS} timings
   */
  constructor(words, now, timings) {
    this.words = words;
    this.timings = timings;
    this.phase = { name: "ended" };
    this.attempt = 0;
    this.retry = new Retry(now, timings);
    this.told = undefined;
    /** The server may know of us. */
    this.registered = false;
    /**
     * The connection to the node before, which is used until there is another.
     * @type {{attempt: number, ends: number} | undefined}
     */
    this.former = undefined;
  }

  /** Tells REQUESTING 0 and opens the first try. */
  begin(now) {
    const out = [];
    this.tell(out, this.words.requesting, codes.SUCCESS, "");
    this.open(now, out);
    return out;
  }

  /** Whether media flows; without it the budget runs. */
  get isRunning() {
    return false;
  }

  /** Whether it is over. */
  get hasEnded() {
    return this.phase.name === "ended";
  }

  /** When `onTime` wants to be called next; `undefined` after the end. */
  nextDeadline() {
    if (this.hasEnded) return undefined;
    const own = Math.min(this.ownDeadline(), this.former?.ends ?? Infinity);
    return this.isRunning ? own : Math.min(own, this.retry.ends);
  }

  /** When the present phase has something to do. */
  ownDeadline() {
    return this.phase.until;
  }

  /** Does what is due at `now`. */
  onTime(now, random) {
    const out = [];
    if (this.hasEnded) return out;
    if (this.former !== undefined && now >= this.former.ends) this.#giveUpFormer(out);
    if (!this.isRunning && now >= this.retry.ends) {
      this.outOfTime(out);
    } else if (this.phase.until === undefined) {
      this.onRunningTime(now, random, out);
    } else if (now >= this.phase.until) {
      this.#overdue(now, random, out);
    }
    return out;
  }

  #overdue(now, random, out) {
    const known = this.words.codes;
    const faults = {
      offering: [known.offer, "no offer in time"],
      exchanging: [codes.TIMEOUT, "the server did not answer in time"],
      applying: [known.answer, "the answer was not taken in time"],
      connecting: [known.connection, "no media connection in time"],
    };
    const fault = faults[this.phase.name];
    if (fault) this.wait(now, random, undefined, ...fault, out);
    else this.open(now, out);
  }

  /** The budget is over. */
  outOfTime(out) {
    this.end(this.words.codes.budget, this.words.budgetText, out);
  }

  /** The connection of try `attempt` made its offer (`error` undefined), or could not. */
  onOffer(attempt, offer, error, now, random) {
    const out = [];
    if (!this.#isAt(attempt, "offering")) return out;
    if (error) {
      this.wait(now, random, undefined, this.words.codes.offer, error.message, out);
    } else {
      // Twice the time that the room itself waits: it answers first, unless it is gone.
      this.phase = { name: "exchanging", until: now + 2 * this.timings.requestMs, gone: false };
      out.push({ do: "exchange", attempt, offer });
    }
    return out;
  }

  /**
   * The server answered the offer of try `attempt`, or did not: `error` has `code`, `message` and `retryAfterMs` (a number,
   * `null` for a final refusal, `undefined` where the link or the time is at fault).
   */
  onAnswer(attempt, answer, error, now, random) {
    const out = [];
    if (!this.#isAt(attempt, "exchanging")) return out;
    if (error) this.#refused(error, now, random, out);
    else this.onAnswered(answer, now, random, out);
    return out;
  }

  /** The server answered well. */
  onAnswered(answer, now, _random, out) {
    this.phase = { name: "applying", until: now + this.timings.requestMs, connected: false };
    out.push({ do: "apply", attempt: this.attempt, answer });
  }

  #refused(error, now, random, out) {
    if (error.retryAfterMs === undefined) {
      const code = error.code === codes.TIMEOUT ? codes.TIMEOUT : this.words.codes.link;
      this.wait(now, random, undefined, code, error.message, out);
      return;
    }
    // This exchange left nothing behind at the server.
    this.phase = { name: "waiting", until: now };
    this.onRefusal(error.code);
    if (error.retryAfterMs === null) this.end(error.code, error.message, out);
    else this.wait(now, random, error.retryAfterMs, error.code, error.message, out);
  }

  /** The server refused with `code`. */
  onRefusal(_code) {}

  /** The connection of try `attempt` took the answer (`error` undefined), or could not. */
  onApplied(attempt, error, now, random) {
    const out = [];
    if (!this.#isAt(attempt, "applying")) return out;
    const { connected } = this.phase;
    if (error) this.wait(now, random, undefined, this.words.codes.answer, error.message, out);
    else this.onReady(connected, now, random, out);
    return out;
  }

  /** The connection of try `attempt` changed: "connected", "disconnected", "failed" or "closed". */
  onTransport(attempt, event, now, random) {
    const out = [];
    if (attempt !== this.attempt || this.hasEnded || this.phase.name === "waiting") {
      this.#onFormerTransport(attempt, event, out);
      return out;
    }
    const known = this.words.codes;
    if (event === "failed") {
      this.wait(now, random, undefined, known.connection, "the media connection failed", out);
    } else if (event === "closed") {
      this.wait(now, random, undefined, known.closed, "the media connection was closed", out);
    } else if (this.phase.name === "applying") {
      this.phase.connected ||= event === "connected";
    } else {
      this.onConnection(event, now, random, out);
    }
    return out;
  }

  /** The connection that is kept may end before there is another. That is told no sooner than that there is no other. */
  #onFormerTransport(attempt, event, out) {
    if (attempt === this.former?.attempt && (event === "failed" || event === "closed")) out.push({ do: "retire" });
  }

  /**
   * The signalling link is back; without `resumed` the server has forgotten the stream. `moved`: another node's session took the
   * place of ours, and what is connected is used until there is another connection.
   */
  onLinkRestored(resumed, now, moved = false) {
    const out = [];
    const { name } = this.phase;
    if (name === "waiting") {
      this.open(now, out);
    } else if (!resumed && !["offering", "exchanging", "ended"].includes(name)) {
      if (moved && (this.isRunning || this.former !== undefined)) this.#keep(now, out);
      else this.#lose(now, out);
      this.open(now, out);
    }
    // An exchange under way is answered by the room, on the new link or with an error.
    return out;
  }

  #lose(now, out) {
    this.former = undefined;
    this.requesting(now, this.words.codes.closed, "the server lost the session", out);
  }

  /** The connection that is used is kept, or one that was to take its place is given up. */
  #keep(now, out) {
    if (!this.isRunning) {
      this.#discard(out);
      return;
    }
    this.#noteRegistration();
    this.former = { attempt: this.attempt, ends: now + MOVE_MS };
    this.retry = new Retry(now, this.timings);
    out.push({ do: "keep" });
  }

  /** Gives up the connection of the try, and tells nothing: another one is used. */
  #discard(out) {
    this.#noteRegistration();
    out.push({ do: "discard" });
  }

  /** No other connection came in time. */
  #giveUpFormer(out) {
    this.retire(out);
    if (this.isRunning) return;
    // The budget began with the move.
    this.tell(out, this.words.requesting, this.words.codes.closed, "the stream did not come to the other node in time");
  }

  /** Another connection is there. */
  retire(out) {
    if (this.former === undefined) return;
    this.former = undefined;
    out.push({ do: "retire" });
  }

  /** The signalling link is away, and no media is wanted without it: a new try begins when it is back. */
  onLinkLost(now) {
    const out = [];
    if (this.hasEnded) return out;
    this.former = undefined;
    this.requesting(now, this.words.codes.link, "the signalling connection is away", out);
    this.phase = { name: "waiting", until: Infinity };
    return out;
  }

  /** The room that it went through ended, and another one takes its place. */
  onMoved(now, code) {
    const out = [];
    if (this.hasEnded) return out;
    this.former = undefined;
    this.requesting(now, code, "the room ended, and the stream goes through another one", out);
    this.open(now, out);
    return out;
  }

  /** The owner ends it with `code`. */
  onStop(code, text) {
    const out = [];
    if (!this.hasEnded) this.end(code, text, out);
    return out;
  }

  #isAt(attempt, name) {
    return attempt === this.attempt && this.phase.name === name;
  }

  open(now, out) {
    this.attempt += 1;
    this.phase = { name: "offering", until: now + this.timings.requestMs };
    out.push({ do: "open", attempt: this.attempt });
  }

  /** Gives the try up and takes the next one after a while. */
  wait(now, random, asked, code, text, out) {
    if (this.former === undefined) this.requesting(now, code, text, out);
    else this.#discard(out);
    this.phase = { name: "waiting", until: this.retry.next(now, asked, this.timings, random) };
  }

  /** Gives the connection up. */
  requesting(now, code, text, out) {
    this.#noteRegistration();
    out.push({ do: "close" });
    this.request(now, code, text, out);
  }

  /** Tells REQUESTING; after media flowed a new budget begins. */
  request(now, code, text, out) {
    if (this.told?.state === this.words.running) this.retry = new Retry(now, this.timings);
    this.tell(out, this.words.requesting, code, text);
  }

  /** An exchange that is given up unanswered, or was answered well, may have registered us. */
  #noteRegistration() {
    this.registered ||= !["offering", "waiting", "ended"].includes(this.phase.name);
  }

  end(code, text, out) {
    this.#noteRegistration();
    this.phase = { name: "ended" };
    this.former = undefined;
    out.push({ do: "close" });
    if (this.registered) out.push({ do: "withdraw" });
    this.registered = false;
    this.tell(out, this.words.over, code, text);
    out.push({ do: "end" });
  }

  /** Tells the owner, unless it would repeat what was told last. */
  tell(out, state, code, text) {
    if (this.told?.state === state && this.told.code === code) return;
    this.told = { state, code };
    out.push({ do: "emit", state, code, text });
  }
}
