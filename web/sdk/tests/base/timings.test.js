import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { DEFAULT_TIMINGS, backoffDelay } from "../../base/timings.js";

test("the room backoff is the documented one", () => {
  const { roomBackoff } = DEFAULT_TIMINGS;
  assert.equal(backoffDelay(roomBackoff, 0, 0), 1_000);
  assert.equal(backoffDelay(roomBackoff, 0, 1), 4_000);
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffDelay(roomBackoff, attempt, 0.5) / 1_000);
  assert.deepEqual(waits, [4, 8, 8, 16, 16, 32, 32, 32]);
});

test("the stream backoff is the documented one", () => {
  const waits = [0, 1, 2, 3, 4, 5, 99].map((attempt) => backoffDelay(DEFAULT_TIMINGS.streamBackoff, attempt, 0.5));
  assert.deepEqual(waits, [300, 300, 1_200, 2_400, 4_800, 4_800, 4_800]);
});

test("intervals are those of the engine, and only the two retry budgets differ", () => {
  const rust = readFileSync(new URL("../../../../messages/src/timings.rs", import.meta.url), "utf8");
  const defaults = rust.slice(rust.indexOf("impl Default for Timings"));
  const lines = [...defaults.matchAll(/^ +(\w+): secs\((\d+)( \* 60)?\),$/gm)];
  const engine = new Map(lines.map(([, name, number, minutes]) => [name, number * (minutes ? 60_000 : 1_000)]));
  const pairs = {
    reconnecting_debounce: "reconnectingDebounceMs",
    login_attempt_timeout: "attemptMs",
    request_timeout: "requestMs",
    heartbeat_interval: "heartbeatMs",
    heartbeat_timeout: "heartbeatTimeoutMs",
    link_ping_interval: "linkPingMs",
    link_timeout: "linkTimeoutMs",
    token_warning: "tokenWarningMs",
    quality_interval: "qualityMs",
    ice_disconnected_grace: "iceDisconnectedGraceMs",
    media_silence: "mediaSilenceMs",
  };
  for (const [theirs, ours] of Object.entries(pairs)) {
    assert.equal(DEFAULT_TIMINGS[ours], engine.get(theirs), theirs);
  }
  for (const [theirs, ours] of [
    ["room_retry_time", "roomRetryMs"],
    ["stream_retry_time", "streamRetryMs"],
  ]) {
    assert.equal(engine.get(theirs), 20 * 60_000);
    assert.equal(DEFAULT_TIMINGS[ours], 5 * 60_000);
  }
});
