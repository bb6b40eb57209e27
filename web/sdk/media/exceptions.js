/**
 * What goes wrong with the sound of a stream while its connection stands (`exceptionUpdate`): pure, one call for each quality
 * interval. The thresholds are those of the engine (messages/src/exceptions.rs), and tests/cases/tables/exceptions.json holds both
 * to the same cases.
 *
 * Each exception is told once when it has held for two intervals, and its recovery (1000 more) once with the first good interval.
 * An interval that says nothing about it (muted, paused, nothing sent on purpose) begins the count anew and recovers nothing.
 * @module
 */

/** What the code of a recovery has over that of its exception (1002, 2002). */
const RECOVERY = 1000;
/** Bad intervals in a row before an exception is told. */
const RAISE_AFTER = 2;
/** Below this level (of 1, -80 dBFS) sound is silence, from the other on (-74 dBFS) it is sound again. */
const SILENT = 0.0001;
const SOUNDING = 0.0002;
/** Below this share of what should be there something is wrong, from the other on all is well again. */
const TOO_LITTLE = 1 / 2;
const ENOUGH = 2 / 3;
/** Packets a second below which a stream is at rest: DTX sends 2 or 3, one that is not among the loudest none. */
const AT_REST_PER_SECOND = 10;

/** @typedef {"nothing" | "bad" | "between" | "good"} Finding "nothing": there is nothing to judge; "between": what was said stays. */

/** @returns {Finding} */
function finding(value, badBelow, goodFrom) {
  if (value < badBelow) return "bad";
  return value < goodFrom ? "between" : "good";
}

/** @returns {Finding} of a level; `null`: not known */
function ofLevel(level) {
  return level === null ? "nothing" : finding(level, SILENT, SOUNDING);
}

/** @returns {Finding} of a part of a whole; `null`: not known */
function ofShare(part, whole) {
  return part === null || !(whole > 0) ? "nothing" : finding(part / whole, TOO_LITTLE, ENOUGH);
}

/** One exception, told or not. */
class Watch {
  #code;
  #texts;
  #badInARow = 0;
  #isRaised = false;

  constructor(code, raised, recovered) {
    this.#code = code;
    this.#texts = { raised, recovered };
  }

  /** @param {Finding} found */
  judge(found) {
    this.#badInARow = found === "bad" ? this.#badInARow + 1 : 0;
    if (this.#isRaised && found === "good") {
      this.#isRaised = false;
      return [{ code: this.#code + RECOVERY, message: this.#texts.recovered }];
    }
    if (this.#isRaised || this.#badInARow < RAISE_AFTER) return [];
    this.#isRaised = true;
    return [{ code: this.#code, message: this.#texts.raised }];
  }
}

/** The exceptions of one published stream. */
export class PublishExceptions {
  #capture = new Watch(
    1002,
    "nothing to hear is captured: check that the microphone is the right one and not muted by its switch or the system",
    "there is sound in what is captured again",
  );
  #bitrate = new Watch(
    1005,
    "less than half of the audio that was asked for is sent: the network, or this machine, is too slow for it",
    "the audio is sent at the bitrate that was asked for again, or near it",
  );

  /**
   * What is to be told after one more interval of publishing; mostly nothing.
   *
   * @param {object} interval
   * @param {boolean} interval.muted
   * @param {number | null} interval.captureLevel Of 1; `null`: not known, as in all that follows.
   * @param {number | null} interval.packetsDue What the captured sound makes.
   * @param {number} interval.packetsSent
   * @param {number | null} interval.targetKbps What the sender aims at.
   * @param {number} interval.askedKbps
   * @returns {{code: number, message: string}[]}
   */
  judge({ muted, captureLevel, packetsDue, packetsSent, targetKbps, askedKbps }) {
    // By packets and by what the sender aims at, not by bytes: Opus spends next to none on a pause.
    const sent = [ofShare(targetKbps, askedKbps), ofShare(packetsSent, packetsDue)];
    const worst = ["bad", "between", "good"].find((found) => sent.includes(found)) ?? "nothing";
    return [
      ...this.#capture.judge(muted ? "nothing" : ofLevel(captureLevel)),
      ...this.#bitrate.judge(muted ? "nothing" : worst),
    ];
  }
}

/** The exceptions of one played stream. */
export class PlayExceptions {
  #volume = new Watch(
    1006,
    "what is received is silence, though its publisher did not mute it: its microphone may be muted by a switch or the system",
    "there is sound in what is received again",
  );
  #decoding = new Watch(
    1007,
    "less than half of the audio that arrives can be decoded: it is damaged, or not in a format that is understood here",
    "the audio that arrives can be decoded again",
  );

  /**
   * What is to be told after one more interval of playing; mostly nothing.
   *
   * @param {object} interval
   * @param {boolean} interval.paused By `mutePlayStreamAudio`.
   * @param {boolean} interval.publisherMuted As `remoteMicStatusUpdate` told.
   * @param {number} interval.seconds
   * @param {number} interval.packetsReceived In time, each once.
   * @param {number} interval.packetsDecoded
   * @param {number | null} interval.level Of 1, before the playout volume; `null`: not known.
   * @returns {{code: number, message: string}[]}
   */
  judge({ paused, publisherMuted, seconds, packetsReceived, packetsDecoded, level }) {
    const rests = paused || packetsReceived < AT_REST_PER_SECOND * seconds;
    const decoded = rests ? "nothing" : ofShare(packetsDecoded, packetsReceived);
    // What cannot be decoded is silent too; one cause is told once.
    const heard = decoded === "good" && !publisherMuted ? ofLevel(level) : "nothing";
    return [...this.#decoding.judge(decoded), ...this.#volume.judge(heard)];
  }
}
