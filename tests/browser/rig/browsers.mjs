// The system's own Chromium and Firefox, without a window, driven by puppeteer-core.

import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";

import puppeteer from "puppeteer-core";

import { startSound } from "./sound.mjs";

/** The system's own Chromium. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

const CHROMIUM_ARGS = [
  // Its sandbox does not start for root, and in containers tests often are.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

const FIREFOX_PREFS = {
  // Its fake microphone is a tone.
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  // Pages in the background keep time as well as the one in front, as Chromium's do under this driver.
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
};

/** The browsers that everything must work in. */
export const BROWSERS = ["chromium", "firefox"];

/**
 * The address that a server has to receive media on for a browser of this machine to reach it: Firefox has no candidate on
 * the loopback interface, whatever its preferences say.
 * @param {"chromium" | "firefox"} name
 */
export function mediaAddress(name) {
  if (name === "chromium") return "127.0.0.1";
  const addresses = Object.values(networkInterfaces()).flat();
  const own = addresses.find((address) => address.family === "IPv4" && !address.internal);
  if (!own) throw new Error("Firefox needs a network interface beside the loopback one, and this machine has none");
  return own.address;
}

/**
 * Starts a browser that ends with the test.
 * @param {import("node:test").TestContext} t
 * @param {"chromium" | "firefox"} name
 * @param {object} [options]
 * @param {string} [options.microphone] a WAV file that Chromium's fake microphone speaks, over and over
 * @param {boolean} [options.autoplay] false: sound needs a gesture of the user first, as in real life
 * @param {string[]} [options.args] more arguments for Chromium
 * @param {string} [options.program] what starts Chromium instead of the system's own
 * @param {boolean} [options.pipe] Chromium is driven through a pipe and not through a port
 */
export async function startBrowser(t, name, options = {}) {
  const profile = mkdtempSync(path.join(tmpdir(), `express-${name}-`));
  const browser = await (name === "firefox" ? launchFirefox(t, profile) : launchChromium(profile, options));
  t.after(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  return browser;
}

function launchChromium(userDataDir, { microphone, autoplay = true, args = [], program = CHROMIUM, pipe = false }) {
  return puppeteer.launch({
    executablePath: program,
    pipe,
    headless: true,
    userDataDir,
    args: [
      ...CHROMIUM_ARGS,
      ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
      ...(autoplay ? ["--autoplay-policy=no-user-gesture-required"] : []),
      ...args,
    ],
  });
}

async function launchFirefox(t, userDataDir) {
  const sound = await startSound(t, userDataDir);
  return puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    headless: true,
    userDataDir,
    extraPrefsFirefox: FIREFOX_PREFS,
    env: { ...process.env, ...sound },
  });
}

/**
 * Opens a page; what it complains about is kept in `page.complaints`.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} url
 * @returns {Promise<import("puppeteer-core").Page & {complaints: string[]}>}
 */
export async function openPage(browser, url) {
  const page = await browser.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") page.complaints.push(message.text());
  });
  await page.goto(url);
  return page;
}
