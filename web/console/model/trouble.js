/** What `exceptionUpdate` says of the sound of one stream, until it says that it is over. */

/** The code of a recovery is that much higher than that of its exception, as documented (1002, 2002). */
const RECOVERY = 1000;

/** The exceptions that hold now. */
export class Trouble {
  /** By code, in the order they came. @type {Map<number, string>} */
  #messages = new Map();

  /** @param {{code: number, message: string}} detail As the event has it: an exception, or a recovery. */
  note({ code, message }) {
    if (!this.#messages.delete(code - RECOVERY)) this.#messages.set(code, message);
  }

  /** Forgets all. */
  clear() {
    this.#messages.clear();
  }

  /** What is wrong, for people; empty while all is well. */
  get text() {
    return [...this.#messages].map(([code, message]) => `${message} (${code})`).join("; ");
  }
}
