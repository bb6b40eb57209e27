import { list, object, text } from "./shapes.js";

/** Most servers, and most URLs of each, that are used (docs/protocol.md, "Limits"). */
export const MAX_ICE_SERVERS = 8;
/** Longest URL, user name and credential in bytes. */
export const MAX_ICE_TEXT = 512;

/** What a browser takes: it throws for every other URL, and no connection would be made (RFC 7064, RFC 7065). */
const URL_FORM = /^(?:stuns?|(turns?)):(?:\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?(?:\?transport=(?:udp|tcp))?$/i;

/**
 * Reads STUN and TURN servers. What a browser cannot use is left out: a newer server may know more than this page.
 *
 * @param {unknown} [value] `ice_servers` of an answer; nothing where there are none.
 * @returns {RTCIceServer[]}
 * @throws {import("./shapes.js").ShapeError} for what is no list of servers.
 */
export function iceServers(value = []) {
  return list(value, server)
    .slice(0, MAX_ICE_SERVERS)
    .filter(({ urls }) => urls.length > 0);
}

function server(value) {
  const { urls, username, credential } = object(value);
  const login = [username, credential].filter((each) => each !== undefined && each !== null).map(text);
  const hasLogin = login.length === 2 && login.every(isShort);
  const usable = list(urls, text)
    .slice(0, MAX_ICE_SERVERS)
    .filter((url) => isUsable(url, hasLogin));
  return hasLogin ? { urls: usable, username, credential } : { urls: usable };
}

function isUsable(url, hasLogin) {
  const form = isShort(url) && URL_FORM.exec(url);
  if (!form) return false;
  const [, turn, port = "1"] = form;
  const isComplete = turn ? hasLogin : !url.includes("?");
  return isComplete && Number(port) >= 1 && Number(port) <= 65_535;
}

/** A character of these texts is a byte, or more. */
function isShort(value) {
  return value.length <= MAX_ICE_TEXT;
}
