import { after } from "./timers.js";

/** The token of a login: which one is in force, whether the server knows it, and when its end is to be announced. */
export class TokenKeeper {
  #current;
  /** What was in force before `current`, until the server accepts that. */
  #before;
  #ends;
  #warned = false;

  /** @param {string} token */
  constructor(token) {
    this.#current = token;
  }

  /** The token to log in with. */
  get current() {
    return this.#current;
  }

  /** Whether the server has yet to accept the current token. */
  get isUnconfirmed() {
    return this.#before !== undefined;
  }

  /** Takes a new token; `false` when it is the current one. */
  renew(token) {
    if (token === this.#current) {
      return false;
    }
    this.#before ??= this.#current;
    this.#current = token;
    return true;
  }

  /** The server accepted `token`; its end is announced anew. */
  accepted(token) {
    if (this.#before === undefined) {
      return;
    }
    this.#before = token === this.#current ? undefined : token;
    this.#warned = false;
  }

  /** The server refused `token`: the one before it stays in force, unless a newer one waits already. */
  refused(token) {
    if (token === this.#current && this.#before !== undefined) {
      this.#current = this.#before;
      this.#before = undefined;
    }
  }

  /** What is left of the life of the token in force. Returns when to announce its end; `undefined` when that was done. */
  expires(now, leftMs, warningMs) {
    this.#ends = after(now, leftMs);
    return this.#warned ? undefined : Math.max(now, this.#ends - warningMs);
  }

  /** The end is announced, once; the milliseconds that are left. */
  warn(now) {
    this.#warned = true;
    return Math.max(0, this.#ends - now);
  }
}
