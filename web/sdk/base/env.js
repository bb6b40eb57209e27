/**
 * What the SDK takes from the browser and cannot be decided without: clock, timers, randomness, sockets, and whether there is
 * a network. Nothing else reads them, so a test gives its own and everything happens in its time.
 *
 * @typedef {object} Env
 * @property {() => number} now Milliseconds that never go back.
 * @property {(fn: () => void, ms: number) => any} setTimeout
 * @property {(id: any) => void} clearTimeout
 * @property {() => number} random A value in 0..1, 1 left out.
 * @property {typeof WebSocket} WebSocket
 * @property {() => boolean} isOnline What the system says of its network; `true` where it does not say.
 * @property {(fn: () => void) => () => void} onOnline Calls `fn` when the network is back, until the result is called.
 * @property {(fn: () => void) => () => void} onPageHide Calls `fn` when the page is closed or left, until the result is called.
 */

/**
 * The browser's own.
 *
 * @returns {Env}
 */
export function browserEnv() {
  return {
    now: () => performance.now(),
    setTimeout: (fn, ms) => globalThis.setTimeout(fn, ms),
    clearTimeout: (id) => globalThis.clearTimeout(id),
    random: () => Math.random(),
    WebSocket: globalThis.WebSocket,
    isOnline: () => globalThis.navigator?.onLine !== false,
    onOnline: (fn) => {
      globalThis.addEventListener("online", fn);
      return () => globalThis.removeEventListener("online", fn);
    },
    onPageHide: (fn) => {
      globalThis.addEventListener("pagehide", fn);
      return () => globalThis.removeEventListener("pagehide", fn);
    },
  };
}
