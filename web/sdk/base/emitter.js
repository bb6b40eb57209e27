/**
 * Listeners by event name, with the documented rules of `on` and `off`.
 */
export class Emitter {
  #names;
  #listeners = new Map();
  #failures = 0;

  /** @param {Iterable<string>} names Every event that there is. */
  constructor(names) {
    this.#names = new Set(names);
  }

  /** How many calls of listeners threw. */
  get failures() {
    return this.#failures;
  }

  /**
   * Adds a listener. The same function twice is stored once.
   *
   * @param {string} name
   * @param {(...args: any[]) => void} listener
   * @returns {boolean} `false` for an unknown event, or for what is no function.
   */
  on(name, listener) {
    if (!this.#names.has(name) || typeof listener !== "function") {
      return false;
    }
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return true;
  }

  /**
   * Takes a listener away at once, also while the event is being told; without one, all of the event.
   *
   * @param {string} name
   * @param {(...args: any[]) => void} [listener]
   * @returns {boolean} `false` for an unknown event.
   */
  off(name, listener) {
    if (!this.#names.has(name)) {
      return false;
    }
    const listeners = this.#listeners.get(name);
    if (listener === undefined) {
      listeners?.clear();
    } else {
      listeners?.delete(listener);
    }
    return true;
  }

  /**
   * Calls the listeners of an event in the order in which they were added. One that throws is reported on the console and
   * counted, and harms neither the others nor the caller.
   *
   * @param {string} name
   * @param {...any} args
   */
  emit(name, ...args) {
    const listeners = this.#listeners.get(name);
    // A copy: a listener that is added while the event is told waits for the next one.
    for (const listener of [...(listeners ?? [])]) {
      if (listeners.has(listener)) {
        this.#call(name, listener, args);
      }
    }
  }

  #call(name, listener, args) {
    try {
      listener(...args);
    } catch (error) {
      this.#failures += 1;
      console.error(`a listener of ${name} threw`, error);
    }
  }
}
