import { grade } from "./grade.js";
import { Totals } from "./totals.js";

/**
 * From counters to the documented quality reports (`ZegoPublishStats`, `ZegoPlayStats`): pure, one call per interval. Each
 * connection counts from zero, so what former connections of a stream counted is added.
 * @module
 */

const CODEC = "opus";
const SAMPLES_PER_MS = 48;

function muteState(muted) {
  return muted ? "1" : "0";
}

function fraction(part, whole) {
  return whole > 0 ? Math.min(Math.max(part / whole, 0), 1) : 0;
}

/** Makes one ZegoPublishStats after another. */
export class PublishQuality {
  #since;
  #totals = new Totals(["packets", "bytes", "lost"]);
  #lost = 0;

  /** @param {number} now ms */
  constructor(now) {
    this.#since = now;
  }

  /** A new connection begins, and with it an interval. */
  fresh(now) {
    this.#since = now;
    this.#lost = 0;
    this.#totals.fresh();
  }

  /**
   * The report for the interval since the last call.
   *
   * @param {number} now ms
   * @param {ReturnType<typeof import("./counters.js").sendCounters>} counters
   * @param {{muted: boolean, connected: boolean, listeners?: object | null}} state
   * @returns {object} ZegoPublishStats, as express.d.ts describes it
   */
  report(now, counters, state) {
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    // Without a new report nothing more is known to be lost.
    this.#lost = counters.remote?.lost ?? this.#lost;
    const { total, grown } = this.#totals.take({ ...counters, lost: this.#lost });
    const loss = fraction(grown.lost, grown.packets);
    const perSecond = (count) => (seconds > 0 ? count / seconds : 0);
    return {
      audio: {
        audioBitrate: (perSecond(grown.bytes) * 8) / 1000,
        audioCodec: CODEC,
        audioPacketsLost: total.lost,
        audioPacketsLostRate: loss,
        muteState: muteState(state.muted),
        audioFPS: perSecond(grown.packets),
        audioQuality: grade(counters.roundTripMs, loss, counters.remote?.jitterS, state.connected),
        roundTripTimeMs: counters.roundTripMs ?? null,
      },
      listeners: state.listeners ?? null,
    };
  }
}

/** What is concealed for longer than this at a stretch is a break, not a repair. */
const BREAK_MS = 200;

/** What the engine counts and no browser does: Chromium repairs from RED and FEC, and counts neither (`fecPackets*` stay 0). */
const UNTOLD = Object.freeze({
  recoveredFrames: null,
  recovered: null,
  underflows: null,
});

const PLAY_COUNTERS = [
  ...["packets", "bytes", "lost", "discarded", "samples", "interruptedMs", "waitedMs", "targetWaitMs", "emitted"],
  ...["concealed", "silentConcealed", "concealments", "inserted", "removed"],
];

/** Makes one ZegoPlayStats after another. */
export class PlayQuality {
  #since;
  #totals = new Totals(PLAY_COUNTERS);
  /** Breaks as far as they can be seen where the browser does not count them. */
  #seenBreaksMs = 0;

  /** @param {number} now ms */
  constructor(now) {
    this.#since = now;
  }

  /** A new connection begins, and with it an interval. */
  fresh(now) {
    this.#since = now;
    this.#totals.fresh();
  }

  /**
   * The report for the interval since the last call.
   *
   * @param {number} now ms
   * @param {ReturnType<typeof import("./counters.js").receiveCounters>} counters
   * @param {{muted: boolean, connected: boolean, uplink?: {rttMs: number | null, loss: number}}} state
   * @returns {object} ZegoPlayStats, as express.d.ts describes it
   */
  report(now, counters, state) {
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    const { total, grown } = this.#totals.take({ ...counters, interruptedMs: counters.interruptedMs ?? 0 });
    const delayMs = meanMs(total, grown, "waitedMs");
    const rtt = counters.roundTripMs;
    return {
      audio: {
        ...this.#received(total, grown, seconds, counters),
        ...this.#heard(total, grown, counters),
        muteState: muteState(state.muted),
        audioQuality: grade(rtt, lossOf(grown), counters.jitterMs / 1000, state.connected),
        jitterBufferDelayMs: delayMs,
        jitterBufferTargetMs: meanMs(total, grown, "targetWaitMs"),
      },
      peerToPeerDelay: rtt === undefined ? undefined : ((state.uplink?.rttMs ?? 0) + rtt) / 2 + delayMs,
      peerToPeerPacketLostRate: state.uplink && 1 - (1 - state.uplink.loss) * (1 - lossOf(grown)),
    };
  }

  #received(total, grown, seconds, counters) {
    const perSecond = (count) => (seconds > 0 ? count / seconds : 0);
    return {
      audioBitrate: (perSecond(grown.bytes) * 8) / 1000,
      audioCodec: CODEC,
      audioFPS: perSecond(grown.packets),
      audioJitter: counters.jitterMs,
      audioPacketsLost: total.lost,
      audioPacketsLostRate: lossOf(grown),
      packetsReceived: total.packets,
      packetsDiscarded: total.discarded,
    };
  }

  #heard(total, grown, counters) {
    const concealedMs = grown.concealed / SAMPLES_PER_MS;
    if (counters.interruptedMs === undefined && concealedMs > BREAK_MS) this.#seenBreaksMs += concealedMs;
    const breakMs = total.interruptedMs + this.#seenBreaksMs;
    return {
      audioLevel: counters.level,
      audioSamplingRate: SAMPLES_PER_MS * 1000,
      audioCumulativeDecodeTime: Math.max(0, total.samples - total.concealed) / SAMPLES_PER_MS,
      audioCumulativeBreakTime: breakMs,
      audioCumulativeBreakRate: fraction(breakMs, total.samples / SAMPLES_PER_MS),
      concealedSamples: total.concealed,
      silentConcealedSamples: total.silentConcealed,
      concealmentEvents: total.concealments,
      insertedSamplesForDeceleration: total.inserted,
      removedSamplesForAcceleration: total.removed,
      totalSamplesReceived: total.samples,
      ...UNTOLD,
    };
  }
}

function lossOf(grown) {
  return fraction(grown.lost, grown.packets + grown.lost);
}

/** Mean over the interval of a time that is summed up for each sample given out; of the whole life where the interval has none. */
function meanMs(total, grown, name) {
  if (grown.emitted > 0) return grown[name] / grown.emitted;
  return total.emitted > 0 ? total[name] / total.emitted : 0;
}
