import { signalURLs } from "../base/server-address.js";

/** Most nodes of one list of nodes; what is beyond is left out. */
export const MAX_NODES = 8;
/** Longest base URL of a node in bytes. */
export const MAX_NODE_URL = 256;
/** How often a client lets itself be sent to another node in one attempt to log in or to resume. */
export const MAX_NODE_HOPS = 3;
/** How many members of a cloud are remembered beside those of the newest list. */
const MEMBERS = 32;

/** What a server may name: a URL with a scheme of its own; what a page may leave out is no address of a node. */
const HAS_SCHEME = /^(?:wss?|https?):\/\/[^/]/i;

/**
 * Where a login may be made, as URLs of the signalling WebSocket: the servers that the program gave, and the nodes of a cloud that
 * servers told of. A server's word about others is not taken on trust: addresses are counted, measured and parsed, they carry no
 * credentials, and one without TLS is no address for a client that was given one with it.
 */
export class Nodes {
  #given;
  /** The newest list of a server. */
  #learnt = [];
  /** Nodes that a server named, and servers that named some: they understand a login that moves. */
  #members = [];
  #order;
  #needsTls;

  /** @param {string[]} given The servers that the program gave, in their order. */
  constructor(given) {
    this.#given = given;
    this.#order = [...given];
    this.#needsTls = given.some((url) => url.startsWith("wss:"));
  }

  /** How many there are to try. */
  get count() {
    return this.#order.length;
  }

  /** The one to try at this place. */
  at(place) {
    return this.#order[place];
  }

  /** Whether a server named this one, or it named others. */
  isMember(url) {
    return this.#members.includes(url);
  }

  /** Whether there is another member to go to than `url`. */
  hasOthers(url) {
    return this.#order.some((other) => other !== url && this.isMember(other));
  }

  /**
   * The signalling URL of a node that a server named.
   *
   * @param {string} node
   * @returns {string | undefined} Nothing where it is not to be used.
   */
  usable(node) {
    if (node.length > MAX_NODE_URL || !HAS_SCHEME.test(node)) {
      return undefined;
    }
    try {
      const [url] = signalURLs(node);
      return url.startsWith("wss:") || !this.#needsTls ? url : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * A server named the others: they replace those that were named before.
   *
   * @param {string[]} nodes
   * @returns {string[]} The ones that can be used.
   */
  learn(nodes) {
    const usable = nodes.slice(0, MAX_NODES).map((node) => this.usable(node));
    this.#learnt = [...new Set(usable.filter((url) => url !== undefined))];
    this.#learnt.forEach((url) => this.join(url));
    return this.#learnt;
  }

  /** The server at `url` is one of a cloud. */
  join(url) {
    if (!this.isMember(url)) {
      this.#members = [...this.#members, url].slice(-MEMBERS);
    }
  }

  /**
   * The login stands at `home`: what is tried next begins there, goes on with the other nodes, and then with the servers that the
   * program gave, in their order behind `home`.
   */
  standsAt(home) {
    this.#order = [home, ...this.#others(home)];
  }

  /** The node at `home` goes away: it is the last to try. */
  leaves(home) {
    this.#order = [...this.#others(home), home];
  }

  #others(home) {
    const start = Math.max(0, this.#given.indexOf(home));
    const all = [...this.#learnt, ...this.#given.slice(start), ...this.#given.slice(0, start)];
    return [...new Set(all)].filter((url) => url !== home);
  }
}
