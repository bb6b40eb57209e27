import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { VOICE_WINDOW, VoiceDetector } from "../../media/voice.js";

const SPEAKERS = ["jfk_male", "libri103_female", "libri26_male", "libri40_female"];
/** Samples between two looks, at 48 kHz. */
const LOOK = 9600;

function speech(name) {
  const file = readFileSync(new URL(`../../../../tests/speech/${name}.wav`, import.meta.url));
  const data = file.indexOf("data") + 8;
  return Float32Array.from({ length: (file.length - data) / 2 }, (_, n) => file.readInt16LE(data + 2 * n) / 32768);
}

function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** White noise, the same each time. */
function noise(length, level) {
  let seed = 1;
  return Float32Array.from({ length }, () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return level * Math.sqrt(12) * (seed / 2 ** 31 - 0.5);
  });
}

/** Of how many looks it was a voice, 0..1. */
function share(samples) {
  const detector = new VoiceDetector();
  const looks = [];
  for (let end = LOOK; end <= samples.length; end += LOOK) {
    detector.note(samples.subarray(end - VOICE_WINDOW, end));
    looks.push(detector.vad);
  }
  return looks.reduce((sum, vad) => sum + vad, 0) / looks.length;
}

test("who reads aloud is a voice most of the time, in a quiet room and 15 dB above noise", () => {
  for (const name of SPEAKERS) {
    const said = speech(name);
    const around = noise(said.length, rms(said) * 10 ** (-15 / 20));
    assert.ok(share(said) > 0.75, `${name}: ${share(said)}`);
    const inNoise = share(said.map((sample, n) => sample + around[n]));
    assert.ok(inNoise > 0.65, `${name} in noise: ${inNoise}`);
  }
});

test("silence and steady noise are none, however loud", () => {
  for (const level of [0, 0.001, 0.01, 0.05, 0.2]) assert.equal(share(noise(240_000, level)), 0, `${level}`);
});

test("a knock on the table is none", () => {
  const knocks = noise(240_000, 0.001);
  for (let start = 4000; start < knocks.length; start += 24_000) knocks.fill(0.8, start, start + 400);
  assert.equal(share(knocks), 0);
});

test("a voice is over within half a second of its last word, and not in the pause between two words", () => {
  const detector = new VoiceDetector();
  const loud = Float32Array.from({ length: VOICE_WINDOW }, (_, n) => (n % 2400 < 1440 ? 0.2 * Math.sin(n / 20) : 0));
  detector.note(loud);
  detector.note(new Float32Array(VOICE_WINDOW));
  assert.equal(detector.vad, 1, "200 ms later");
  detector.note(new Float32Array(VOICE_WINDOW));
  assert.equal(detector.vad, 0, "400 ms later");
});
