/** A socket that takes nothing any more: so many bytes wait in it. A client has a few small requests in flight. */
const STUCK_BYTES = 256 * 1024;
/** The client's close code (docs/protocol.md): it is done with this socket. */
const DONE = 1000;
/** The page was closed or left: no user is behind it for now. */
const PAGE_LEFT = 4001;

/**
 * One WebSocket, from the moment it begins to open. Tells its owner `opened()` once, then `data(anything)` for each frame, and
 * `closed()` last, never before the constructor returned; nothing any more after `hangUp`.
 */
export class Link {
  #socket;
  #cancelFailure;

  /**
   * @param {import("../base/env.js").Env} env
   * @param {string} url
   * @param {{ opened: () => void, data: (data: unknown) => void, closed: () => void }} owner
   */
  constructor(env, url, owner) {
    try {
      this.#socket = new env.WebSocket(url);
    } catch {
      // A browser that forbids the address throws at once; for whoever waits it is one more socket that does not open.
      const id = env.setTimeout(owner.closed, 0);
      this.#cancelFailure = () => env.clearTimeout(id);
      return;
    }
    this.#socket.onopen = owner.opened;
    this.#socket.onmessage = ({ data }) => owner.data(data);
    this.#socket.onclose = owner.closed;
  }

  /**
   * Sends a text frame.
   *
   * @param {string} text
   * @returns {boolean} `false` when the socket takes no more.
   */
  send(text) {
    this.#socket.send(text);
    return this.#socket.bufferedAmount <= STUCK_BYTES;
  }

  /**
   * Closes because the page goes. A browser says so itself (1001) unless it keeps the page for its back button, with the socket
   * open and nobody behind it; a page that comes back finds the socket closed and logs in anew.
   */
  leave() {
    this.#socket?.close(PAGE_LEFT);
  }

  /** Closes; what was sent before is still written. */
  hangUp() {
    this.#cancelFailure?.();
    if (this.#socket !== undefined) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close(DONE);
    }
  }
}
