/**
 * What the console shows of a stream's quality: the list of figures, how each is written, and how the documented statistics become
 * one sample of them.
 */

/** Words of the documented grades 0 to 4. */
const GRADE_WORDS = ["excellent", "good", "medium", "bad", "very bad"];
/** Samples of one packet: 20 ms. */
const PACKET_SAMPLES = 960;

/**
 * A documented grade in a word.
 *
 * @param {number | null | undefined} grade -1 (unknown) to 4 (very bad).
 * @returns {string} "excellent" … "very bad"; "unknown" for everything else.
 */
export function gradeWord(grade) {
  return GRADE_WORDS[grade] ?? "unknown";
}

const fixed = (digits, unit) => (value) => `${value.toFixed(digits)} ${unit}`.trimEnd();
const LOSS = { text: fixed(1, "%"), top: 5 };
const BURST = { text: fixed(1, ""), top: 4 };
const COUNT = { text: fixed(0, ""), top: 4 };
const TIME = { text: fixed(0, "ms"), top: 200 };

/**
 * The figures, in the order in which they are shown.
 *
 * - `key`: its name in a sample
 * - `label`: for people
 * - `roles`: of which streams it is known
 * - `text(value)`: the value with its unit
 * - `top`: the chart reaches at least this value, so that noise does not look like trouble
 * - `beside`: key of a figure that the same chart has as a dashed line
 * - `tableOnly`: it has no chart of its own
 */
export const METRICS = Object.freeze([
  { key: "bitrate", label: "Bitrate", roles: ["publish", "play"], text: fixed(0, "kbit/s"), top: 64 },
  { key: "loss", label: "Loss", roles: ["publish", "play"], ...LOSS },
  { key: "repaired", label: "Repaired", roles: ["play"], ...LOSS },
  { key: "concealment", label: "Concealed", roles: ["play"], ...LOSS },
  { key: "gaps", label: "Gaps concealed", roles: ["play"], ...COUNT, tableOnly: true },
  { key: "underflows", label: "Underflows", roles: ["play"], ...COUNT, tableOnly: true },
  { key: "jitter", label: "Jitter", roles: ["play"], text: fixed(1, "ms"), top: 20 },
  { key: "buffer", label: "Buffer", roles: ["play"], ...TIME, beside: "bufferTarget" },
  { key: "bufferTarget", label: "Buffer target", roles: ["play"], ...TIME, tableOnly: true },
  { key: "delay", label: "Delay", roles: ["play"], ...TIME },
  { key: "uplinkLoss", label: "Uplink loss", roles: ["publish"], ...LOSS },
  { key: "uplinkBurst", label: "Uplink burst", roles: ["publish"], ...BURST, tableOnly: true },
  { key: "roundTrip", label: "Round trip", roles: ["publish"], ...TIME },
  { key: "listeners", label: "Listeners", roles: ["publish"], ...COUNT, tableOnly: true },
  { key: "listenerLoss", label: "Worst loss", roles: ["publish"], ...LOSS, beside: "listenerLossMedian" },
  { key: "listenerLossMedian", label: "Listeners' median loss", roles: ["publish"], ...LOSS, tableOnly: true },
  { key: "listenerBurst", label: "Worst burst", roles: ["publish"], ...BURST, beside: "listenerBurstMedian" },
  { key: "listenerBurstMedian", label: "Listeners' median burst", roles: ["publish"], ...BURST, tableOnly: true },
  { key: "copying", label: "With copies", roles: ["publish"], ...COUNT, beside: "listeners" },
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
  const heard = stats?.listeners ?? {};
  return {
    time,
    bitrate: number(audio.audioBitrate),
    loss: percent(audio.audioPacketsLostRate),
    uplinkLoss: percent(heard.uplinkLoss),
    uplinkBurst: number(heard.uplinkBurst),
    roundTrip: number(audio.roundTripTimeMs),
    listeners: number(heard.listeners),
    listenerLoss: percent(heard.lossWorst),
    listenerLossMedian: percent(heard.lossMedian),
    listenerBurst: number(heard.burstWorst),
    listenerBurstMedian: number(heard.burstMedian),
    copying: number(heard.copying),
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
  const before = previous?.audio;
  return {
    time,
    bitrate: number(audio.audioBitrate),
    loss: percent(audio.audioPacketsLostRate),
    repaired: repaired(audio, before),
    concealment: concealment(audio, before),
    gaps: grown(audio, before, "concealmentEvents"),
    underflows: grown(audio, before, "underflows"),
    jitter: number(audio.audioJitter),
    buffer: number(audio.jitterBufferDelayMs),
    bufferTarget: number(audio.jitterBufferTargetMs),
    delay: number(stats?.peerToPeerDelay) ?? number(audio.jitterBufferDelayMs),
    grade: grade(audio.audioQuality),
  };
}

/** How much a total grew; `null` where it is not known, or a new connection counts from 0 again. */
function grown(now, before, name) {
  const more = now[name] - (before?.[name] ?? 0);
  return Number.isFinite(now[name]) && more >= 0 ? more : null;
}

/** Percent of what was heard since `before` that was made up for lost sound. */
function concealment(now, before) {
  const heard = grown(now, before, "totalSamplesReceived");
  const made = grown(now, before, "concealedSamples");
  return heard > 0 && made !== null ? Math.min(100, (100 * made) / heard) : null;
}

/**
 * Percent of what was heard since `before` that was lost on the way and yet not made up: copies of a frame or forward error correction
 * had it. Browsers do not tell which, nor how much; it is what is lost less what is concealed.
 */
function repaired(now, before) {
  const heard = grown(now, before, "totalSamplesReceived");
  const made = grown(now, before, "concealedSamples");
  const lost = grown(now, before, "audioPacketsLost");
  if (!(heard > 0) || made === null || lost === null) return null;
  return Math.min(100, Math.max(0, (100 * (lost * PACKET_SAMPLES - made)) / heard));
}
