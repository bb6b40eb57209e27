import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";

/**
 * Sources of sound: a microphone, the sound of a screen or tab, or what the program brings.
 *
 * @typedef {{kind: "camera" | "screen" | "custom", track: MediaStreamTrack, stop: () => void}} Capture
 * @module
 */

const CAPTURE_CODES = new Map([
  ["NotAllowedError", codes.DEVICE_NO_ALLOWED],
  ["SecurityError", codes.DEVICE_NO_ALLOWED],
  ["NotReadableError", codes.DEVICE_NO_READABLE],
  ["AbortError", codes.DEVICE_NO_READABLE],
  ["OverconstrainedError", codes.DEVICE_OVER_CONSTRAINED],
  ["TypeError", codes.DEVICE_OVER_CONSTRAINED],
  ["NotFoundError", codes.DEVICE_NOT_FOUND],
]);

/**
 * The documented code of a refusal of the browser (Media Capture and Streams, 10.2).
 *
 * @param {unknown} error
 * @returns {ZegoError}
 */
export function captureError(error) {
  if (error instanceof ZegoError) return error;
  const code = CAPTURE_CODES.get(error?.name) ?? codes.PUBLISHER_GET_USER_MEDIA_FAIL;
  return new ZegoError(code, `the browser gives no sound: ${error?.name ?? "unknown"}: ${error?.message ?? ""}`);
}

/**
 * The browser's devices.
 *
 * @param {import("../engine/world.js").World} world
 * @returns {MediaDevices}
 * @throws {ZegoError} 1103053 where the page is neither on https nor on localhost.
 */
export function mediaDevices(world) {
  if (world.mediaDevices) return world.mediaDevices;
  const text = "the browser gives microphones to pages from https or localhost only; open this page from there";
  throw new ZegoError(codes.PUBLISHER_HTTPS_REQUIRED, text);
}

/** Constraints of what was said; what was left open is the browser's to decide. */
function constraints({ input, channelCount, ANS, AGC, AEC }) {
  const wanted = {
    deviceId: input === undefined ? undefined : { exact: input },
    channelCount,
    noiseSuppression: ANS,
    autoGainControl: AGC,
    echoCancellation: AEC,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}

function captureOf(kind, track) {
  return { kind, track, stop: () => track.stop() };
}

/**
 * Opens a microphone.
 *
 * @param {import("../engine/world.js").World} world
 * @param {{input?: string, channelCount?: 1 | 2, ANS?: boolean, AGC?: boolean, AEC?: boolean}} options
 * @returns {Promise<Capture>} Rejects with 1103053, 1103064, 1103065, 1103066, 1103048 or 1103061.
 */
export async function captureMicrophone(world, options) {
  try {
    const stream = await mediaDevices(world).getUserMedia({ audio: constraints(options), video: false });
    return captureOf("camera", stream.getAudioTracks()[0]);
  } catch (error) {
    throw captureError(error);
  }
}

/**
 * Captures the sound of a screen, window or tab that the user chooses. The picture is dropped.
 *
 * @param {import("../engine/world.js").World} world
 * @param {{channelCount?: 1 | 2, ANS?: boolean, AGC?: boolean, AEC?: boolean}} options
 * @returns {Promise<Capture>} Rejects as a microphone does, and with 1103046 where what was chosen has no sound.
 */
export async function captureScreen(world, options) {
  let stream;
  try {
    stream = await mediaDevices(world).getDisplayMedia({ audio: constraints(options), video: true });
  } catch (error) {
    throw captureError(error);
  }
  stream.getVideoTracks().forEach((track) => track.stop());
  const [track] = stream.getAudioTracks();
  if (!track) throw noAudio("what was chosen has no sound; choose a tab, and share its sound");
  return captureOf("screen", track);
}

/** How long a media element may take to have a track of sound. */
const ELEMENT_MS = 5_000;

/**
 * Takes the sound of a MediaStream or a media element. The program keeps its own: what is stopped and muted here is a copy.
 *
 * @param {import("../engine/world.js").World} world
 * @param {MediaStream | HTMLMediaElement} source
 * @returns {Promise<Capture>} Rejects with 1103046 where it has no sound.
 */
export async function captureCustom(world, source) {
  if (typeof source.getAudioTracks === "function") {
    const [track] = source.getAudioTracks();
    if (!track) throw noAudio("the MediaStream has no audio track");
    return captureOf("custom", track.clone());
  }
  const stream = source.captureStream?.() ?? source.mozCaptureStream?.();
  if (!stream) throw noAudio("this browser cannot capture the sound of a media element");
  return captureOf("custom", stream.getAudioTracks()[0] ?? (await firstTrack(world, stream)));
}

/** An element has no tracks before it has loaded. */
function firstTrack(world, stream) {
  return new Promise((resolve, reject) => {
    const give = () => reject(noAudio("the media element had no sound within 5 s; load it first"));
    const timer = world.env.setTimeout(give, ELEMENT_MS);
    stream.addEventListener("addtrack", ({ track }) => {
      if (track.kind !== "audio") return;
      world.env.clearTimeout(timer);
      resolve(track);
    });
  });
}

function noAudio(text) {
  return new ZegoError(codes.PUBLISHER_NO_AUDIO, text);
}
