import assert from "node:assert/strict";
import test from "node:test";

import { receiveCounters, sendCounters } from "../../media/counters.js";
import { grade, worstGrade } from "../../media/grade.js";
import { LevelHold, peakOf } from "../../media/levels.js";
import { PlayQuality, PublishQuality } from "../../media/quality.js";
import { withOpusParameters, withPacketLength, withRedFirst } from "../../media/sdp.js";

test("grades follow the documented formulas", () => {
  const table = [
    [0, 0, 0, 0],
    [100, 0, undefined, 0],
    [250, 0, undefined, 1],
    [300, 0, undefined, 2],
    [0, 0.1, 0.01, 1],
    [0, 0.2, 0.01, 1],
    [0, 0.3, 0.01, 2],
    [0, 0.6, undefined, 3],
    [2_500, 0, undefined, 4],
  ];
  for (const [rtt, loss, jitter, expected] of table) assert.equal(grade(rtt, loss, jitter, true), expected, `${rtt} ${loss}`);
  assert.equal(grade(0, 0, undefined, false), 4, "away");
  assert.equal(grade(undefined, 0, undefined, true), -1, "not known yet");
});

test("the worst grade counts, and none at all is unknown", () => {
  assert.equal(worstGrade([0, 3, -1]), 3);
  assert.equal(worstGrade([]), -1);
});

test("a loud moment is held and fades by a factor of 0.3 each 200 ms", () => {
  const hold = new LevelHold();
  hold.note(peakOf(new Float32Array([0.1, -0.5, 0.25])));
  assert.equal(hold.level, 50);
  hold.note(0);
  assert.equal(hold.level, 15);
  hold.note(0.9);
  assert.ok(Math.abs(hold.level - 90) < 1e-9);
});

/** An SDP with this line, if any, for the parameters of Opus. */
function sdpWith(fmtp) {
  const before = ["m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "a=rtpmap:111 opus/48000/2"];
  return [...before, ...(fmtp ? [fmtp] : []), "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", ""].join("\r\n");
}

test("Opus is told the channels, the bitrate and DTX, and all else stays", () => {
  const offered = sdpWith("a=fmtp:111 minptime=10;useinbandfec=1");
  const sdp = withOpusParameters(offered, { channels: 2, bitrateKbps: 96, dtx: true });
  const stereo = "stereo=1;sprop-stereo=1;maxaveragebitrate=96000;usedtx=1";
  assert.equal(sdp, sdpWith(`a=fmtp:111 minptime=10;useinbandfec=1;${stereo}`));
  const again = withOpusParameters(sdp, { channels: 1, bitrateKbps: 48 });
  assert.equal(again, sdpWith("a=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=48000"));
});

test("an SDP without Opus parameters gets a line of them, one without Opus is left alone", () => {
  const sdp = withOpusParameters(sdpWith(undefined), { channels: 1, bitrateKbps: 48 });
  assert.equal(sdp, sdpWith("a=fmtp:111 maxaveragebitrate=48000"));
  assert.equal(withOpusParameters("v=0\r\n", { channels: 2 }), "v=0\r\n");
});

test("packets of another length are wanted of Opus, once, and all else stays", () => {
  const offered = sdpWith("a=fmtp:111 minptime=10");
  const short = offered.replace("a=rtpmap:111", "a=ptime:10\r\na=rtpmap:111");
  assert.equal(withPacketLength(offered, 10), short);
  assert.equal(withPacketLength(short, 20), short.replace("a=ptime:10", "a=ptime:20"));
  assert.equal(withPacketLength("v=0\r\n", 10), "v=0\r\n");
});

test("RED around Opus becomes the first codec, and all else stays", () => {
  const offered = sdpWith("a=fmtp:111 minptime=10");
  assert.equal(withRedFirst(offered), offered.replace("SAVPF 111 63", "SAVPF 63 111"));
  assert.equal(withRedFirst(withRedFirst(offered)), withRedFirst(offered));
  for (const other of ["a=fmtp:63 0/0", "a=fmtp:64 111/111", ""]) {
    assert.equal(withRedFirst(offered.replace("a=fmtp:63 111/111", other)), undefined, other);
  }
  assert.equal(withRedFirst("v=0\r\n"), undefined);
});

const state = { muted: false, connected: true };

const sent = (packets, lost, rtt = 0.02) =>
  sendCounters(
    new Map([
      ["o", { type: "outbound-rtp", kind: "audio", packetsSent: packets, bytesSent: packets * 120 }],
      ["r", { type: "remote-inbound-rtp", kind: "audio", packetsLost: lost, jitter: 0.001, roundTripTime: rtt }],
    ]),
  );

test("a publisher reports what it sent and what the server missed, over all its connections", () => {
  const quality = new PublishQuality(0);
  const first = quality.report(3000, sent(150, 15), state).audio;
  assert.equal(first.audioBitrate, 48);
  assert.equal(first.audioFPS, 50);
  assert.equal(first.audioPacketsLostRate, 0.1);
  assert.equal(first.audioQuality, 1);
  assert.equal(first.roundTripTimeMs, 20);
  assert.equal(first.muteState, "0");
  quality.fresh(10_000);
  const second = quality.report(13_000, sent(150, 0), { muted: true, connected: true }).audio;
  assert.equal(second.audioFPS, 50, "the interval began with the new connection");
  assert.equal(second.audioPacketsLost, 15, "the total goes on");
  assert.equal(second.audioPacketsLostRate, 0);
  assert.equal(second.muteState, "1");
});

test("nothing is known before the first round trip, and nothing is divided by nothing", () => {
  const stats = new PublishQuality(0).report(0, sendCounters(new Map()), state).audio;
  assert.deepEqual([stats.audioQuality, stats.audioBitrate, stats.audioPacketsLostRate], [-1, 0, 0]);
  const played = new PlayQuality(0).report(0, receiveCounters(new Map()), state);
  assert.deepEqual([played.audio.audioQuality, played.audio.audioFPS, played.peerToPeerDelay], [-1, 0, undefined]);
});

const got = (seconds, extra = {}) =>
  receiveCounters(
    new Map([
      ["t", { type: "transport", selectedCandidatePairId: "p" }],
      ["p", { type: "candidate-pair", currentRoundTripTime: 0.04 }],
      [
        "i",
        {
          type: "inbound-rtp",
          kind: "audio",
          packetsReceived: 50 * seconds,
          bytesReceived: 6000 * seconds,
          packetsLost: 0,
          jitter: 0.004,
          audioLevel: 0.5,
          totalSamplesReceived: 48_000 * seconds,
          concealedSamples: 0,
          jitterBufferDelay: 0.06 * 48_000 * seconds,
          jitterBufferEmittedCount: 48_000 * seconds,
          ...extra,
        },
      ],
    ]),
  );

test("a player reports rates of the interval and totals of the whole life", () => {
  const quality = new PlayQuality(0);
  quality.report(3000, got(3), state);
  const repaired = {
    silentConcealedSamples: 480,
    concealmentEvents: 4,
    insertedSamplesForDeceleration: 7,
    removedSamplesForAcceleration: 8,
  };
  const waited = { jitterBufferTargetDelay: 0.1 * 48_000 * 3 };
  const { audio, peerToPeerDelay } = quality.report(
    6000,
    got(6, { concealedSamples: 9600, packetsLost: 10, ...repaired, ...waited }),
    state,
  );
  assert.equal(audio.audioBitrate, 48);
  assert.equal(audio.audioFPS, 50);
  assert.equal(audio.audioJitter, 4);
  assert.equal(audio.audioPacketsLost, 10);
  assert.ok(Math.abs(audio.audioPacketsLostRate - 10 / 160) < 1e-9);
  assert.equal(audio.packetsReceived, 300);
  assert.equal(audio.audioCumulativeDecodeTime, 5800);
  assert.equal(Math.round(audio.jitterBufferDelayMs), 60);
  assert.equal(Math.round(audio.jitterBufferTargetMs), 100, "of the interval, in which all of it grew");
  assert.deepEqual([audio.concealedSamples, audio.silentConcealedSamples, audio.concealmentEvents], [9600, 480, 4]);
  assert.deepEqual([audio.insertedSamplesForDeceleration, audio.removedSamplesForAcceleration], [7, 8]);
  assert.deepEqual([audio.recoveredFrames, audio.recovered, audio.underflows], [null, null, null], "browsers do not tell");
  assert.equal(Math.round(peerToPeerDelay), 80);
});

test("delay and loss of a player are those of both ways once the publisher's is told", () => {
  const report = (uplink) => new PlayQuality(0).report(3000, got(3, { packetsLost: 150 }), { ...state, uplink });
  const [alone, both] = [report(undefined), report({ rttMs: 100, loss: 0.5, jitterMs: 5 })];
  assert.equal(alone.peerToPeerPacketLostRate, undefined);
  assert.equal(both.peerToPeerPacketLostRate, 0.75);
  assert.equal(both.peerToPeerDelay, alone.peerToPeerDelay + 50);
  assert.equal(report({ rttMs: null, loss: 0, jitterMs: 0 }).peerToPeerDelay, alone.peerToPeerDelay);
});

test("breaks are what the browser counts, or else more than 200 ms concealed within an interval", () => {
  const counted = new PlayQuality(0).report(3000, got(3, { totalInterruptionDuration: 0.3, concealedSamples: 48_000 }), state);
  assert.equal(counted.audio.audioCumulativeBreakTime, 300);
  assert.ok(Math.abs(counted.audio.audioCumulativeBreakRate - 0.1) < 1e-9);
  const quality = new PlayQuality(0);
  assert.equal(quality.report(3000, got(3, { concealedSamples: 9_600 }), state).audio.audioCumulativeBreakTime, 0);
  assert.equal(quality.report(6000, got(6, { concealedSamples: 57_600 }), state).audio.audioCumulativeBreakTime, 1000);
});

test("muted and away are shown", () => {
  const { audio } = new PlayQuality(0).report(3000, got(3), { muted: true, connected: false });
  assert.deepEqual([audio.muteState, audio.audioQuality], ["1", 4]);
});
