// WAV files and their scores.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { ROOT } from "./process.mjs";

const run = promisify(execFile);
const RATE = 48_000;
/** Samples of 100 ms: over much longer a clock that runs a little fast would lower what is measured. */
const SLOT = 4_800;
/** Samples of 20 ms, to find silence. */
const SHORT_SLOT = 960;

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
 * Scores the best round in a recording of looped speech (tests/tools/pesq_score.py).
 * @param {string} said the clip
 * @param {string} heard the recording, of more than two rounds of it
 * @returns {Promise<{pesq_wb: number, longest_gap_ms: number, correlation: number, seconds: number}>}
 */
export async function score(said, heard) {
  return pesqScore(said, heard);
}

/**
 * Scores every whole round in it.
 * @param {string} said the clip
 * @param {string} heard the recording, of more than two rounds of it
 * @returns {Promise<number[]>} PESQ-WB of each
 */
export async function scoreRounds(said, heard) {
  return (await pesqScore("--rounds", said, heard)).map(({ pesq_wb: quality }) => quality);
}

async function pesqScore(...args) {
  const tools = path.join(ROOT, "tests/tools");
  const { stdout: python } = await run(path.join(tools, "python_env.sh"), [path.join(tools, "speech-requirements.txt")]);
  const { stdout } = await run(python.trim(), [path.join(tools, "pesq_score.py"), ...args]);
  return JSON.parse(stdout);
}

/** A tone of amplitude 0.3 as PCM for {@link writeWav}; whole periods, so that it can be looped. */
export function tonePcm(hz, seconds) {
  const pcm = Buffer.alloc(2 * seconds * RATE);
  for (let n = 0; n < seconds * RATE; n++) pcm.writeInt16LE(Math.round(9_830 * Math.sin((2 * Math.PI * hz * n) / RATE)), 2 * n);
  return pcm;
}

/** Amplitude of a tone of `hz` in a WAV file of {@link writeWav}'s format, as {@link toneInSamples} has it. */
export function toneInWav(bytes, hz) {
  return toneInSamples(samplesOf(bytes), hz);
}

/**
 * The longest time without a tone in a WAV file of {@link writeWav}'s format, from the first moment that it is heard on.
 * @param {Buffer} bytes
 * @param {number} hz
 * @param {number} [least] the amplitude that counts
 * @returns {number} milliseconds; Infinity where it is never heard
 */
export function longestGapMs(bytes, hz, least = 0.05) {
  const samples = samplesOf(bytes);
  let [gap, longest] = [Infinity, 0];
  for (let start = 0; start + SHORT_SLOT <= samples.length; start += SHORT_SLOT) {
    const heard = toneAmplitude(samples.subarray(start, start + SHORT_SLOT), hz) >= least;
    gap = heard ? 0 : gap + SHORT_SLOT;
    if (gap !== Infinity) longest = Math.max(longest, gap);
  }
  return gap === Infinity ? Infinity : (longest * 1_000) / RATE;
}

function samplesOf(bytes) {
  const data = bytes.subarray(bytes.indexOf("data") + 8);
  return new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length - (data.length % 2)));
}

/**
 * Amplitude of a tone of `hz`: the median over slots of the second half.
 * @param {Int16Array} samples of 48 kHz
 * @param {number} hz
 */
export function toneInSamples(samples, hz) {
  const amplitudes = [];
  for (let start = samples.length >> 1; start + SLOT <= samples.length; start += SLOT) {
    amplitudes.push(toneAmplitude(samples.subarray(start, start + SLOT), hz));
  }
  return amplitudes.sort((a, b) => a - b)[amplitudes.length >> 1] ?? 0;
}

function toneAmplitude(samples, hz) {
  const step = (2 * Math.PI * hz) / RATE;
  let [re, im] = [0, 0];
  samples.forEach((sample, n) => {
    re += (sample / 32_768) * Math.cos(step * n);
    im -= (sample / 32_768) * Math.sin(step * n);
  });
  return (2 * Math.hypot(re, im)) / samples.length;
}
