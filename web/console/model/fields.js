/** What stands in the join form: defaults, the address bar, and the address of the development token. */

import { signalURLs } from "../../sdk/base/server-address.js";

/**
 * Fields that the address bar fills in. Tokens are not among them: a link is passed on and stays in histories.
 *
 * @param {string} search `location.search`.
 * @returns {{room?: string, user?: string, server?: string, appID?: string}} Only what is there.
 */
export function prefill(search) {
  const query = new URLSearchParams(search);
  const found = { room: query.get("room"), user: query.get("user"), server: query.get("server"), appID: query.get("appid") };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}

/**
 * A link that brings somebody else to the same room.
 *
 * @param {string} page Address of this page.
 * @param {{room: string, server: string, appID: string}} fields
 * @returns {string}
 */
export function inviteLink(page, { room, server, appID }) {
  const link = new URL("/", page);
  link.searchParams.set("room", room);
  if (server !== "") link.searchParams.set("server", server);
  if (appID !== "") link.searchParams.set("appid", appID);
  return link.href;
}

/**
 * A user id that is very likely nobody else's, so that two tabs do not kick each other.
 *
 * @param {() => number} random As `Math.random`.
 */
export function suggestedUser(random) {
  return `guest-${1000 + Math.floor(random() * 9000)}`;
}

/**
 * Where the server makes development tokens, if it does.
 *
 * @param {string} server As the engine takes it; "" is the page's own host.
 * @param {Location | URL} page Where this page came from.
 * @returns {string | null} `null` if the server's address cannot be read.
 */
export function devTokenAddress(server, page) {
  try {
    return signalURLs(server, page)[0]
      .replace(/^ws/, "http")
      .replace(/signal$/, "dev-token");
  } catch {
    return null;
  }
}

/**
 * The AppID as a number.
 *
 * @param {string} text
 * @returns {number} `NaN` for what is no AppID (1 to 2^32 - 1); the engine refuses it with its own words.
 */
export function parseAppID(text) {
  return /^\d{1,10}$/.test(text.trim()) ? Number(text) : NaN;
}
