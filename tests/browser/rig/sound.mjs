// A sound card where there is none: Firefox runs no Web Audio and plays nothing without one.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { ROOT } from "./process.mjs";

/**
 * Starts a private PulseAudio that ends with the test.
 * @param {import("node:test").TestContext} t
 * @param {string} folder for its socket and log
 * @returns {Promise<{PULSE_SERVER: string}>} environment of what shall use it
 */
export async function startSound(t, folder) {
  const state = path.join(folder, "pulse");
  const { stdout } = await promisify(execFile)(path.join(ROOT, "tests/tools/start_pulse.sh"), [state]);
  t.after(() => process.kill(Number(readFileSync(path.join(state, "pa.pid"), "utf8"))));
  return { PULSE_SERVER: stdout.trim().replace("PULSE_SERVER=", "") };
}
