import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation, absentUsers, nameOf } from "../model/conversation.js";
import { EventLog, toText } from "../model/event-log.js";
import { devTokenAddress, inviteLink, parseAppID, prefill, suggestedUser } from "../model/fields.js";
import { History } from "../model/history.js";
import { gradeWord, metricsOf, playSample, publishSample } from "../model/metrics.js";
import { explain } from "../model/problems.js";
import { Roster } from "../model/roster.js";
import { Trouble } from "../model/trouble.js";
import { codes } from "../../sdk/base/codes.js";
import { ZegoError } from "../../sdk/base/errors.js";

const page = new URL("https://voice.example/");

test("the address bar fills in room, user, server and AppID, and never a token", () => {
  const filled = prefill("?room=r1&user=u1&server=ws%3A%2F%2Fh%3A1&appid=7&token=secret");
  assert.deepEqual(filled, { room: "r1", user: "u1", server: "ws://h:1", appID: "7" });
  assert.deepEqual(prefill(""), {});
});

test("an invitation brings somebody to the same room of the same server under a name of their own", () => {
  const link = inviteLink("https://voice.example/?user=alice&room=old", { room: "a&b", server: "ws://h:1", appID: "7" });
  assert.deepEqual(prefill(new URL(link).search), { room: "a&b", server: "ws://h:1", appID: "7" });
  assert.equal(inviteLink(page.href, { room: "r", server: "", appID: "" }), "https://voice.example/?room=r");
});

test("the development token is asked from the server that the form names, else from the page's own", () => {
  assert.equal(devTokenAddress("", page), "https://voice.example/v1/dev-token");
  assert.equal(devTokenAddress("ws://127.0.0.1:8080", page), "http://127.0.0.1:8080/v1/dev-token");
  assert.equal(devTokenAddress("https://other.example/voice", page), "https://other.example/voice/v1/dev-token");
  assert.equal(devTokenAddress("ftp://x", page), null);
});

test("an AppID is a number and nothing else", () => {
  assert.equal(parseAppID(" 4294967295 "), 4294967295);
  for (const text of ["", "1x", "-1", "0x10", "12345678901"]) assert.ok(Number.isNaN(parseAppID(text)), text);
});

test("a suggested user is a valid id of its own for each random number", () => {
  assert.equal(
    suggestedUser(() => 0),
    "guest-1000",
  );
  assert.equal(
    suggestedUser(() => 0.99999),
    "guest-9999",
  );
});

test("what is published is shown in kbit/s, percent and milliseconds", () => {
  const audio = { audioBitrate: 47.6, audioPacketsLostRate: 0.025, roundTripTimeMs: 31, audioQuality: 1 };
  const sample = publishSample({ audio }, 5000);
  const known = metricsOf("publish").filter(({ key }) => sample[key] !== null);
  assert.deepEqual(
    known.map(({ key, text }) => [key, text(sample[key])]),
    [
      ["bitrate", "48 kbit/s"],
      ["loss", "2.5 %"],
      ["roundTrip", "31 ms"],
      ["grade", "good"],
    ],
  );
});

test("how a stream arrives at its listeners is shown: worst and median, and how many get copies", () => {
  const listeners = {
    listeners: 10,
    lossWorst: 0.2,
    lossMedian: 0,
    burstWorst: 3.25,
    burstMedian: null,
    uplinkLoss: 0.01,
    uplinkBurst: 1,
    copying: 2,
  };
  const sample = publishSample({ listeners }, 0);
  const shown = metricsOf("publish").filter(({ key }) => sample[key] !== null);
  assert.deepEqual(Object.fromEntries(shown.map(({ label, key, text }) => [label, text(sample[key])])), {
    "Uplink loss": "1.0 %",
    "Uplink burst": "1.0",
    Listeners: "10",
    "Worst loss": "20.0 %",
    "Listeners' median loss": "0.0 %",
    "Worst burst": "3.3",
    "With copies": "2",
  });
});

test("eight figures of each kind of stream have a chart, so that no row has a hole", () => {
  for (const role of ["publish", "play"]) {
    const metrics = metricsOf(role);
    assert.equal(metrics.filter((metric) => !metric.tableOnly).length, 8, role);
    for (const { beside } of metrics) assert.ok(beside === undefined || metrics.some(({ key }) => key === beside), beside);
  }
});

test("the buffer is shown with what it aims at", () => {
  const sample = playSample({ audio: { jitterBufferDelayMs: 62, jitterBufferTargetMs: 80 } }, undefined, 0);
  assert.deepEqual([sample.buffer, sample.bufferTarget], [62, 80]);
});

test("what was lost and not concealed was repaired", () => {
  const stats = (audioPacketsLost, concealedSamples, totalSamplesReceived) => ({
    audio: { audioPacketsLost, concealedSamples, totalSamplesReceived },
  });
  const before = stats(100, 9_600, 960_000);
  // Of 150 packets 30 were lost, and 6 of them concealed.
  assert.equal(playSample(stats(130, 9_600 + 6 * 960, 960_000 + 150 * 960), before, 0).repaired, 16);
  // More is concealed than lost where packets come late.
  assert.equal(playSample(stats(100, 19_200, 960_000 + 150 * 960), before, 0).repaired, 0);
  assert.equal(playSample(stats(0, 0, 1), before, 0).repaired, null, "a new connection counts from zero");
});

test("gaps and underflows are those of the last interval", () => {
  const stats = (concealmentEvents, underflows) => ({ audio: { concealmentEvents, underflows } });
  const sample = playSample(stats(9, 4), stats(7, 4), 0);
  assert.deepEqual([sample.gaps, sample.underflows], [2, 0]);
  assert.equal(playSample(stats(9, null), stats(7, null), 0).underflows, null, "a browser does not tell");
});

test("what is wrong with a stream's sound stands until its recovery", () => {
  const trouble = new Trouble();
  trouble.note({ code: 1002, message: "no sound" });
  trouble.note({ code: 1005, message: "too slow" });
  assert.equal(trouble.text, "no sound (1002); too slow (1005)");
  trouble.note({ code: 2002, message: "sound again" });
  assert.equal(trouble.text, "too slow (1005)");
  trouble.clear();
  assert.equal(trouble.text, "");
});

test("concealment is that of the last interval, not of the whole life", () => {
  const stats = (total, concealed) => ({ audio: { totalSamplesReceived: total, concealedSamples: concealed } });
  assert.equal(playSample(stats(48000, 4800), undefined, 0).concealment, 10);
  assert.equal(playSample(stats(96000, 4800), stats(48000, 4800), 0).concealment, 0);
});

test("a connection that counts from zero again gives no concealment rather than a wrong one", () => {
  const stats = (total, concealed) => ({ audio: { totalSamplesReceived: total, concealedSamples: concealed } });
  assert.equal(playSample(stats(10, 0), stats(48000, 4800), 0).concealment, null);
});

test("what the engine does not know is shown as unknown, not as zero", () => {
  for (const stats of [undefined, {}, { audio: { audioQuality: -1, audioBitrate: NaN } }]) {
    const known = Object.entries(playSample(stats, undefined, 0)).filter(([key, value]) => key !== "time" && value !== null);
    assert.deepEqual(known, []);
  }
});

test("delay is from person to person where known, else that of the buffer here", () => {
  const audio = { jitterBufferDelayMs: 60 };
  assert.equal(playSample({ audio, peerToPeerDelay: 90 }, undefined, 0).delay, 90);
  assert.equal(playSample({ audio }, undefined, 0).delay, 60);
});

test("grades have words, and other numbers are unknown", () => {
  assert.deepEqual([0, 1, 2, 3, 4, -1, undefined].map(gradeWord), [
    "excellent",
    "good",
    "medium",
    "bad",
    "very bad",
    "unknown",
    "unknown",
  ]);
});

test("a history keeps five minutes of reports and knows its extremes", () => {
  const history = new History();
  for (let n = 1; n <= 120; n += 1) history.add({ time: n * 3000, loss: n === 120 ? null : n });
  const [times, values] = history.columns("loss");
  assert.deepEqual([times.length, times[0], times.at(-1)], [100, 63, 360]);
  assert.equal(values.at(-1), null);
  assert.deepEqual(history.range("loss"), { min: 21, max: 119 });
  assert.equal(history.range("jitter"), null);
});

test("levels and reports push no other event out of the log", () => {
  const log = new EventLog({ rare: 2, frequent: 3 });
  log.add("roomStateChanged", ["r", "LOGINED", 0, ""], 1);
  for (let n = 0; n < 10; n += 1) log.add("soundLevelUpdate", [[]], n);
  assert.deepEqual(
    log.entries().map((entry) => entry.name),
    ["roomStateChanged"],
  );
  assert.equal(log.entries({ frequent: true }).length, 4);
  assert.equal(log.dropped, 0);
});

test("the log says how many events it no longer has", () => {
  const log = new EventLog({ rare: 2 });
  for (let n = 0; n < 5; n += 1) log.add("roomUserUpdate", [n], n);
  assert.equal(log.dropped, 3);
  assert.deepEqual(
    log.entries().map((entry) => entry.json),
    ["[3]", "[4]"],
  );
});

test("the log is filtered by words in names and arguments, in any case", () => {
  const log = new EventLog();
  log.add("roomUserUpdate", ["r", "ADD", [{ userID: "Bob" }]], 0);
  log.add("roomUserUpdate", ["r", "DELETE", [{ userID: "Bob" }]], 0);
  assert.equal(log.entries({ text: "bob DELETE" }).length, 1);
  assert.equal(log.entries({ text: "" }).length, 2);
  assert.equal(log.entries({ text: "carol" }).length, 0);
});

test("a copied log has a line for each event with its time, name and arguments", () => {
  const log = new EventLog();
  log.add("tokenWillExpire", ["r", 30], Date.UTC(2026, 0, 1));
  assert.equal(toText(log.entries()), '2026-01-01T00:00:00.000Z tokenWillExpire ["r",30]\n');
});

test("a muted stream stays muted if its status comes before the stream itself", () => {
  const roster = new Roster();
  roster.updateMic("s1", "MUTE");
  roster.updateStreams("ADD", [{ streamID: "s1", user: { userID: "bob", userName: "" }, extraInfo: "x" }]);
  assert.equal(roster.streams.get("s1").mic, "MUTE");
  roster.updateMic("s1", "OPEN");
  assert.equal(roster.streamsOf("bob")[0].mic, "OPEN");
});

test("who is gone has no quality left, and strangers never get one", () => {
  const roster = new Roster();
  roster.updateUsers("ADD", [{ userID: "bob", userName: "Bob" }]);
  roster.updateQuality("bob", 0, 1);
  roster.updateQuality("nobody", 0, 1);
  roster.updateUsers("DELETE", [{ userID: "bob", userName: "Bob" }]);
  assert.equal(roster.quality.size, 0);
});

test("a stream that comes back under the same id does not inherit its old mute", () => {
  const roster = new Roster();
  const stream = { streamID: "s1", user: { userID: "bob", userName: "" }, extraInfo: "" };
  roster.updateStreams("ADD", [stream]);
  roster.updateMic("s1", "MUTE");
  roster.updateStreams("DELETE", [stream]);
  roster.updateStreams("ADD", [stream]);
  assert.equal(roster.streams.get("s1").mic, "OPEN");
});

test("a conversation keeps its newest 300 messages", () => {
  const conversation = new Conversation();
  for (let n = 0; n < 310; n += 1)
    conversation.add({ kind: "barrage", from: "b", own: false, text: String(n), time: n, note: "" });
  assert.deepEqual([conversation.messages.length, conversation.messages[0].text], [300, "10"]);
});

test("people are called by name with their id, or by id alone", () => {
  assert.equal(nameOf({ userID: "bob", userName: "Bob" }), "Bob (bob)");
  assert.equal(nameOf({ userID: "bob", userName: "" }), "bob");
  assert.equal(nameOf({ userID: "bob", userName: "bob" }), "bob");
});

test("who missed a command is read from the answer, and odd answers name nobody", () => {
  assert.deepEqual(absentUsers('{"absent":["x","y"]}'), ["x", "y"]);
  for (const odd of [undefined, "", "null", "[]", '{"absent":1}', "{"]) assert.deepEqual(absentUsers(odd), []);
});

test("an error says what is wrong, what to do, and its code, in every documented shape", () => {
  for (const error of [{ code: 1102016, msg: "m" }, { errorCode: 1102016, extendedData: "" }, new ZegoError(1102016, "m")]) {
    const problem = explain("Could not join the room", error);
    assert.match(problem.why, /does not accept the token/);
    assert.match(problem.advice, /new token/);
    assert.equal(problem.code, "1102016 TOKEN_ERROR");
  }
});

test("an error without words of ours is shown with its own text, and one without a code too", () => {
  assert.equal(
    explain("x", new ZegoError(codes.PUBLISHER_INNER_ERROR, "the media plane is busy")).why,
    "the media plane is busy",
  );
  assert.deepEqual(explain("x", new TypeError("odd")), { what: "x", why: "odd", advice: "", code: "", number: null });
  assert.equal(explain("x", { code: 42 }).code, "42");
});
