import { grade } from "./grade.js";

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

/** Counters of one stream over all its connections. */
class Totals {
  #names;
  /** What former connections counted. */
  #before = {};
  /** What this connection counted when it was last looked at. */
  #last = {};

  constructor(names) {
    this.#names = names;
    for (const name of names) this.#before[name] = this.#last[name] = 0;
  }

  /** A new connection begins to count. */
  fresh() {
    for (const name of this.#names) {
      this.#before[name] += this.#last[name];
      this.#last[name] = 0;
    }
  }

  /** @returns {{total: Record<string, number>, grown: Record<string, number>}} since the start, since the last call */
  take(counters) {
    const total = {};
    const grown = {};
    for (const name of this.#names) {
      grown[name] = counters[name] - this.#last[name];
      this.#last[name] = counters[name];
      total[name] = this.#before[name] + counters[name];
    }
    return { total, grown };
  }
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

/** Makes one ZegoPlayStats after another. */
export class PlayQuality {
  #since;
  #totals = new Totals(["packets", "bytes", "lost", "discarded", "samples", "concealed", "interruptedMs", "waitedMs", "emitted"]);
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
    const delayMs = meanDelayMs(total, grown);
    const rtt = counters.roundTripMs;
    return {
      audio: {
        ...this.#received(total, grown, seconds, counters),
        ...this.#heard(total, grown, counters),
        muteState: muteState(state.muted),
        audioQuality: grade(rtt, lossOf(grown), counters.jitterMs / 1000, state.connected),
        jitterBufferDelayMs: delayMs,
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
      totalSamplesReceived: total.samples,
    };
  }
}

function lossOf(grown) {
  return fraction(grown.lost, grown.packets + grown.lost);
}

/** Mean time that samples waited in the jitter buffer during the interval; of the whole life where the interval has none. */
function meanDelayMs(total, grown) {
  if (grown.emitted > 0) return grown.waitedMs / grown.emitted;
  return total.emitted > 0 ? total.waitedMs / total.emitted : 0;
}
