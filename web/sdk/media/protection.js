/**
 * Copies of earlier frames (RED, RFC 2198) against loss: how long a player waits for those that the server adds, and when a
 * publisher sends some. Pure; `now` in ms.
 * @module
 */

/** The frames of streams. */
const FRAME_MS = 20;
/** Under Karaoke, and samples of a packet from which on they are not these: repaired ones are counted, too. */
const SHORT_FRAME_MS = 10;
const SHORT_SAMPLES = 720;

/**
 * How long the frames of a stream are, by what came of it and was played.
 *
 * @param {ReturnType<typeof import("./counters.js").receiveCounters>} counters
 * @returns {number} ms
 */
export function frameLength({ packets, samples, concealed }) {
  const played = samples - concealed;
  return played > 0 && played < SHORT_SAMPLES * packets ? SHORT_FRAME_MS : FRAME_MS;
}

/**
 * The least delay of what is played while there are copies so many packets back: the farthest of them comes in time for it.
 *
 * @param {number[]} copies
 * @param {number} frameMs
 * @param {number | null} asked What the application asked for, ms; `null`: the browser decides.
 * @returns {number | null} ms
 */
export function delayForCopies(copies, frameMs, asked) {
  return copies.length === 0 ? asked : Math.max(asked ?? 0, (Math.max(...copies) + 1) * frameMs);
}

/** What RED adds to each packet (RFC 2198 section 3). */
const RED_BITS = 40;
/** With less than this a frame sounds so much worse that its copy is not worth it. */
const LEAST_FRAME_KBPS = 12;

/**
 * The bitrate of the frames where each is sent twice.
 *
 * @param {number} kbps For all that is sent.
 * @param {number} frameMs One in each packet.
 * @returns {number | undefined} kbit/s; `undefined`: it is too little for two
 */
export function frameBitrate(kbps, frameMs) {
  const half = Math.floor((kbps - RED_BITS / frameMs) / 2);
  return half >= LEAST_FRAME_KBPS ? half : undefined;
}

/** Copies are sent while two reports in a row miss so much. */
const LOSSY = 0.03;
/** They are sent no more after less than this was missed for so long. */
const CALM = 0.01;
const CALM_MS = 30_000;
/** Over how long the loss is averaged for that: one packet now and then is still calm. */
const AVERAGE_MS = 5_000;

/** Whether a publisher sends copies, by what the server tells of its packets. */
export class UplinkProtection {
  #isOn = false;
  #last = { loss: 0, at: undefined };
  #average = 0;
  #calmSince;

  get isOn() {
    return this.#isOn;
  }

  /**
   * A report of the server.
   *
   * @param {number | null} loss The fraction that it missed since the report before, 0 to 1; `null`: not known.
   * @param {number} now
   */
  note(loss, now) {
    if (loss === null) return;
    const { loss: before, at = now } = this.#last;
    this.#last = { loss, at: now };
    this.#average += (loss - this.#average) * (1 - Math.exp((at - now) / AVERAGE_MS));
    if (loss >= LOSSY && before >= LOSSY) {
      this.#isOn = true;
      this.#average = Math.max(this.#average, loss);
    }
    this.#calmSince = this.#average < CALM ? (this.#calmSince ?? now) : undefined;
    if (this.#calmSince !== undefined && now - this.#calmSince >= CALM_MS) this.#isOn = false;
  }
}
