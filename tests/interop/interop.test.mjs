// WebRTC stacks that we did not write publish by WHIP and play by WHEP through the real server: each is heard by each.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mediaAddress } from "../browser/rig/browsers.mjs";
import { workFolder } from "../browser/rig/process.mjs";
import { Server } from "../browser/rig/server.mjs";
import { startSite } from "../browser/rig/site.mjs";
import { allStacks, listener } from "./stacks.mjs";

/** Whole periods in 20 ms, so that Opus has an easy tone; one for each stack, so that nobody hears another. */
const TONES_HZ = [400, 500, 600, 700, 800, 900];
/** A heard tone may be so much weaker or stronger than the sent one: 1.5 dB. */
const TOLERANCE = 10 ** (1.5 / 20);

test("every stack is heard by every stack, at the level that it speaks with", async (t) => {
  const site = await startSite(t);
  const folder = workFolder(t);
  // All of them reach what Firefox reaches.
  const server = await Server.start(t, folder, { allowedOrigins: [site], media: mediaAddress("firefox") });
  const stage = { t, server, folder, site };
  const stacks = await allStacks(stage);
  for (const [index, publisher] of stacks.entries()) {
    const [stream, hz] = [`from-${publisher.name}`, TONES_HZ[index]];
    const listening = listener(stage, stream);
    const { connect_ms, leave } = await publisher.publish(stream, hz);
    await listening.learns("ADD");
    t.diagnostic(`${publisher.name} publishes ${hz} Hz with ${publisher.amplitude}, connected in ${connect_ms} ms`);
    for (const player of stacks) {
      await t.test(`${publisher.name} is heard by ${player.name}`, async (t) => {
        const least = publisher.amplitude / TOLERANCE;
        const heard = await player.play(stream, hz, least);
        t.diagnostic(describe(heard));
        const { amplitude } = heard;
        assert.ok(
          amplitude >= least && amplitude <= publisher.amplitude * TOLERANCE,
          `sent ${publisher.amplitude}, heard ${amplitude}`,
        );
      });
    }
    await t.test(`when ${publisher.name} ends, the listeners learn it`, async () => {
      await leave();
      await listening.learns("DELETE");
      await listening.leave();
    });
  }
  const health = await (await fetch(`${server.url}/healthz`)).json();
  assert.deepEqual([health.rooms.sessions, health.rooms.hosted, health.rooms.streams], [0, 0, 0], "nothing is left of anybody");
  assert.equal(health.media.peers_added, health.media.peers_removed);
});

/** A line of figures. */
function describe({ amplitude, packets, connect_ms }) {
  const more = [
    packets === undefined ? "" : `, ${packets} packets`,
    connect_ms === undefined ? "" : `, connected in ${connect_ms} ms`,
  ];
  return `heard with ${amplitude.toFixed(3)}${more.join("")}`;
}
