import assert from "node:assert/strict";
import test from "node:test";

import { UplinkProtection, delayForCopies, frameBitrate, frameLength } from "../../media/protection.js";

const SECOND = 1000;

/** Reports of `loss` every `everyMs` for `ms`; says when it turned, if it did. */
function pass(uplink, loss, ms, everyMs = 500) {
  const { isOn } = uplink.it;
  const start = uplink.now;
  for (const end = start + ms; uplink.now < end;) {
    uplink.now += everyMs;
    uplink.it.note(loss, uplink.now);
    if (uplink.it.isOn !== isOn) return uplink.now - start;
  }
  return undefined;
}

const begin = () => ({ it: new UplinkProtection(), now: 3_600 * SECOND });

test("a player waits for the farthest copy and one frame more, never less than was asked", () => {
  assert.equal(delayForCopies([3], 20, null), 80);
  assert.equal(delayForCopies([4, 1], 20, null), 100);
  assert.equal(delayForCopies([8, 2], 10, null), 90);
  assert.equal(delayForCopies([1], 20, 200), 200);
  assert.equal(delayForCopies([], 20, 200), 200);
  assert.equal(delayForCopies([], 20, null), null);
});

test("frames of 10 ms are known from those of 20 ms, whatever was repaired or never played", () => {
  const of = (packets, samples, concealed) => frameLength({ packets, samples, concealed });
  assert.equal(of(500, 480_000, 0), 20);
  assert.equal(of(1000, 480_000, 0), 10);
  assert.equal(of(800, 480_000, 20_000), 10, "a fifth is lost, and most of it repaired");
  assert.equal(of(800, 480_000, 96_000), 10, "and nothing of it");
  assert.equal(of(400, 480_000, 96_000), 20);
  assert.equal(of(1000, 0, 0), 20, "nobody listens");
  assert.equal(of(0, 480_000, 480_000), 20);
});

test("a frame and its copy stay within the bitrate, and are not made where they would sound poor", () => {
  assert.equal(frameBitrate(48, 20), 23);
  assert.equal(frameBitrate(510, 20), 254);
  assert.equal(frameBitrate(26, 20), 12);
  assert.equal(frameBitrate(25, 20), undefined);
  assert.equal(frameBitrate(6, 20), undefined);
  assert.equal(frameBitrate(48, 10), 22, "twice as many headers of RED");
});

test("copies begin with the second report in a row of 3 % lost", () => {
  assert.equal(pass(begin(), 0.03, 10 * SECOND), SECOND);
  assert.equal(pass(begin(), 0.029, 60 * SECOND), undefined);
  const nowAndThen = begin();
  for (let n = 0; n < 60; n += 1) {
    assert.equal(pass(nowAndThen, 0.2, 500), undefined, "one report is no habit");
    assert.equal(pass(nowAndThen, 0, 500), undefined);
  }
});

test("copies end after 30 s of less than 1 % lost, and not before", () => {
  const uplink = begin();
  pass(uplink, 0.2, 2 * SECOND);
  assert.equal(pass(uplink, 0.01, 120 * SECOND), undefined, "1 % is not calm");
  const calm = pass(uplink, 0, 120 * SECOND);
  assert.ok(calm >= 30 * SECOND && calm <= 45 * SECOND, `after ${calm} ms`);
  assert.equal(pass(uplink, 0.1, 2 * SECOND), SECOND, "they begin again as they began");
});

test("a short loss after a long calm is answered for 30 s too, and reports every 5 s end it as well", () => {
  const uplink = begin();
  pass(uplink, 0, 60 * SECOND, 5 * SECOND);
  pass(uplink, 0.04, 2 * SECOND);
  const calm = pass(uplink, 0, 120 * SECOND, 5 * SECOND);
  assert.ok(calm >= 30 * SECOND && calm <= 45 * SECOND, `after ${calm} ms`);
});

test("a packet that is lost now and then is calm, and an unknown loss says nothing", () => {
  const uplink = begin();
  pass(uplink, 0.2, 2 * SECOND);
  for (let n = 0; n < 4; n += 1) {
    pass(uplink, null, 10 * SECOND);
    assert.ok(uplink.it.isOn);
  }
  pass(uplink, 0, 15 * SECOND);
  for (let n = 0; n < 10 && uplink.it.isOn; n += 1) {
    pass(uplink, 0.04, 500);
    pass(uplink, 0, 5 * SECOND);
  }
  assert.equal(uplink.it.isOn, false);
});
