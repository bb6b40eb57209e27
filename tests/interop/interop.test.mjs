// WebRTC stacks that we did not write publish by WHIP and play by WHEP through the real server: each is heard by each.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mediaAddress } from "../browser/rig/browsers.mjs";
import { workFolder } from "../browser/rig/process.mjs";
import { Server } from "../browser/rig/server.mjs";
import { startSite } from "../browser/rig/site.mjs";
import { allStacks } from "./stacks.mjs";

/** Whole periods in 20 ms, so that Opus has an easy tone; one for each stack, so that nobody hears another. */
const TONES_HZ = [400, 500, 600, 700, 800, 900];
/** A heard tone may be so much weaker or stronger than the sent one: 1.5 dB. */
const TOLERANCE = 10 ** (1.5 / 20);

test("every stack is heard by every stack, at the level that it speaks with", async (t) => {
  const site = await startSite(t);
  const folder = workFolder(t);
  // All of them reach what Firefox reaches.
  const server = await Server.start(t, folder, { allowedOrigins: [site], media: mediaAddress("firefox") });
  const stacks = await allStacks({ t, server, folder, site });
  for (const [index, publisher] of stacks.entries()) {
    const [stream, hz] = [`from-${publisher.name}`, TONES_HZ[index]];
    const leave = await publisher.publish(stream, hz);
    for (const player of stacks) {
      await t.test(`${publisher.name} is heard by ${player.name}`, async (t) => {
        const least = publisher.amplitude / TOLERANCE;
        const heard = await player.play(stream, hz, least);
        t.diagnostic(`${hz} Hz sent with ${publisher.amplitude}, heard with ${heard.toFixed(3)}`);
        assert.ok(heard >= least && heard <= publisher.amplitude * TOLERANCE, `heard with ${heard}`);
      });
    }
    await leave();
  }
  const health = await (await fetch(`${server.url}/healthz`)).json();
  assert.deepEqual([health.rooms.sessions, health.rooms.hosted, health.rooms.streams], [0, 0, 0], "nothing is left of anybody");
  assert.equal(health.media.peers_added, health.media.peers_removed);
});
