// The documented snippets, in a page of another site than the server's, in real browsers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BROWSERS, mediaAddress, openPage, startBrowser } from "./rig/browsers.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { APP_ID, token } from "./rig/tokens.mjs";

for (const name of BROWSERS) {
  test(`two pages with the documented snippets hear each other in ${name}`, async (t) => {
    const { alice, bob } = await twoPages(t, name);

    for (const page of [alice, bob]) {
      await until(page, "sound and reports", () => window.heard !== undefined && window.playQuality && window.publishQuality);
    }
    assert.deepEqual(await words(alice), [
      "roomStateChanged LOGINING 0 ",
      "roomStateChanged LOGINED 0 ",
      "login success",
      "publisherStateUpdate PUBLISH_REQUESTING 0",
      "publisherStateUpdate PUBLISHING 0",
      "roomUserUpdate ADD bob bob",
      "roomStreamUpdate ADD bob-stream",
      "playerStateUpdate PLAY_REQUESTING 0",
      "playerStateUpdate PLAYING 0",
    ]);
    assert.deepEqual(inOrder(await words(bob), "room"), [
      "roomStateChanged LOGINING 0 ",
      "roomStateChanged LOGINED 0 ",
      "roomUserUpdate ADD alice alice",
      "roomStreamUpdate ADD alice-stream",
    ]);
    for (const page of [alice, bob]) await assertSound(page, t);

    await bob.evaluate(() => window.leave());
    await seen(alice, "roomUserUpdate DELETE bob bob");
    assert.deepEqual((await words(alice)).slice(-3), [
      "roomStreamUpdate DELETE bob-stream",
      "playerStateUpdate NO_PLAY 0",
      "roomUserUpdate DELETE bob bob",
    ]);
    assert.deepEqual(inOrder(await words(bob), "").slice(-3), [
      "publisherStateUpdate NO_PUBLISH 0",
      "playerStateUpdate NO_PLAY 0",
      "roomStateChanged LOGOUT 0 ",
    ]);
    await alice.evaluate(() => window.leave());
    for (const page of [alice, bob]) assert.deepEqual(page.complaints, []);
  });

  test(`a page that is left is gone for the others at once in ${name}`, async (t) => {
    const { alice, bob } = await twoPages(t, name);
    await seen(alice, "roomStreamUpdate ADD bob-stream");
    const left = performance.now();
    await bob.goto("about:blank");
    await seen(alice, "roomUserUpdate DELETE bob bob");
    t.diagnostic(`told after ${Math.round(performance.now() - left)} ms; a crash takes 100 s`);
  });
}

/** Alice, who publishes, and then Bob, on a site of their own. */
async function twoPages(t, name) {
  const site = await startSite(t);
  const server = await Server.start(t, workFolder(t), { allowedOrigins: [site], media: mediaAddress(name) });
  const browser = await startBrowser(t, name);
  const open = (userID) => openPage(browser, `${site}/quickstart.html?${queryOf(server, userID)}`);
  const alice = await open("alice");
  await seen(alice, "publisherStateUpdate PUBLISHING 0");
  const bob = await open("bob");
  return { alice, bob };
}

function queryOf(server, userID) {
  const [roomID, streamID] = ["quickstart", `${userID}-stream`];
  const sdk = `${server.url}/sdk/express.js`;
  return new URLSearchParams({ appID: APP_ID, server: server.signalling, sdk, roomID, userID, streamID, token: token(userID) });
}

/** Waits until the page noted `word`. */
function seen(page, word) {
  return until(page, word, (word) => window.seen?.includes(word), word);
}

async function until(page, what, condition, ...args) {
  try {
    // By the clock: a page in the background draws no frames.
    await page.waitForFunction(condition, { timeout: PATIENCE_MS, polling: 100 }, ...args);
  } catch (error) {
    const state = { seen: await words(page), heard: await page.evaluate(() => window.heard), complaints: page.complaints };
    throw new Error(`waited for ${what}: ${error.message}; ${JSON.stringify(state)}`);
  }
}

/** What the page noted, in order. */
function words(page) {
  return page.evaluate(() => window.seen);
}

function inOrder(words, beginning) {
  return words.filter((word) => word.startsWith(beginning));
}

/** The sound is there, and the reports say so too. */
async function assertSound(page, t) {
  const { heard, play, publish, needs } = await page.evaluate(() => ({
    heard: window.heard,
    play: window.playQuality.audio,
    publish: window.publishQuality.audio,
    needs: window.requirements,
  }));
  t.diagnostic(`rms ${heard.toFixed(3)}, received ${play.audioBitrate} kbit/s, sent ${publish.audioBitrate} kbit/s`);
  assert.ok(heard > 0.01, `heard a level of ${heard}`);
  assert.ok(play.audioBitrate > 5 && publish.audioBitrate > 5, JSON.stringify({ play, publish }));
  assert.equal(play.audioPacketsLostRate, 0);
  assert.ok(needs.webRTC && needs.microphone, JSON.stringify(needs));
}
