/** No deadline lies farther away than this, whatever a server says: a year. */
const FAR_MS = 365 * 24 * 60 * 60 * 1000;

/** `now + ms`, with `ms` cut to a year. */
export function after(now, ms) {
  return now + Math.min(ms, FAR_MS);
}

/** Every deadline of a room login; of two at the same instant the one named first is carried out first. */
const ALL = [
  "budget", // The time to retry in is over.
  "attempt", // The attempt that runs has taken too long.
  "retry", // The next attempt is due.
  "debounce", // A lost link can be kept from the program no longer.
  "heartbeat", // A heartbeat is due.
  "heartbeatTimeout", // Heartbeats were not answered for too long.
  "ping", // The socket was silent: ask for a sign of life.
  "linkDead", // The socket was silent for too long.
  "gapCheck", // Events that the server said it sent must have come by now.
  "tokenWarning", // The token ends soon.
  "leave", // The logout has waited long enough for the server.
  "move", // The node that is moved to has taken too long.
];

const OF_A_LINK = ["attempt", "heartbeat", "heartbeatTimeout", "ping", "linkDead", "gapCheck"];

/** Deadlines as data: one slot for each named timer, one next deadline. */
export class Timers {
  #at = new Map();

  set(timer, at) {
    this.#at.set(timer, at);
  }

  clear(timer) {
    this.#at.delete(timer);
  }

  isSet(timer) {
    return this.#at.has(timer);
  }

  clearAll() {
    this.#at.clear();
  }

  /** Ends what belongs to one socket. */
  clearLink() {
    OF_A_LINK.forEach((timer) => this.clear(timer));
  }

  /** The earliest deadline, or `Infinity`. */
  next() {
    return Math.min(...this.#at.values());
  }

  /** Takes the earliest deadline that is due at `now`. */
  takeDue(now) {
    const next = this.next();
    if (next > now) {
      return undefined;
    }
    const due = ALL.find((timer) => this.#at.get(timer) === next);
    this.clear(due);
    return due;
  }
}
