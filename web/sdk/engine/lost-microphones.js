import { codes } from "../base/codes.js";
import { listMicrophones } from "../local/devices.js";
import { inner } from "../local/local-stream.js";

/** A microphone that is away for a shorter time has a loose plug. The engine takes the same time. */
const LOOSE_MS = 2_000;

/**
 * Local streams whose microphone ended by itself: told as `deviceError`, silent, and captured anew when it is back, or from another
 * microphone where the program wants that (`enableAutoSwitchDevice`).
 */
export class LostMicrophones {
  #core;
  #isPublished;
  #switches = false;
  /** By the local stream: the track that ended, when, and what is being done about it. */
  #lost = new Map();

  /**
   * @param {import("./core.js").Core} core
   * @param {(stream: object) => boolean} isPublished `deviceError` is told of what is published only, as documented.
   */
  constructor(core, isPublished) {
    this.#core = core;
    this.#isPublished = isPublished;
  }

  /** Whether another microphone takes the place of one that was unplugged. */
  set switches(isOn) {
    this.#switches = isOn;
  }

  /** The track of a stream's microphone ended. */
  async ended(stream, track) {
    const { deviceId, groupId } = track.getSettings();
    const lost = { track, deviceId, groupId, since: this.#core.world.env.now(), work: Promise.resolve() };
    this.#lost.set(stream, lost);
    const microphones = await listMicrophones(this.#core.world);
    const isThere = microphones?.some((microphone) => isOf(lost, microphone)) ?? true;
    this.#tell(stream, lost, isThere ? codes.DEVICE_MICROPHONE_TRACK_ENDED : codes.DEVICE_UNPLUGGED);
    if (this.#switches && !isThere && microphones.length > 0) this.#captureAnew(stream, lost, { input: undefined });
  }

  /** A microphone was plugged in. */
  came(deviceId, groupId) {
    for (const [stream, lost] of this.#lost) {
      const isSame = deviceId === lost.deviceId || (groupId && groupId === lost.groupId);
      const isLoose = isSame && this.#core.world.env.now() - lost.since < LOOSE_MS;
      if (isLoose) this.#tell(stream, lost, codes.DEVICE_MICROPHONE_LOOSE);
      if (isSame) this.#captureAnew(stream, lost, {});
      else if (this.#switches) this.#captureAnew(stream, lost, { input: undefined });
    }
  }

  /** A stream is over. */
  forget(stream) {
    this.#lost.delete(stream);
  }

  /** Whether the stream still has the track that ended: the program may have captured anew, or destroyed it. */
  #isLost(stream, lost) {
    return this.#lost.get(stream) === lost && stream[inner].capture?.track === lost.track;
  }

  #tell(stream, lost, code) {
    if (this.#isLost(stream, lost) && this.#isPublished(stream)) this.#core.emit("deviceError", code, lost.track.label);
  }

  #captureAnew(stream, lost, changes) {
    lost.work = lost.work.then(async () => {
      if (!this.#isLost(stream, lost)) return;
      try {
        await stream[inner].replace(changes);
        this.#lost.delete(stream);
      } catch (error) {
        console.error(`after ${lost.track.label} ended no microphone could be captured: ${error.message}`);
      }
    });
  }
}

/** The name "default" may be another microphone's by now; what is one thing has one `groupId`, where a browser tells it. */
function isOf(lost, { deviceId, groupId }) {
  const isAnother = groupId !== undefined && lost.groupId !== undefined && groupId !== lost.groupId;
  return deviceId === lost.deviceId && !isAnother;
}
