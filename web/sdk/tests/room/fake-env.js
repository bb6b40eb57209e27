/** A browser of the test's own: time passes when the test says so, sockets lead to the test. */
export class FakeEnv {
  time = 0;
  sockets = [];
  online = true;
  #timers = new Map();
  #lastTimer = 0;
  #onOnline = new Set();
  #random;

  /** @param {() => number} [random] */
  constructor(random = seeded(1)) {
    this.#random = random;
    const env = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url) {
        super(env, url);
      }
    };
  }

  now = () => this.time;
  random = () => this.#random();
  isOnline = () => this.online;

  onOnline = (fn) => {
    this.#onOnline.add(fn);
    return () => this.#onOnline.delete(fn);
  };

  onPageHide = (fn) => {
    this.hidePage = fn;
    return () => (this.hidePage = undefined);
  };

  /** How many wait for the network. */
  get onlineListeners() {
    return this.#onOnline.size;
  }

  setTimeout = (fn, ms) => {
    this.#lastTimer += 1;
    // Browsers cut what is less than a millisecond off.
    this.#timers.set(this.#lastTimer, { at: this.time + Math.trunc(ms), fn });
    return this.#lastTimer;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  /** When the next timer is due, or `Infinity`. */
  nextTimer() {
    return Math.min(...[...this.#timers.values()].map(({ at }) => at));
  }

  /** Lets time pass; timers fire in their order, each at its time. */
  pass(ms) {
    const end = this.time + ms;
    while (this.nextTimer() <= end) {
      const next = this.nextTimer();
      const [id, { at, fn }] = [...this.#timers].find(([, timer]) => timer.at === next);
      this.#timers.delete(id);
      this.time = Math.max(this.time, at);
      fn();
    }
    this.time = end;
  }

  /** Lets time pass while all timers sleep, as those of a hidden page do; those that are due fire at the end. */
  sleep(ms) {
    this.time += ms;
    this.pass(0);
  }

  /** The system has a network again, or has none. */
  setOnline(online) {
    this.online = online;
    if (online) {
      this.#onOnline.forEach((fn) => fn());
    }
  }
}

class FakeSocket {
  sent = [];
  bufferedAmount = 0;
  closedWith;

  constructor(env, url) {
    this.url = url;
    this.openedAt = env.time;
    env.sockets.push(this);
  }

  send(text) {
    this.sent.push(text);
  }

  close(code) {
    this.closedWith = code;
  }
}

/** Random numbers in 0..1 that are the same for the same seed (the "mulberry32" generator). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
