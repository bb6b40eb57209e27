// Pages that reach the server by other ways than UDP and plain HTTP: through a firewall, through TURN, over HTTPS.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { openPage, startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { Inside, selfSigned, startCoturn } from "./rig/firewall.mjs";
import { freePort } from "./rig/ports.mjs";
import { PATIENCE_MS, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";
import { toneInWav, tonePcm, writeWav } from "./rig/wav.mjs";

const HZ = 600;
const SECRET = "a secret between the server and coturn";

test("a page whose network lets no UDP through talks over ICE-TCP", async (t) => {
  const world = await insideWorld(t, "ice-tcp", async (outside) => ({ tcp: `${outside}:${await freePort(outside)}` }));
  world.inside.block("udp");
  const { local, remote } = await talk(t, world);
  assert.deepEqual([local.protocol, remote.protocol, remote.port], ["tcp", "tcp", Number(world.tcp.split(":")[1])]);
  assert.notEqual(local.candidateType, "relay");
});

test("a page whose network lets nothing of the server's media through talks through coturn over TCP", async (t) => {
  const world = await insideWorld(t, "turn-tcp", async (outside) => {
    const port = await freePort(outside);
    return { tcp: `${outside}:${await freePort(outside)}`, turn: port, ice: [`turn:${outside}:${port}?transport=tcp`] };
  });
  await startCoturn(t, world.folder, { address: world.inside.outside, port: world.turn, secret: SECRET });
  world.inside.block("udp");
  world.inside.block("tcp", Number(world.tcp.split(":")[1]));
  const { local } = await talk(t, world);
  assert.deepEqual([local.candidateType, local.relayProtocol], ["relay", "tcp"]);
});

test("pages talk over HTTPS and WSS, and a page of the server's own origin may ask over HTTP/2", async (t) => {
  const folder = workFolder(t);
  const site = await startSite(t);
  const server = await Server.start(t, folder, { allowedOrigins: [site], tls: selfSigned(folder) });
  assert.match(server.signalling, /^wss:/);
  const wav = path.join(folder, "tone.wav");
  writeWav(wav, tonePcm(HZ, 1));
  const browser = await startBrowser(t, "chromium", { microphone: wav, args: ["--ignore-certificate-errors"] });
  const alice = await joinInPage(browser, site, server, { roomID: "r", userID: "alice" });
  await alice.do("publish", "s");
  const bob = await joinInPage(browser, site, server, { roomID: "r", userID: "bob" });
  await bob.do("play", "s");
  const amplitude = await bob.do("amplitude", "s", HZ, PATIENCE_MS, 0.15);
  assert.ok(amplitude >= 0.15, `amplitude ${amplitude}`);

  const page = await openPage(browser, `${server.url}/sdk/express.js`);
  const asked = await page.evaluate(async () => {
    const { status } = await fetch("/whip/s?room=r", { method: "POST", headers: { "Content-Type": "application/sdp" } });
    return [status, performance.getEntriesByType("navigation")[0].nextHopProtocol];
  });
  assert.deepEqual(asked, [401, "h2"], "asked for a token, not turned away as a stranger");
});

/** A server out here, and a page with a microphone inside that has logged in. */
async function insideWorld(t, name, wish) {
  const folder = workFolder(t);
  const inside = new Inside(t, name);
  const { tcp, turn, ice = [] } = await wish(inside.outside);
  const site = await startSite(t, inside.outside);
  const servers = ice.map((url) => `[[ice.servers]]\nurls = ["${url}"]\nsecret = "${SECRET}"\n`).join("");
  const options = {
    allowedOrigins: [site],
    listen: inside.outside,
    media: inside.outside,
    mediaMore: `tcp = "${tcp}"`,
    more: servers,
  };
  const server = await Server.start(t, folder, options);
  const wav = path.join(folder, "tone.wav");
  writeWav(wav, tonePcm(HZ, 1));
  // A page that is not on loopback gets a microphone over HTTPS only, or so.
  const args = [`--unsafely-treat-insecure-origin-as-secure=${site}`];
  const browser = await inside.startChromium(t, folder, { microphone: wav, args });
  const alice = await joinInPage(browser, site, server, { roomID: "r", userID: "alice" });
  return { folder, inside, tcp, turn, server, alice };
}

/** The page is heard by a listener out here, and hears one; returns the way that its published stream takes. */
async function talk(t, { folder, server, alice }) {
  await alice.do("publish", "from-inside");
  const heard = path.join(folder, "heard.wav");
  const listener = { room: "r", user: "bob", stream: "from-inside", folder };
  const play = server.native(t, "play", listener, "--wav", heard, "--seconds", "5");
  assert.equal(await play.ended, 0, play.log);
  const amplitude = toneInWav(readFileSync(heard), HZ);
  assert.ok(amplitude > 0.15, `heard with amplitude ${amplitude}`);

  server.native(
    t,
    "publish",
    { room: "r", user: "carol", stream: "from-outside", folder },
    "--wav",
    path.join(folder, "tone.wav"),
    "--loop",
  );
  await alice.do("play", "from-outside");
  const hears = await alice.do("amplitude", "from-outside", HZ, PATIENCE_MS, 0.15);
  assert.ok(hears >= 0.15, `hears with amplitude ${hears}`);
  const [way, back] = await alice.do("ways");
  t.diagnostic(JSON.stringify([way, back]));
  assert.deepEqual([back.local.candidateType, back.local.protocol], [way.local.candidateType, way.local.protocol]);
  return way;
}
