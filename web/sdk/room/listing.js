/**
 * Users, and streams, that a client keeps of one room. User events are meant for rooms of up to 500 users (documented); the
 * bound only keeps a broken server from filling the memory. What is beyond it is counted and not reported.
 */
export const MAX_LISTED = 100_000;

/** Items by key, in the order in which they came; remembers what they were when it is asked to. Items are never changed. */
export class Listing {
  #items = new Map();
  #before = new Map();

  /** @param {Iterable<[string, any]>} [items] */
  constructor(items = []) {
    this.#items = new Map(items);
  }

  get(key) {
    return this.#items.get(key);
  }

  values() {
    return this.#items.values();
  }

  entries() {
    return this.#items;
  }

  /** Puts an item in, behind all others if it is new or `moves`. Returns `false`, and does nothing, when there is no room. */
  put(key, item, moves) {
    if (this.#items.size >= MAX_LISTED && !this.#items.has(key)) {
      return false;
    }
    this.#note(key);
    if (moves) {
      this.#items.delete(key);
    }
    this.#items.set(key, item);
    return true;
  }

  remove(key) {
    if (this.#items.has(key)) {
      this.#note(key);
      this.#items.delete(key);
    }
  }

  /** What was touched last stands last. */
  #note(key) {
    const before = this.#before.has(key) ? this.#before.get(key) : this.#items.get(key);
    this.#before.delete(key);
    this.#before.set(key, before);
  }

  /** The items touched since the last call: what they were before the first touch, and what they are now. */
  takeTouched() {
    const before = this.#before;
    this.#before = new Map();
    return { before, after: new Map([...before.keys()].map((key) => [key, this.#items.get(key)])) };
  }
}

/**
 * What differs between two views of a list; `undefined` stands for what is not there. What gave way to another item of the same
 * key went and came.
 *
 * @param {{ before: Map<string, any>, after: Map<string, any> }} views
 * @param {(a: any, b: any) => boolean} isSame Whether two items of one key are the same to others.
 * @returns {{ gone: any[], came: any[], stayed: [any, any][] }} `stayed`: before and after of what is there in both.
 */
export function difference({ before, after }, isSame) {
  const there = (item, other) => other !== undefined && isSame(item, other);
  const items = (view) => [...view].filter(([, item]) => item !== undefined);
  const kept = items(after).filter(([key, item]) => there(item, before.get(key)));
  return {
    gone: items(before)
      .filter(([key, item]) => !there(item, after.get(key)))
      .map(([, item]) => item),
    came: items(after)
      .filter(([key, item]) => !there(item, before.get(key)))
      .map(([, item]) => item),
    stayed: kept.map(([key, item]) => [before.get(key), item]),
  };
}
