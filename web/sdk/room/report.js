import { codes } from "../base/codes.js";
import { after } from "./timers.js";

/**
 * What is told of the room's state: the documented reason, code and text, and whether it is the end of the login.
 *
 * @typedef {{ reason: string, code: number, text: string, isEnd: boolean }} StateEvent
 */

function event(reason, code, text = "") {
  return { reason, code, text, isEnd: false };
}

/**
 * What the program is told of the room's state, and what is kept from it.
 *
 * ```text
 *                  LOGINING                LOGINED, RECONNECTED
 *  DISCONNECTED ─────────────► CONNECTING ──────────────────────► CONNECTED
 *       ▲                       │      ▲                            │  │
 *       │ LOGIN_FAILED          │      └────────────────────────────┘  │
 *       │ RECONNECT_FAILED      │           RECONNECTING               │
 *       └───────────────────────┴──────────────────────────────────────┘
 *                               KICKOUT, LOGOUT
 * ```
 *
 * An event is told only when the coarse state changes, so retries repeat nothing. A lost link is held back: it is told
 *
 * - when it is still away after the debounce (8 s);
 * - at once, when it is the second loss within the debounce of the first, though the link came back in between;
 * - at once, when the session is gone and the client has to log in anew, for then others may notice too.
 *
 * A link that is back before any of these leaves no trace here. A relogin that the server asked for (`need_relogin`) counts as
 * a lost link, not as a lost session.
 */
export class Report {
  #told = "DISCONNECTED";
  #completed = false;
  /** Until when a second loss is told at once. */
  #window;
  /** The code of the loss that is held back while the link is away. */
  #held;
  #reloginWanted = false;

  /** The documented coarse state, as the program knows it. */
  get told() {
    return this.#told;
  }

  /** Whether a login succeeded before: failures are called RECONNECT_FAILED from then on. */
  get completed() {
    return this.#completed;
  }

  /** Until when a loss is held back. */
  get window() {
    return this.#window;
  }

  /** The login begins. */
  logining() {
    this.#told = "CONNECTING";
    return event("LOGINING", codes.SUCCESS);
  }

  /** Logged in, or in again. */
  up() {
    this.#held = undefined;
    this.#reloginWanted = false;
    if (this.#told !== "CONNECTING") {
      return undefined;
    }
    this.#told = "CONNECTED";
    const reason = this.#completed ? "RECONNECTED" : "LOGINED";
    this.#completed = true;
    return event(reason, codes.SUCCESS);
  }

  /** The link was lost. Without an event, `window` says when to ask `windowOver`. */
  linkLost(now, debounceMs) {
    return this.#lost(now, debounceMs, codes.NETWORK_BROKEN);
  }

  /** The server asked for a new login. */
  reloginWanted(now, debounceMs) {
    this.#reloginWanted = true;
    return this.#lost(now, debounceMs, codes.NETWORK_RECOVERY);
  }

  #lost(now, debounceMs, code) {
    if (this.#window !== undefined && now < this.#window) {
      return this.#reconnecting(code);
    }
    this.#window = after(now, debounceMs);
    this.#held = code;
    return undefined;
  }

  /** The session is gone. */
  sessionLost() {
    return this.#reloginWanted ? undefined : this.#reconnecting(codes.NETWORK_RECOVERY);
  }

  /** The debounce is over: a loss that lasts is told now. */
  windowOver() {
    this.#window = undefined;
    return this.#held === undefined ? undefined : this.#reconnecting(this.#held);
  }

  #reconnecting(code) {
    this.#window = undefined;
    this.#held = undefined;
    if (this.#told !== "CONNECTED") {
      return undefined;
    }
    this.#told = "CONNECTING";
    return event("RECONNECTING", code);
  }

  /** Given up. A loss that was still held back is told first, so that a failure always follows its RECONNECTING. */
  failed(code, text) {
    const reconnecting = this.#reconnecting(this.#held ?? codes.NETWORK_BROKEN);
    const end = this.#end(this.#completed ? "RECONNECT_FAILED" : "LOGIN_FAILED", code, text);
    return [reconnecting, end];
  }

  /** Kicked out. */
  kickedOut(code, text) {
    return this.#end("KICKOUT", code, text);
  }

  /** Logged out; a login that was still running is cancelled, which the documented event reports as 0 too. */
  loggedOut() {
    return this.#end("LOGOUT", codes.SUCCESS, "");
  }

  #end(reason, code, text) {
    if (this.#told === "DISCONNECTED") {
      return undefined;
    }
    this.#told = "DISCONNECTED";
    return { ...event(reason, code, text), isEnd: true };
  }
}
