import { codes } from "./codes.js";
import { ZegoError } from "./errors.js";

/** Path of the signalling WebSocket below a server's address (docs/protocol.md). */
const SIGNAL_PATH = "/v1/signal";
const SCHEMES = new Map([
  ["ws", "ws"],
  ["http", "ws"],
  ["wss", "wss"],
  ["https", "wss"],
]);

/**
 * Makes the URLs of the signalling WebSocket from the `server` argument of the documented constructor: one address or a list
 * to try in order. `http` becomes `ws`, `https` becomes `wss`, `host:port` alone becomes `ws` or, on an https page, `wss`; a
 * path is kept as a prefix. Nothing, or an empty text, is the server that the page came from.
 *
 * @param {unknown} server `string | string[] | "" | null | undefined`
 * @param {{ protocol: string, host: string }} [location] Where the page came from.
 * @returns {string[]} At least one, each ending in `/v1/signal`.
 * @throws {ZegoError} 1100001 for an address that cannot be used.
 */
export function signalURLs(server, location = globalThis.location) {
  const addresses = Array.isArray(server) && server.length > 0 ? server : [Array.isArray(server) ? "" : server];
  return addresses.map((address) => signalURL(address ?? "", location));
}

function signalURL(address, location) {
  if (typeof address !== "string") {
    throw refused("no text", address);
  }
  const given = address.trim() === "" ? pageAddress(location) : address.trim();
  const [, scheme, rest] = /^(?:([^:/?#]*):\/\/)?(.*)$/s.exec(given);
  const ownScheme = location?.protocol === "https:" ? "wss" : "ws";
  const wanted = scheme === undefined ? ownScheme : SCHEMES.get(scheme.toLowerCase());
  if (wanted === undefined) {
    throw refused("unknown scheme in", address);
  }
  const url = parse(`${wanted}://${rest}`, address);
  const prefix = url.pathname.replace(/\/+$/, "");
  return `${wanted}://${url.host}${prefix.endsWith(SIGNAL_PATH) ? prefix : prefix + SIGNAL_PATH}`;
}

function pageAddress(location) {
  if (!location?.host) {
    throw refused("the page came from no server, so none can be left out:", "");
  }
  return `${location.protocol === "https:" ? "https" : "http"}://${location.host}`;
}

function parse(text, address) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw refused("no host or a wrong port in", address);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw refused("a user name, a query or a fragment in", address);
  }
  return url;
}

function refused(why, address) {
  const forms = "the server is ws://host:port, wss://host:port, http(s)://host:port or host:port";
  return new ZegoError(codes.INPUT_PARAM, `${why} ${JSON.stringify(address)}: ${forms}`);
}
