import { browserEnv } from "../base/env.js";
import { Room } from "../room/room.js";

/**
 * Everything that the SDK takes from the browser, in one place; a test gives its own under `options[WORLD]` of the constructor.
 *
 * @typedef {ReturnType<typeof browserWorld>} World
 */
export const WORLD = Symbol("world");

/** The browser's own. */
export function browserWorld() {
  const { navigator, document, location, HTMLMediaElement, Audio, AudioContext, MediaStream } = globalThis;
  const { RTCPeerConnection, RTCRtpSender } = globalThis;
  return {
    env: browserEnv(),
    mediaDevices: navigator?.mediaDevices,
    document,
    location,
    HTMLMediaElement,
    Audio,
    AudioContext,
    MediaStream,
    RTCPeerConnection,
    RTCRtpSender,
    Room,
  };
}
