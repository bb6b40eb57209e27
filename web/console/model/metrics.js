/**
 * What the console shows of a stream's quality: the list of figures, how each is written, and how the documented statistics become
 * one sample of them.
 */

/** Words of the documented grades 0 to 4. */
const GRADE_WORDS = ["excellent", "good", "medium", "bad", "very bad"];

/**
 * A documented grade in a word.
 *
 * @param {number | null | undefined} grade -1 (unknown) to 4 (very bad).
 * @returns {string} "excellent" … "very bad"; "unknown" for everything else.
 */
export function gradeWord(grade) {
  return GRADE_WORDS[grade] ?? "unknown";
}

const fixed = (digits, unit) => (value) => `${value.toFixed(digits)} ${unit}`;

/**
 * The figures, in the order in which they are shown.
 *
 * - `key`: its name in a sample
 * - `label`: for people
 * - `roles`: of which streams it is known
 * - `text(value)`: the value with its unit
 * - `top`: the chart reaches at least this value, so that noise does not look like trouble
 * - `worse`: which end is the bad one, for the table
 */
export const METRICS = Object.freeze([
  { key: "bitrate", label: "Bitrate", roles: ["publish", "play"], text: fixed(0, "kbit/s"), top: 64 },
  { key: "loss", label: "Loss", roles: ["publish", "play"], text: fixed(1, "%"), top: 5 },
  { key: "jitter", label: "Jitter", roles: ["play"], text: fixed(1, "ms"), top: 20 },
  { key: "delay", label: "Delay", roles: ["play"], text: fixed(0, "ms"), top: 200 },
  { key: "roundTrip", label: "Round trip", roles: ["publish"], text: fixed(0, "ms"), top: 200 },
  { key: "concealment", label: "Concealed", roles: ["play"], text: fixed(1, "%"), top: 5 },
  { key: "grade", label: "Grade", roles: ["publish", "play"], text: gradeWord, top: 4 },
]);

/**
 * The figures of one kind of stream.
 *
 * @param {"publish" | "play"} role
 */
export function metricsOf(role) {
  return METRICS.filter((metric) => metric.roles.includes(role));
}

const number = (value) => (Number.isFinite(value) ? value : null);
const percent = (fraction) => (Number.isFinite(fraction) ? fraction * 100 : null);
const grade = (value) => (value >= 0 && value <= 4 ? value : null);

/**
 * One sample of a published stream.
 *
 * @param {object} stats `ZegoPublishStats` of a `publishQualityUpdate`.
 * @param {number} time Milliseconds, Unix time.
 * @returns {{time: number, [key: string]: number | null}} Percentages are 0 to 100; `null` where nothing is known.
 */
export function publishSample(stats, time) {
  const audio = stats?.audio ?? {};
  return {
    time,
    bitrate: number(audio.audioBitrate),
    loss: percent(audio.audioPacketsLostRate),
    roundTrip: number(audio.roundTripTimeMs),
    grade: grade(audio.audioQuality),
  };
}

/**
 * One sample of a played stream.
 *
 * @param {object} stats `ZegoPlayStats` of a `playQualityUpdate`.
 * @param {object | undefined} previous The statistics before these, for what is only counted in total.
 * @param {number} time Milliseconds, Unix time.
 * @returns {{time: number, [key: string]: number | null}} Percentages are 0 to 100; `null` where nothing is known.
 */
export function playSample(stats, previous, time) {
  const audio = stats?.audio ?? {};
  return {
    time,
    bitrate: number(audio.audioBitrate),
    loss: percent(audio.audioPacketsLostRate),
    jitter: number(audio.audioJitter),
    delay: number(stats?.peerToPeerDelay) ?? number(audio.jitterBufferDelayMs),
    concealment: concealment(audio, previous?.audio),
    grade: grade(audio.audioQuality),
  };
}

/** Percent of what was heard since `before` that was made up for lost sound. */
function concealment(now, before) {
  const heard = now.totalSamplesReceived - (before?.totalSamplesReceived ?? 0);
  const made = now.concealedSamples - (before?.concealedSamples ?? 0);
  // A new connection counts from 0 again; its first difference says nothing.
  return heard > 0 && made >= 0 ? Math.min(100, (100 * made) / heard) : null;
}
