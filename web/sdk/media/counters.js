/**
 * What the SDK reads of a W3C statistics report (webrtc-stats), by plain names. What a browser does not tell is undefined.
 * @module
 */

function find(report, wanted) {
  for (const entry of report.values()) if (wanted(entry)) return entry;
  return undefined;
}

function isAudio(entry, type) {
  return entry.type === type && (entry.kind === "audio" || entry.mediaType === "audio");
}

/** Round-trip time of the address pair in use, in ms. */
function pairRoundTrip(report) {
  const transport = find(report, (entry) => entry.type === "transport" && entry.selectedCandidatePairId);
  const pair = transport
    ? report.get(transport.selectedCandidatePairId)
    : find(report, (entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
  return inMs(pair?.currentRoundTripTime);
}

function inMs(seconds) {
  return seconds === undefined ? undefined : seconds * 1000;
}

/**
 * @param {RTCStatsReport} report
 * @returns {{packets: number, bytes: number, remote: {lost: number, jitterS: number | undefined} | undefined,
 *   roundTripMs: number | undefined, targetKbps: number | undefined, capturedEnergy: number, capturedS: number}}
 */
export function sendCounters(report) {
  const sent = find(report, (entry) => isAudio(entry, "outbound-rtp"));
  const remote = find(report, (entry) => isAudio(entry, "remote-inbound-rtp"));
  const captured = find(report, (entry) => isAudio(entry, "media-source"));
  return {
    packets: sent?.packetsSent ?? 0,
    bytes: sent?.bytesSent ?? 0,
    remote: remote && { lost: remote.packetsLost ?? 0, jitterS: remote.jitter },
    roundTripMs: inMs(remote?.roundTripTime) ?? pairRoundTrip(report),
    targetKbps: sent?.targetBitrate === undefined ? undefined : sent.targetBitrate / 1000,
    capturedEnergy: captured?.totalAudioEnergy ?? 0,
    capturedS: captured?.totalSamplesDuration ?? 0,
  };
}

/**
 * @param {RTCStatsReport} report
 * @returns {{packets: number, bytes: number, lost: number, discarded: number, jitterMs: number, level: number, samples: number,
 *   concealed: number, silentConcealed: number, concealments: number, inserted: number, removed: number, heardEnergy: number,
 *   heardS: number, interruptedMs: number | undefined, waitedMs: number, targetWaitMs: number, emitted: number,
 *   roundTripMs: number | undefined}}
 */
export function receiveCounters(report) {
  const got = find(report, (entry) => isAudio(entry, "inbound-rtp")) ?? {};
  return {
    packets: got.packetsReceived ?? 0,
    bytes: got.bytesReceived ?? 0,
    lost: got.packetsLost ?? 0,
    discarded: got.packetsDiscarded ?? 0,
    jitterMs: inMs(got.jitter) ?? 0,
    level: got.audioLevel ?? 0,
    samples: got.totalSamplesReceived ?? 0,
    concealed: got.concealedSamples ?? 0,
    silentConcealed: got.silentConcealedSamples ?? 0,
    concealments: got.concealmentEvents ?? 0,
    inserted: got.insertedSamplesForDeceleration ?? 0,
    removed: got.removedSamplesForAcceleration ?? 0,
    heardEnergy: got.totalAudioEnergy ?? 0,
    heardS: got.totalSamplesDuration ?? 0,
    // Chromium only; it counts what was concealed for more than 150 ms at a stretch.
    interruptedMs: inMs(got.totalInterruptionDuration),
    waitedMs: inMs(got.jitterBufferDelay) ?? 0,
    targetWaitMs: inMs(got.jitterBufferTargetDelay) ?? 0,
    emitted: got.jitterBufferEmittedCount ?? 0,
    roundTripMs: pairRoundTrip(report),
  };
}
