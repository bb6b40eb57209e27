import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { receiveCounters, sendCounters } from "../../media/counters.js";
import { PlayExceptions, PublishExceptions } from "../../media/exceptions.js";
import { PlayWatch, PublishWatch } from "../../media/intervals.js";

const TABLE = JSON.parse(readFileSync(new URL("../../../../tests/cases/tables/exceptions.json", import.meta.url), "utf8"));

for (const [side, Exceptions] of [
  ["publish", PublishExceptions],
  ["play", PlayExceptions],
]) {
  for (const { name, intervals } of TABLE[side].cases) {
    test(`exceptions of ${side}: ${name}`, () => {
      const exceptions = new Exceptions();
      const told = intervals.map(({ with: other }) =>
        exceptions.judge({ ...TABLE[side].usual, ...other }).map(({ code }) => code),
      );
      assert.deepEqual(
        told,
        intervals.map(({ told = [] }) => told),
      );
    });
  }
}

const codes = (exceptions) => exceptions.map(({ code }) => code);
const published = { muted: false, isMicrophone: true, dtx: false, frameMs: 20, frameKbps: 48 };

/** What a sender counted after so many intervals of 3 s with these figures. */
const sent = (intervals, { level = 0.1, kbps = 48, packets = 150 } = {}) =>
  sendCounters(
    new Map([
      ["o", { type: "outbound-rtp", kind: "audio", packetsSent: intervals * packets, targetBitrate: 1000 * kbps }],
      [
        "m",
        {
          type: "media-source",
          kind: "audio",
          totalAudioEnergy: intervals * 3 * level ** 2,
          totalSamplesDuration: intervals * 3,
        },
      ],
    ]),
  );

/** What is told of a stream that always counts the same. */
function always(watch, counted, state) {
  return [1, 2, 3].flatMap((intervals) => codes(watch.look(counted(intervals), state)));
}

test("a page that captures silence, or sends less than it could, is told so", () => {
  const told = (figures, state = published) => always(new PublishWatch(), (intervals) => sent(intervals, figures), state);
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ level: 0 }), [1002]);
  assert.deepEqual(told({ level: 0 }, { ...published, muted: true }), []);
  assert.deepEqual(told({ level: 0 }, { ...published, isMicrophone: false }), [], "a song may pause");
  assert.deepEqual(told({ kbps: 20 }), [1005]);
  assert.deepEqual(told({ kbps: 20 }, { ...published, frameKbps: 23 }), [], "the rest is what copies take");
  assert.deepEqual(told({ packets: 50 }), [1005]);
  assert.deepEqual(told({ packets: 50 }, { ...published, dtx: true }), [], "DTX leaves pauses out");
  assert.deepEqual(told({ packets: 300 }, { ...published, frameMs: 10 }), []);
  assert.deepEqual(
    told({ packets: 140 }, { ...published, frameMs: 10 }),
    [1005],
    "more than half of the shorter frames are missing",
  );
});

test("a browser that tells no level and no target is told nothing", () => {
  const told = always(new PublishWatch(), () => sendCounters(new Map()), published);
  assert.deepEqual(told, []);
});

/** What a receiver counted after so many intervals of 3 s. */
const heard = (intervals, { level = 0.1, packets = 150, samples = 144_000, concealed = 0, discarded = 0, ...more } = {}) =>
  receiveCounters(
    new Map([
      [
        "i",
        {
          type: "inbound-rtp",
          kind: "audio",
          packetsReceived: intervals * packets,
          packetsDiscarded: intervals * discarded,
          totalSamplesReceived: intervals * samples,
          concealedSamples: intervals * concealed,
          totalAudioEnergy: intervals * 3 * level ** 2,
          totalSamplesDuration: intervals * 3,
          ...more,
        },
      ],
    ]),
  );

test("a page that receives silence, or what it cannot decode, is told so", () => {
  const played = { paused: false, publisherMuted: false };
  const told = (figures, state = played) => {
    const watch = new PlayWatch(0);
    return [1, 2, 3].flatMap((intervals) => codes(watch.look(3000 * intervals, heard(intervals, figures), state)));
  };
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ level: 0 }), [1006]);
  assert.deepEqual(told({ level: 0 }, { ...played, publisherMuted: true }), []);
  assert.deepEqual(told({ level: 0, samples: 0 }), [], "nobody listens: nothing is decoded");
  assert.deepEqual(told({ level: 0, concealed: 144_000 }), [1007]);
  assert.deepEqual(told({ level: 0, concealed: 144_000 }, { ...played, paused: true }), []);
  assert.deepEqual(told({ packets: 120, concealed: 28_800 }), [], "a fifth is lost, and what comes is decoded");
  assert.deepEqual(told({ concealed: 144_000, discarded: 150 }), [], "all came too late");
  assert.deepEqual(told({ packets: 5, concealed: 139_200 }), [], "DTX");
  assert.deepEqual(told({ packets: 300, concealed: 1_440 }), [], "frames of 10 ms, and a little of them is lost");
  assert.deepEqual(told({ packets: 300, concealed: 144_000 }), [1007], "and none of them is decoded");
  assert.deepEqual(told({ totalSamplesDuration: undefined }), [], "no level is known");
});
