/**
 * From counters to the intervals that exceptions are judged by. Pure; `now` in ms.
 * @module
 */

import { PlayExceptions, PublishExceptions } from "./exceptions.js";
import { frameLength } from "./protection.js";
import { Totals } from "./totals.js";

const SAMPLES_PER_MS = 48;

/**
 * The level of sound, by how its energy grew (webrtc-stats, `totalAudioEnergy`); `null`: not known. Chromium takes the energy of the
 * largest sample of each 110 ms for that of all, so this is near the largest one, by which the engine judges, and not far below.
 */
function level(energy, seconds) {
  return seconds > 0 && energy >= 0 ? Math.sqrt(energy / seconds) : null;
}

/** Finds the exceptions of one published stream. */
export class PublishWatch {
  #exceptions = new PublishExceptions();
  #totals = new Totals(["packets", "capturedEnergy", "capturedS"]);

  /** A new connection begins to count. */
  fresh() {
    this.#totals.fresh();
  }

  /**
   * What is to be told of the interval since the last call.
   *
   * @param {ReturnType<typeof import("./counters.js").sendCounters>} counters
   * @param {object} state
   * @param {boolean} state.muted
   * @param {boolean} state.isMicrophone Whatever else is captured may be silent for as long as it likes.
   * @param {boolean} state.dtx
   * @param {number} state.frameMs One in each packet.
   * @param {number} state.frameKbps What was asked for, without copies.
   */
  look(counters, { muted, isMicrophone, dtx, frameMs, frameKbps }) {
    const { grown } = this.#totals.take(counters);
    return this.#exceptions.judge({
      muted,
      captureLevel: isMicrophone ? level(grown.capturedEnergy, grown.capturedS) : null,
      // What DTX leaves out is nowhere counted.
      packetsDue: dtx ? null : (grown.capturedS * 1000) / frameMs,
      packetsSent: grown.packets,
      targetKbps: counters.targetKbps ?? null,
      askedKbps: frameKbps,
    });
  }
}

/** Finds the exceptions of one played stream. */
export class PlayWatch {
  #since;
  #exceptions = new PlayExceptions();
  #totals = new Totals(["packets", "discarded", "samples", "concealed", "heardEnergy", "heardS"]);

  /** @param {number} now */
  constructor(now) {
    this.#since = now;
  }

  /** A new connection begins to count. */
  fresh(now) {
    this.#since = now;
    this.#totals.fresh();
  }

  /**
   * What is to be told of the interval since the last call.
   *
   * @param {number} now
   * @param {ReturnType<typeof import("./counters.js").receiveCounters>} counters
   * @param {{paused: boolean, publisherMuted: boolean}} state
   */
  look(now, counters, { paused, publisherMuted }) {
    const { grown } = this.#totals.take(counters);
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    return this.#exceptions.judge({
      // A browser that plays to nobody decodes nothing, and says nothing of it.
      paused: paused || grown.samples === 0,
      publisherMuted,
      seconds,
      // Copies that were not needed count as discarded too: then nothing is judged rather than wrongly.
      packetsReceived: Math.max(0, grown.packets - grown.discarded),
      packetsDecoded: (grown.samples - grown.concealed) / (SAMPLES_PER_MS * frameLength(counters)),
      level: level(grown.heardEnergy, grown.heardS),
    });
  }
}
