// WAV files and their scores.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { ROOT } from "./process.mjs";

const run = promisify(execFile);
const RATE = 48_000;

/**
 * Writes mono PCM of 48 kHz and 16 bit.
 * @param {string} file
 * @param {Buffer} pcm little-endian
 */
export function writeWav(file, pcm) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(pcm.length, 40);
  writeFileSync(file, Buffer.concat([head, pcm]));
}

/**
 * Scores a recording of looped speech (tests/tools/pesq_score.py).
 * @param {string} said the clip
 * @param {string} heard the recording, of more than two rounds of it
 * @returns {Promise<{pesq_wb: number, longest_gap_ms: number, correlation: number, seconds: number}>}
 */
export async function score(said, heard) {
  const tools = path.join(ROOT, "tests/tools");
  const { stdout: python } = await run(path.join(tools, "python_env.sh"), [path.join(tools, "speech-requirements.txt")]);
  const { stdout } = await run(python.trim(), [path.join(tools, "pesq_score.py"), said, heard]);
  return JSON.parse(stdout);
}

/** A tone of amplitude 0.3 as PCM for {@link writeWav}; whole periods, so that it can be looped. */
export function tonePcm(hz, seconds) {
  const pcm = Buffer.alloc(2 * seconds * RATE);
  for (let n = 0; n < seconds * RATE; n++) pcm.writeInt16LE(Math.round(9_830 * Math.sin((2 * Math.PI * hz * n) / RATE)), 2 * n);
  return pcm;
}

/** Amplitude of a tone of `hz` in the second half of a WAV file of {@link writeWav}'s format (Goertzel). */
export function toneInWav(bytes, hz) {
  const data = bytes.subarray(bytes.indexOf("data") + 8);
  const samples = new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length - (data.length % 2)));
  const part = samples.subarray(samples.length >> 1);
  let [re, im] = [0, 0];
  part.forEach((sample, n) => {
    const angle = (2 * Math.PI * hz * n) / RATE;
    re += (sample / 32_768) * Math.cos(angle);
    im -= (sample / 32_768) * Math.sin(angle);
  });
  return (2 * Math.hypot(re, im)) / part.length;
}
