// A user in a page: the test's half of pages/caller.js.

import { openPage } from "./browsers.mjs";
import { APP_ID, token } from "./tokens.mjs";

/**
 * Opens a page and logs a user in.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} site
 * @param {import("./server.mjs").Server} server
 * @param {{roomID: string, userID: string, userName?: string, token?: string, scenario?: number}} who
 * @returns {Promise<Caller>}
 */
export async function joinInPage(browser, site, server, who) {
  const caller = new Caller(await openPage(browser, `${site}/blank.html`));
  const sdk = `${server.url}/sdk/express.js`;
  const usual = { userName: who.userID, sdk, appID: APP_ID, server: server.signalling, token: token(who.userID) };
  await caller.do("join", { ...usual, ...who });
  return caller;
}

/** A page with a user in it. */
export class Caller {
  constructor(page) {
    this.page = page;
  }

  /** Calls a function of pages/caller.js. */
  do(name, ...args) {
    return this.page.evaluate(async (name, args) => (await import("/caller.js"))[name](...args), name, args);
  }
}
