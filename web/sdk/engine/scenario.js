/**
 * Scenarios (`setRoomScenario`): what rooms are used for. The engine has the same ones.
 * @module
 */

/** The documented numbers, of which nothing but these two matters here. */
const DEFAULT = 3;
const KARAOKE = 9;

/** @param {unknown} value */
export function isScenario(value) {
  return Number.isInteger(value) && value >= DEFAULT && value <= KARAOKE;
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
 * How much sound a packet holds. Who sing together hear each other as soon as can be; for all others the bits of the headers are
 * better spent on the sound.
 *
 * @param {number} scenario
 * @returns {10 | 20} ms
 */
export function frameMsOf(scenario) {
  return scenario === KARAOKE ? 10 : 20;
}
