import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";

/**
 * The arguments of `createZegoStream`, checked and brought into one shape.
 *
 * @typedef {object} StreamPlan
 * @property {"camera" | "screen" | "custom"} kind
 * @property {{input?: string, source?: MediaStream | HTMLMediaElement, channelCount?: 1 | 2, ANS?: boolean, AGC?: boolean,
 *   AEC?: boolean}} audio
 * @property {number} bitrateKbps
 * @property {1 | 2} channels
 * @property {10 | 20} frameMs How much sound a packet holds.
 * @property {{ANS?: boolean, AGC?: boolean, AEC?: boolean}} processing Of a microphone, where nothing else is said.
 * @property {boolean} autoCapture
 * @property {number} [mixDelayMs] What is mixed in is held back so long; by `setEngineConfig`.
 * @module
 */

const KINDS = ["camera", "screen", "custom"];
const PROCESSING = ["ANS", "AGC", "AEC"];
/** The sound of a screen is no voice, and holds what is played of others. */
const SCREEN_PROCESSING = { ANS: false, AGC: false, AEC: true };

function refused(text) {
  return new ZegoError(codes.INPUT_PARAM, text);
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/**
 * @param {unknown} options As documented; left out: the default microphone.
 * @param {import("../engine/scenario.js").Preset} preset What counts where the options say nothing.
 * @returns {StreamPlan}
 * @throws {ZegoError} 1100001 for more than one source, for video (this is the audio SDK), for a source without sound, and for
 *   values out of range.
 */
export function planStream(options = {}, preset) {
  if (!isObject(options)) throw refused("the options of createZegoStream are no object");
  const kinds = KINDS.filter((kind) => options[kind] !== undefined && options[kind] !== false);
  if (kinds.length > 1) throw refused(`${kinds.join(" and ")} were given; give one of camera, screen and custom`);
  const kind = kinds[0] ?? "camera";
  const given = isObject(options[kind]) ? options[kind] : {};
  refuseVideo(kind, given.video);
  const usual = kind === "screen" ? SCREEN_PROCESSING : {};
  const audio = { ...usual, ...pickProcessing(options), ...checkAudio(kind, given.audio) };
  const channelCount = checkChannels(audio.channelCount ?? options.channelCount);
  return {
    kind,
    // One channel is what browsers give that are not asked.
    audio: { ...audio, channelCount: channelCount ?? (preset.channels === 1 ? undefined : preset.channels) },
    bitrateKbps: checkBitrate(options.audioBitrate ?? preset.bitrateKbps),
    channels: channelCount ?? preset.channels,
    frameMs: preset.frameMs,
    processing: preset.processing,
    autoCapture: options.autoCapture !== false,
  };
}

function refuseVideo(kind, video) {
  if (video !== undefined && video !== null && video !== false) {
    throw refused(`${kind}.video was asked for, but this is the audio SDK; give video: false or leave it out`);
  }
}

function pickProcessing(options) {
  const said = PROCESSING.filter((name) => options[name] !== undefined);
  for (const name of said) if (typeof options[name] !== "boolean") throw refused(`${name} is neither true nor false`);
  return Object.fromEntries(said.map((name) => [name, options[name]]));
}

/** A screen is silent unless its sound is asked for; a camera has its microphone unless it is declined. */
function checkAudio(kind, audio) {
  if (kind === "custom") return checkCustom(audio);
  const wanted = audio ?? kind === "camera";
  if (wanted === false) throw refused(`${kind}.audio is false, so there is nothing to capture; give ${kind}: {audio: true}`);
  if (wanted !== true && !isObject(wanted)) throw refused(`${kind}.audio is neither true, false nor an object`);
  return wanted === true ? {} : checkMicrophone(wanted);
}

/**
 * Checks what `startCaptureMicrophone` and `camera.audio` take.
 *
 * @param {object} audio
 * @returns {object} The parts that were given.
 * @throws {ZegoError} 1100001
 */
export function checkMicrophone(audio) {
  const { input } = audio;
  if (input !== undefined && typeof input !== "string") throw refused("input is no deviceID; take one of getMicrophones()");
  return { ...pickProcessing(audio), ...(input ? { input } : {}), channelCount: checkChannels(audio.channelCount) };
}

/**
 * Checks what `startCaptureCustomAudio` and `custom.audio` take.
 *
 * @param {unknown} audio
 * @returns {{source: MediaStream | HTMLMediaElement, channelCount?: 1 | 2}}
 * @throws {ZegoError} 1100001
 */
export function checkCustom(audio) {
  const source = audio?.source;
  const usable = ["getAudioTracks", "captureStream", "mozCaptureStream"].some((name) => typeof source?.[name] === "function");
  if (!usable) throw refused("custom.audio.source is neither a MediaStream nor a media element that can be captured");
  return { source, channelCount: checkChannels(audio.channelCount) };
}

function checkChannels(channelCount) {
  if (channelCount === undefined || channelCount === 1 || channelCount === 2) return channelCount;
  throw refused(`channelCount is ${channelCount}; give 1 or 2`);
}

function checkBitrate(audioBitrate) {
  if (Number.isInteger(audioBitrate) && audioBitrate >= 6 && audioBitrate <= 510) return audioBitrate;
  throw refused(`audioBitrate is ${audioBitrate}; give a whole number of 6 to 510 kbit/s`);
}

/**
 * Checks what `setAudioConfig` takes.
 *
 * @param {unknown} config
 * @returns {{ANS?: boolean, AGC?: boolean, AEC?: boolean}}
 * @throws {ZegoError} 1100001 unless at least one of the three is there, and each is true or false.
 */
export function checkAudioConfig(config) {
  const picked = isObject(config) ? pickProcessing(config) : {};
  if (Object.keys(picked).length === 0) throw refused("give at least one of ANS, AGC and AEC, true or false");
  return picked;
}
