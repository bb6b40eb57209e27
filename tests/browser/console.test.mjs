// The console page as people meet it: seen, operated by keyboard-friendly labels, checked for accessibility.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import * as consolePage from "./console-page.mjs";
import { mediaAddress, openPage, startBrowser } from "./rig/browsers.mjs";
import { joinInPage } from "./rig/caller.mjs";
import { PATIENCE_MS, ROOT, TARGET, workFolder } from "./rig/process.mjs";
import { Server } from "./rig/server.mjs";
import { startSite } from "./rig/site.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SPEECH = path.join(ROOT, "tests/speech/jfk_male.wav");
/** Where the pictures go. */
const PICTURES = path.join(TARGET, "browser");
const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];

test("two people talk through the console, which is readable, operable and within its frame in each look", async (t) => {
  const { server, browser } = await world(t);
  // A browser for each: one draws only the page in front, and clicks on no other.
  const alice = await openPage(browser, "about:blank");
  const bob = await openPage(await startBrowser(t, "chromium"), "about:blank");
  await alice.setViewport(SIZES.wide);
  await bob.setViewport(SIZES.wide);
  await consolePage.open(alice, server.url);
  await checkLooks(t, alice, "before");
  await consolePage.join(alice, { user: "alice", room: "lobby", name: "Alice" });
  await consolePage.publish(alice, "alice-voice");
  await consolePage.open(bob, server.url, { room: "lobby", user: "bob" });
  await consolePage.join(bob, { user: "bob", room: "lobby", name: "Bob" });
  await consolePage.publish(bob, "bob-voice");
  await consolePage.play(alice, "bob-voice");
  await consolePage.play(bob, "alice-voice");
  await consolePage.send(bob, "hello to all");
  await alice.waitForFunction(() => document.body.textContent.includes("hello to all"), { polling: 100 });
  for (const stream of ["alice-voice", "bob-voice"]) await hasFigures(alice, stream);
  await checkLooks(t, alice, "talking");

  await consolePage.leave(bob);
  await alice.waitForFunction(() => !document.getElementById("people").textContent.includes("Bob"), { polling: 100 });
  await consolePage.leave(alice);
  assert.deepEqual([alice.complaints, bob.complaints], [[], []]);
});

test("the console talks in Firefox too", async (t) => {
  const folder = workFolder(t);
  const server = await Server.start(t, folder, { configured: false, media: mediaAddress("firefox") });
  const who = { room: "lobby", user: "alice", stream: "speech", folder, pass: await temporaryToken(server, "alice") };
  server.native(t, "publish", who, "--wav", SPEECH, "--loop");
  const bob = await openPage(await startBrowser(t, "firefox"), "about:blank");
  await consolePage.open(bob, server.url);
  await consolePage.join(bob, { user: "bob", room: "lobby" });
  await consolePage.publish(bob, "bob-voice");
  await consolePage.play(bob, "speech");
  await hasFigures(bob, "speech");
  await consolePage.leave(bob);
  assert.deepEqual(bob.complaints, []);
});

test("what others write is text and never runs", async (t) => {
  const site = await startSite(t);
  const { server, browser } = await world(t, { allowedOrigins: [site] });
  const alice = await openPage(browser, "about:blank");
  await consolePage.open(alice, server.url);
  await consolePage.join(alice, { user: "alice", room: "r" });
  const [name, info, message] = ["name", "info", "message"].map((where) => `<img src=x onerror="window.hacked='${where}'">`);
  const mallory = await joinInPage(browser, site, server, {
    roomID: "r",
    userID: "mallory",
    userName: name,
    token: await temporaryToken(server, "mallory"),
  });
  await mallory.do("publish", "m", info);
  await mallory.do("broadcast", message);
  await mallory.do("broadcast", "<script>window.hacked='script'</script>");
  await consolePage.play(alice, "m");
  await alice.waitForFunction(() => document.getElementById("messages").textContent.includes("<script>"), { polling: 100 });

  const shown = await consolePage.shown(alice);
  assert.ok(
    shown.people.some((text) => text.includes(name)),
    JSON.stringify(shown),
  );
  assert.ok(
    shown.extraInfo.some((text) => text.includes(info)),
    JSON.stringify(shown),
  );
  assert.ok(
    shown.messages.some((text) => text.includes(message)),
    JSON.stringify(shown),
  );
  assert.equal(await alice.evaluate(() => window.hacked), undefined);
  assert.equal(await alice.evaluate(() => document.querySelectorAll("img, iframe, script:not([src])").length), 0);
  // The policy would have stopped it too, and said so here.
  assert.deepEqual(alice.complaints, []);
});

test("where the browser holds sound back the console says so, and plays after a click", async (t) => {
  const { folder, server, browser } = await world(t, {}, { autoplay: false });
  const who = { room: "lobby", user: "alice", stream: "speech", folder, pass: await temporaryToken(server, "alice") };
  server.native(t, "publish", who, "--wav", SPEECH, "--loop");
  const bob = await openPage(browser, "about:blank");
  await consolePage.openUntouched(bob, server.url, { user: "bob", room: "lobby" });
  await consolePage.press(bob, "Click to hear");
  await consolePage.heard(bob);
  await consolePage.streamState(bob, "speech", "PLAYING");
});

/** Waits for the first quality report of a stream. */
async function hasFigures(target, stream) {
  const deadline = Date.now() + PATIENCE_MS;
  while ((await consolePage.figures(target, stream)).Bitrate === "–") {
    assert.ok(Date.now() < deadline, `${stream} never had figures`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Takes the pictures of this state and asks axe; nothing may stick out of a narrow screen. */
async function checkLooks(t, target, state) {
  mkdirSync(PICTURES, { recursive: true });
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const scheme of SCHEMES) {
      await target.setViewport(viewport);
      // Without motion nothing is caught halfway between two colours.
      const motion = { name: "prefers-reduced-motion", value: "reduce" };
      await target.emulateMediaFeatures([motion, { name: "prefers-color-scheme", value: scheme }]);
      await target.screenshot({ path: path.join(PICTURES, `console-${state}-${size}-${scheme}.png`), fullPage: true });
      const excess = await target.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(excess <= 0, `${state}, ${size}: ${excess} px stick out to the right`);
      await checkAccessibility(t, target, `${state}, ${size}, ${scheme}`);
    }
  }
  await target.setViewport(SIZES.wide);
}

async function checkAccessibility(t, target, place) {
  // Evaluated by the driver: the page's own policy lets no script of ours in.
  await target.evaluate(AXE);
  const { violations } = await target.evaluate(() => window.axe.run());
  const told = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  for (const text of told) t.diagnostic(`${place}: ${text}`);
  assert.deepEqual(
    told.filter((text) => /^(serious|critical)/.test(text)),
    [],
    place,
  );
}

async function temporaryToken(server, user) {
  const body = JSON.stringify({ user_id: user });
  const answer = await fetch(`${server.url}/v1/dev-token`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  return (await answer.json()).token;
}

/** A server that nobody configured, so that the console can fetch temporary tokens, and a browser. */
async function world(t, options = {}, browserOptions = {}) {
  const folder = workFolder(t);
  const server = await Server.start(t, folder, { configured: false, ...options });
  return { folder, server, browser: await startBrowser(t, "chromium", { microphone: SPEECH, ...browserOptions }) };
}
