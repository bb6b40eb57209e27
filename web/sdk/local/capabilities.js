import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { captureMicrophone } from "./capture.js";

/**
 * What this browser can do (`checkSystemRequirements`).
 * @module
 */

/** The documented things that can be asked for one by one. */
const TYPES = ["webRTC", "customCapture", "camera", "microphone", "screenSharing", "H264", "H265", "VP8"];

const NO_VIDEO = new ZegoError(codes.INPUT_PARAM, "this is the audio SDK: pictures are neither captured nor played");

function hasOpus({ RTCPeerConnection, RTCRtpSender }) {
  if (typeof RTCPeerConnection !== "function") return false;
  const codecs = RTCRtpSender?.getCapabilities?.("audio")?.codecs ?? [];
  return codecs.some(({ mimeType }) => mimeType.toLowerCase() === "audio/opus");
}

function customCapture({ HTMLMediaElement }) {
  const element = HTMLMediaElement?.prototype ?? {};
  return "captureStream" in element || "mozCaptureStream" in element;
}

/** Opens the microphone and closes it; the user may be asked for permission. */
async function microphone(world) {
  const capture = await captureMicrophone(world, {});
  capture.stop();
}

const PROBES = {
  webRTC: (world) => hasOpus(world) || "this browser has no WebRTC with Opus; use a current Chromium, Firefox or Safari",
  customCapture: (world) =>
    customCapture(world) || "this browser cannot capture a media element; a MediaStream can be published",
  microphone: (world) => microphone(world).then(() => true),
  screenSharing: (world) =>
    typeof world.mediaDevices?.getDisplayMedia === "function" || "this browser cannot share the sound of a screen or tab here",
};

/** @returns {Promise<ZegoError | undefined>} Why it is not there. */
async function probe(world, type) {
  if (!(type in PROBES)) return NO_VIDEO;
  try {
    const found = await PROBES[type](world);
    return found === true ? undefined : new ZegoError(codes.PUBLISHER_BROWSER_NOT_SUPPORT, found);
  } catch (error) {
    return error;
  }
}

function plain(error) {
  return { code: error.code, message: error.message };
}

/**
 * Looks for everything. Nothing that is missing is an error: look at the fields.
 *
 * @param {import("../engine/world.js").World} world
 * @returns {Promise<object>} `{webRTC, customCapture, camera, microphone, screenSharing, videoCodec, errInfo}`; `errInfo` says
 *   why, as `{code, message}` by the name of what is missing. `camera` and `videoCodec` are false: this is the audio SDK.
 */
export async function checkAll(world) {
  const found = { webRTC: true, customCapture: true, camera: false, microphone: true, screenSharing: true };
  const errInfo = {};
  for (const type of Object.keys(PROBES)) {
    const error = await probe(world, type);
    found[type] = error === undefined;
    if (error) errInfo[type] = plain(error);
  }
  return { ...found, videoCodec: { H264: false, H265: false, VP8: false, VP9: false }, errInfo };
}

/**
 * Looks for one thing.
 *
 * @param {import("../engine/world.js").World} world
 * @param {string} type One of the documented eight.
 * @returns {Promise<{result: boolean, errInfo: object}>} Rejects with 1100001 for another type.
 */
export async function checkOne(world, type) {
  if (!TYPES.includes(type))
    throw new ZegoError(codes.INPUT_PARAM, `${type} cannot be checked; give one of ${TYPES.join(", ")}`);
  const error = await probe(world, type);
  return { result: error === undefined, errInfo: error ? plain(error) : {} };
}
