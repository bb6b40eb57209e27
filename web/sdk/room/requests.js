import { after } from "./timers.js";

/**
 * Why a request was made, and so what its reply means: its type, and for `renewToken` the token, for a heartbeat whether it was
 * `due`, for what somebody waits for the `ticket`, for what belongs to a stream its `streamID`.
 *
 * @typedef {{ type: string, ticket?: number, streamID?: string, token?: string, due?: boolean }} Purpose
 */

/** Requests that are out on the current link, by their id. All wait equally long, so the oldest is the next one due. */
export class Requests {
  #waiting = new Map();

  add(id, purpose, now, timeoutMs) {
    this.#waiting.set(id, { purpose, deadline: after(now, timeoutMs) });
  }

  take(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting?.purpose;
  }

  /** The first request of this type that is out, of any stream or of this one. */
  find(type, streamID) {
    const fits = ({ purpose }) => purpose.type === type && (streamID === undefined || purpose.streamID === streamID);
    return [...this.#waiting.values()].find(fits)?.purpose;
  }

  /** All that is out; the link is gone. */
  takeAll() {
    const all = [...this.#waiting.values()].map(({ purpose }) => purpose);
    this.#waiting.clear();
    return all;
  }

  /** Those that were not answered in time, the oldest first. */
  takeExpired(now) {
    const expired = [...this.#waiting].filter(([, { deadline }]) => deadline <= now);
    return expired.map(([id]) => this.take(id));
  }

  /** The earliest deadline, or `Infinity`. */
  next() {
    const [oldest] = this.#waiting.values();
    return oldest?.deadline ?? Infinity;
  }
}
