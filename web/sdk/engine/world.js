import { browserEnv } from "../base/env.js";
import { Room } from "../room/room.js";

/**
 * Everything that the SDK takes from the browser, in one place; a test gives its own under `options[WORLD]` of the constructor.
 *
 * @typedef {ReturnType<typeof browserWorld>} World
 */
export const WORLD = Symbol("world");

/** 128 random bits as 32 hexadecimal digits: names one life of an engine to servers. */
function instanceID() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The browser's own. */
export function browserWorld() {
  const { navigator, document, location, HTMLMediaElement, Audio, AudioContext, AudioWorkletNode, MediaStream } = globalThis;
  const { RTCPeerConnection, RTCRtpSender } = globalThis;
  return {
    env: browserEnv(),
    mediaDevices: navigator?.mediaDevices,
    document,
    location,
    HTMLMediaElement,
    Audio,
    AudioContext,
    AudioWorkletNode,
    MediaStream,
    RTCPeerConnection,
    RTCRtpSender,
    instanceID,
    Room,
  };
}
