// The stacks that meet: ours, three as programs, two in browsers. Each publishes a tone and hears one.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { openPage, startBrowser } from "../browser/rig/browsers.mjs";
import { PATIENCE_MS, Process, ROOT } from "../browser/rig/process.mjs";
import { token } from "../browser/rig/tokens.mjs";
import { toneInWav, tonePcm, writeWav } from "../browser/rig/wav.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOM = "r";
/** What a program records; the second half is measured. */
const SECONDS = 3;

/**
 * @typedef {object} Stage
 * @property {import("node:test").TestContext} t
 * @property {import("../browser/rig/server.mjs").Server} server
 * @property {string} folder
 * @property {string} site the origin of the pages
 */

/**
 * @typedef {object} Stack
 * @property {string} name
 * @property {number} amplitude of the tone that it publishes
 * @property {(stream: string, hz: number) => Promise<() => Promise<void>>} publish resolves when connected; the answer ends it
 * @property {(stream: string, hz: number, least: number) => Promise<number>} play the amplitude of the tone that it heard
 */

/**
 * All of them; what they need is made where it is missing.
 * @param {Stage} stage
 * @returns {Promise<Stack[]>}
 */
export async function allStacks(stage) {
  const { stdout: python } = await promisify(execFile)(path.join(ROOT, "tests/tools/python_env.sh"), [
    path.join(HERE, "aiortc-requirements.txt"),
  ]);
  return [
    native(stage),
    ofProgram(stage, "aiortc", [python.trim(), "stacks/aiortc_stack.py"]),
    // Debian's own Python has Debian's GStreamer.
    ofProgram(stage, "gstreamer", ["/usr/bin/python3", "stacks/gstreamer_stack.py"]),
    ofProgram(stage, "libdatachannel", [process.execPath, "stacks/libdatachannel_stack.mjs"]),
    await ofBrowser(stage, "chromium"),
    await ofBrowser(stage, "firefox"),
  ];
}

function urlOf({ server }, protocol, stream) {
  return `${server.url}/${protocol}/${stream}?room=${ROOM}`;
}

/** Each connection of a test is a user of its own, but for those of one page. */
let users = 0;
function newUser(name) {
  users += 1;
  return `${name}-${users}`;
}

/** Our own engine, over signalling. */
function native({ t, server, folder }) {
  const who = (name, stream) => ({ room: ROOM, user: newUser(name), stream, folder });
  return {
    name: "native",
    amplitude: 0.3,
    async publish(stream, hz) {
      const wav = path.join(folder, `${stream}.wav`);
      writeWav(wav, tonePcm(hz, 2));
      const program = server.native(t, "publish", who("native", stream), "--wav", wav, "--loop");
      await program.line("that it publishes", (line) => line.includes("Publishing") || line.includes("PUBLISHING"));
      return async () => expectEnd("native", await program.interrupt(), program);
    },
    async play(stream, hz) {
      const user = who("native", stream);
      const wav = path.join(folder, `${user.user}-heard.wav`);
      const program = server.native(t, "play", user, "--wav", wav, "--seconds", `${SECONDS}`);
      expectEnd("native", await program.ended, program);
      return toneInWav(readFileSync(wav), hz);
    },
  };
}

/** A program that takes `publish URL TOKEN HZ` and `play URL TOKEN WAV SECONDS`. */
function ofProgram(stage, name, [file, script]) {
  const { t, folder } = stage;
  const start = (role, url, user, ...more) => {
    const args = [path.join(HERE, script), role, url, token(user), ...more];
    const program = new Process(file, args, path.join(folder, `${user}.log`));
    t.after(() => program.kill());
    return program;
  };
  return {
    name,
    amplitude: 0.3,
    async publish(stream, hz) {
      const program = start("publish", urlOf(stage, "whip", stream), newUser(name), `${hz}`);
      await program.line("that it is connected", (line) => line === "connected");
      return async () => expectEnd(name, await program.interrupt(), program);
    },
    async play(stream, hz) {
      const user = newUser(name);
      const wav = path.join(folder, `${user}.wav`);
      const program = start("play", urlOf(stage, "whep", stream), user, wav, `${SECONDS}`);
      await program.line("its recording", (line) => line === "recorded");
      expectEnd(name, await program.ended, program);
      return toneInWav(readFileSync(wav), hz);
    },
  };
}

/** A page that uses fetch and RTCPeerConnection, each time a new one. */
async function ofBrowser(stage, name) {
  const browser = await startBrowser(stage.t, name);
  const run = async (call, ...args) => {
    const page = await openPage(browser, `${stage.site}/blank.html`);
    const act = (call, ...args) =>
      page.evaluate(async (call, args) => (await import("/whip.js"))[call](...args), call, args);
    const leave = async () => {
      const statuses = await act("leave");
      await page.close();
      if (statuses.some((status) => status !== 200)) throw new Error(`${name}: DELETE answered ${statuses}`);
    };
    return { result: await act(call, ...args), act, leave };
  };
  return {
    name,
    amplitude: 0.5,
    async publish(stream, hz) {
      const { leave, act } = await run("publish", urlOf(stage, "whip", stream), token(newUser(name)), hz);
      return Object.assign(leave, { act });
    },
    async play(stream, hz, least) {
      const { result, leave } = await run("play", urlOf(stage, "whep", stream), token(newUser(name)), hz, PATIENCE_MS, least);
      await leave();
      return result;
    },
  };
}

function expectEnd(name, code, program) {
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${program.log}`);
}
