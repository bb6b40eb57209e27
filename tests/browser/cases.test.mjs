// Runs tests/cases/*.json (see the README there) in pages against the real server: the same files as the engine's.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { BROWSERS, mediaAddress, openPage, startBrowser } from "./rig/browsers.mjs";
import { workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { APP_ID, token } from "./rig/tokens.mjs";

const CASES = new URL("../cases/", import.meta.url);
/** What is kept from the application for 8 s is told after one here; the order of things stays. */
const OPTIONS = { timings: { reconnectingDebounceMs: 1000 } };
/** Stories told at a time: most of each is waiting. */
const AT_ONCE = 4;
/** How long a story is listened to behind its last step. */
const QUIET_MS = 200;

const files = readdirSync(CASES)
  .filter((name) => name.endsWith(".json"))
  .sort();

for (const name of BROWSERS) {
  test(`every case is seen in ${name} as it is written`, { concurrency: AT_ONCE }, async (t) => {
    const site = await startSite(t);
    const browser = await startBrowser(t, name);
    // As many pages as stories at a time; each story begins with a page loaded anew.
    const pages = [];
    while (pages.length < AT_ONCE) pages.push(await openPage(browser, `${site}/blank.html`));
    const stories = files.map((file) => JSON.parse(readFileSync(new URL(file, CASES), "utf8")));
    const tellOne = async (t, story) => {
      const page = pages.pop();
      await page.goto(`${site}/story.html`);
      t.after(() => pages.push(page));
      await tell(t, page, site, story, mediaAddress(name));
    };
    await Promise.all(stories.map((story) => t.test(`${name}: ${story.name}`, (t) => tellOne(t, story))));
  });
}

async function tell(t, page, site, story, media) {
  const app = story.server?.onTokenExpiry ? `on_token_expiry = "${story.server.onTokenExpiry}"\n` : "";
  const server = await Server.start(t, workFolder(t), { allowedOrigins: [site], media, app });
  const begin = (...args) => window.story.begin(...args);
  await page.evaluate(begin, `${server.url}/sdk/express.js`, APP_ID, server.signalling, OPTIONS);
  for (const [index, step] of story.steps.entries()) {
    const place = `step ${index + 1}: ${JSON.stringify(step)}`;
    if (step.server === "kill") await server.kill();
    else if (step.server === "start") await server.restart();
    else await userStep(page, step, place);
  }
  // Everybody is asked before anybody leaves: a leave is an event for the others.
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  assert.deepEqual(await page.evaluate(() => window.story.left()), {}, "seen, but not told by the story");
  await page.evaluate(() => window.story.end());
}

async function userStep(page, step, place) {
  const told = { ...step, with: withToken(step) };
  const result = await page.evaluate((user, step) => window.story.step(user, step), step.user, told);
  assert.equal(result.problem, undefined, place);
  // Some calls of the page say no more than false.
  if (result.refused) assert.ok(step.fails, `${place}: answered false`);
  else assert.equal(result.code, step.fails, `${place}: ${result.message ?? ""}`);
}

/** The arguments of a step, with the token that they describe; a good one of the user by default. */
function withToken({ user, do: call, with: given = {} }) {
  if (!["loginRoom", "switchRoom", "renewToken"].includes(call)) return given;
  const described = given.token ?? {};
  return { ...given, token: described.text ?? token(described.user ?? user, described) };
}
