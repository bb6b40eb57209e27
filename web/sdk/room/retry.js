import { backoffDelay } from "../base/timings.js";

/** A server may ask to be tried again as soon as this, not sooner: a hostile 0 must not become a busy loop. */
export const SHORTEST_WAIT_MS = 100;

/** The wait that the server named itself; the same server is asked again. */
export function toldWait(afterMs) {
  return Math.max(afterMs, SHORTEST_WAIT_MS);
}

/** The way through the list of servers: all in order without a pause, then a pause that grows, then all again. */
export class Retry {
  #servers;
  #current = 0;
  #failedInRound = 0;
  #waits = 0;

  /** @param {number} servers How many there are. */
  constructor(servers) {
    this.#servers = Math.max(1, servers);
  }

  /** Index of the server to try. */
  get server() {
    return this.#current;
  }

  /** A login or resume succeeded: the next trouble begins with this server and a short wait. */
  succeeded() {
    this.#failedInRound = 0;
    this.#waits = 0;
  }

  /**
   * The list is another one, in the order to try.
   *
   * @param {number} servers How many there are.
   */
  beginWith(servers) {
    this.#servers = Math.max(1, servers);
    this.#current = 0;
    this.#failedInRound = 0;
  }

  /**
   * An attempt ended in a transport fault.
   *
   * @param {import("../base/timings.js").Backoff} backoff
   * @param {number} random A fresh value in 0..1.
   * @returns {number | undefined} After how many milliseconds to try again; `undefined`: the next server, at once.
   */
  failed(backoff, random) {
    this.#current = (this.#current + 1) % this.#servers;
    this.#failedInRound += 1;
    return this.#failedInRound < this.#servers ? undefined : this.wait(backoff, random);
  }

  /** The wait before the next round, in milliseconds. */
  wait(backoff, random) {
    this.#failedInRound = 0;
    const wait = backoffDelay(backoff, this.#waits, random);
    this.#waits += 1;
    return wait;
  }
}
