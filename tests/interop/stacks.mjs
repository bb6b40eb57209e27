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
/** Of sound that is measured. */
const SECONDS = 3;
/** Longer than any test: who publishes is interrupted. */
const LONG_SECONDS = 3_600;

/**
 * @typedef {object} Stage
 * @property {import("node:test").TestContext} t
 * @property {import("../browser/rig/server.mjs").Server} server
 * @property {string} folder
 * @property {string} site the origin of the pages
 */

/**
 * @typedef {object} Publication
 * @property {number} connect_ms how long it took to be connected
 * @property {() => Promise<void>} leave ends it, by DELETE where it was made by POST
 */

/**
 * What was heard.
 * @typedef {object} Heard
 * @property {number} amplitude of the tone
 * @property {number} [packets] how many came, where the stack tells
 * @property {number} [connect_ms] how long it took to be connected, where the stack tells
 */

/**
 * @typedef {object} Stack
 * @property {string} name
 * @property {number} amplitude of the tone that it publishes
 * @property {(stream: string, hz: number) => Promise<Publication>} publish resolves when connected
 * @property {(stream: string, hz: number, least: number) => Promise<Heard>} play
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

/**
 * A listener of the room who plays `stream` whenever it is there.
 * @param {Stage} stage
 * @param {string} stream
 * @returns {{learns: (type: "ADD" | "DELETE") => Promise<void>, leave: () => Promise<void>}}
 */
export function listener({ t, server, folder }, stream) {
  const user = newUser("listener");
  const who = { room: ROOM, user, stream, folder };
  const program = server.native(t, "play", who, "--wav", path.join(folder, `${user}.wav`));
  return {
    async learns(type) {
      await program.line(`${type} of ${stream}`, (line) => isStreamUpdate(JSON.parse(line), type, stream));
    },
    leave: async () => expectEnd(user, await program.interrupt(), program),
  };
}

/** Each connection of a test is a user of its own. */
let users = 0;
function newUser(name) {
  users += 1;
  return `${name}-${users}`;
}

/** Our own engine, over signalling. */
function native({ t, server, folder }) {
  const who = (stream) => ({ room: ROOM, user: newUser("native"), stream, folder });
  return {
    name: "native",
    amplitude: 0.3,
    async publish(stream, hz) {
      const wav = path.join(folder, `${stream}.wav`);
      writeWav(wav, tonePcm(hz, 2));
      const began = performance.now();
      const program = server.native(t, "publish", who(stream), "--wav", wav, "--loop");
      await program.line("that it publishes", (line) => /"publishing"/i.test(line));
      const connect_ms = Math.round(performance.now() - began);
      return { connect_ms, leave: async () => expectEnd("native", await program.interrupt(), program) };
    },
    async play(stream, hz) {
      const user = who(stream);
      const wav = path.join(folder, `${user.user}-heard.wav`);
      const program = server.native(t, "play", user, "--wav", wav, "--seconds", `${SECONDS}`);
      expectEnd("native", await program.ended, program);
      return { amplitude: toneInWav(readFileSync(wav), hz) };
    },
  };
}

/**
 * A program that is called `publish|play --base URL --token T --stream S --room R --hz F --seconds N`. It publishes until it is
 * interrupted and says in a line of JSON that it is connected, or says in one what it heard; it ends its resource and with 0.
 */
function ofProgram({ t, server, folder }, name, [file, script]) {
  const start = (role, stream, hz, seconds) => {
    const user = newUser(name);
    const where = ["--base", server.url, "--token", token(user), "--stream", stream, "--room", ROOM];
    const args = [path.join(HERE, script), role, ...where, "--hz", `${hz}`, "--seconds", `${seconds}`];
    const program = new Process(file, args, path.join(folder, `${user}.log`));
    t.after(() => program.kill());
    return program;
  };
  return {
    name,
    amplitude: 0.3,
    async publish(stream, hz) {
      const program = start("publish", stream, hz, LONG_SECONDS);
      const { connect_ms } = JSON.parse(await program.line("that it is connected", (line) => line.includes('"connected"')));
      return { connect_ms, leave: async () => expectEnd(name, await program.interrupt(), program) };
    },
    async play(stream, hz) {
      const program = start("play", stream, hz, SECONDS);
      const heard = JSON.parse(await program.line("what it heard", (line) => line.includes('"amplitude"')));
      expectEnd(name, await program.ended, program);
      return heard;
    },
  };
}

/** A page that uses fetch and RTCPeerConnection, each time a new one. */
async function ofBrowser({ t, server, site }, name) {
  const browser = await startBrowser(t, name);
  const run = async (call, protocol, stream, ...more) => {
    const page = await openPage(browser, `${site}/blank.html`);
    const act = (call, ...args) => page.evaluate(async (call, args) => (await import("/whip.js"))[call](...args), call, args);
    const leave = async () => {
      const statuses = await act("leave");
      await page.close();
      if (statuses.some((status) => status !== 200)) throw new Error(`${name}: DELETE answered ${statuses}`);
    };
    const url = `${server.url}/${protocol}/${stream}?room=${ROOM}`;
    return { result: await act(call, url, token(newUser(name)), ...more), leave };
  };
  return {
    name,
    amplitude: 0.5,
    async publish(stream, hz) {
      const began = performance.now();
      const { leave } = await run("publish", "whip", stream, hz);
      return { connect_ms: Math.round(performance.now() - began), leave };
    },
    async play(stream, hz, least) {
      const { result, leave } = await run("play", "whep", stream, hz, PATIENCE_MS, least);
      await leave();
      return { amplitude: result };
    },
  };
}

function expectEnd(name, code, program) {
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${program.log}`);
}

/** Whether this is the event that the stream came or went. */
function isStreamUpdate({ event, updateType, streamList }, type, stream) {
  return event === "roomStreamUpdate" && updateType === type && streamList.some(({ streamID }) => streamID === stream);
}
