// A page and a program in one room over two nodes, and the page's node stops.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { reaches, startCluster } from "./rig/cluster.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { startSite } from "./rig/site.mjs";
import { longestGapMs, tonePcm, toneInWav, writeWav } from "./rig/wav.mjs";

const ALICE_HZ = 600;
const BOB_HZ = 900;
const LOUD = 0.15;
/** A page is told to move, and everything works at both nodes meanwhile: a tenth is usual. */
const MOVES_WITHIN_MS = 1_000;

test("a page and express-call on two nodes hear each other, and when the page's node stops it moves and nobody sees it", async (t) => {
  const folder = workFolder(t);
  const site = await startSite(t);
  const [first, second] = await startCluster(t, folder, 2, { allowedOrigins: [site] });
  const said = { alice: path.join(folder, "alice.wav"), bob: path.join(folder, "bob.wav") };
  writeWav(said.alice, tonePcm(ALICE_HZ, 1));
  writeWav(said.bob, tonePcm(BOB_HZ, 1));
  const browser = await startBrowser(t, "chromium", { microphone: said.alice });
  const alice = await joinInPage(browser, site, first, { roomID: "r", userID: "alice" });
  await alice.do("publish", "alice-voice");
  const bob = second.call(t, { room: "r", user: "bob", folder }, said.bob, "--record", folder);
  await bob.line("that bob hears alice", (line) => line.includes("alice-voice") && line.includes('"PLAYING"'));
  await alice.do("play", "bob-voice");
  await hearsBob(alice);
  assert.deepEqual([await first.metric("express_users"), await second.metric("express_users")], [1, 1]);
  await alice.do("noticed");
  bob.rest();

  const asked = Date.now();
  assert.equal(await first.stop(), 0, "the node ends in order");
  t.diagnostic(`the node ended ${Date.now() - asked} ms after it was asked`);
  await reaches(second, "express_users", 2);
  await hearsBob(alice);
  // Enough that it is most of what bob has heard since.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assert.deepEqual(await alice.do("noticed"), [], "alice");
  const told = bob.rest().filter((line) => /room(User|Stream)Update|StateUpdate|roomStateChanged/i.test(line));
  assert.deepEqual(told, [], "bob");

  assert.equal(await bob.interrupt(), 0, bob.log);
  const heard = readFileSync(path.join(folder, "alice-voice.wav"));
  assert.ok(toneInWav(heard, ALICE_HZ) >= LOUD);
  const gap = longestGapMs(heard, ALICE_HZ);
  t.diagnostic(`bob did not hear alice for ${gap} ms`);
  assert.ok(gap < MOVES_WITHIN_MS, `${gap} ms`);
});

/** Waits until the page hears bob. It is listened to anew each second: a stream whose login moves gets another track. */
async function hearsBob(alice) {
  const deadline = Date.now() + PATIENCE_MS;
  while ((await alice.do("amplitude", "bob-voice", BOB_HZ, 1_000, LOUD)) < LOUD) {
    assert.ok(Date.now() < deadline, "alice does not hear bob");
  }
}
