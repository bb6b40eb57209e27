/**
 * Scenarios (`setRoomScenario`): what rooms are used for, and what that means for a local stream where its options say nothing. The
 * engine has the same ones; docs/api.md has them as a table.
 *
 * @typedef {object} Preset
 * @property {10 | 20} frameMs How much sound a packet holds. Who sing together hear each other as soon as can be; for all others
 *   the bits of the headers are better spent on the sound.
 * @property {number} bitrateKbps
 * @property {1 | 2} channels
 * @property {{ANS?: boolean, AGC?: boolean, AEC?: boolean}} processing Of a microphone; what is left out is the browser's to decide.
 * @module
 */

const DEFAULT = 3;

const STANDARD = { frameMs: 20, bitrateKbps: 48, channels: 1, processing: {} };

/** By the documented numbers. The bitrates are those of the documented presets of `ZegoAudioConfig`. */
const PRESETS = new Map([
  [DEFAULT, STANDARD],
  // Video calls, standard and high: the sound is that of any call.
  [4, STANDARD],
  [5, STANDARD],
  // Chatrooms, standard and high quality.
  [6, STANDARD],
  [7, { ...STANDARD, bitrateKbps: 128 }],
  // Broadcast: one speaks, with music beneath it.
  [8, { ...STANDARD, bitrateKbps: 192, channels: 2 }],
  // Karaoke: noise suppression takes singing for noise, and automatic gain levels it.
  [9, { frameMs: 10, bitrateKbps: 192, channels: 2, processing: { ANS: false, AGC: false } }],
]);

/** @param {unknown} value */
export function isScenario(value) {
  return PRESETS.has(value);
}

/**
 * The scenario that the constructor was given.
 *
 * @param {unknown} value Whatever is no documented number counts as none.
 * @returns {number}
 */
export function scenarioOf(value) {
  return isScenario(value) ? value : DEFAULT;
}

/**
 * @param {number} scenario
 * @returns {Preset}
 */
export function presetOf(scenario) {
  return PRESETS.get(scenario);
}
