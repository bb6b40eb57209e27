/**
 * How long to wait before which attempt: attempt 0 a random time within `firstMs`, later ones the next of `stepsMs`, the last
 * one again and again.
 *
 * @typedef {{ firstMs: readonly [number, number], stepsMs: readonly number[] }} Backoff
 */

/**
 * Every budget and interval of the page, in milliseconds: the table of `messages/src/timings.rs`, but for the two retry
 * budgets, which the documents give as 5 min for a page and 20 min for a native program.
 */
export const DEFAULT_TIMINGS = Object.freeze({
  /** How long a login or a reconnect is tried (`roomRetryTime`). */
  roomRetryMs: 300_000,
  /** How long publishing or playing is tried (`streamRetryTime`). */
  streamRetryMs: 300_000,
  /** How long a lost link is kept from the program. */
  reconnectingDebounceMs: 8_000,
  /** Waits between attempts to connect and log in again. */
  roomBackoff: Object.freeze({
    firstMs: Object.freeze([1_000, 4_000]),
    stepsMs: Object.freeze([4_000, 8_000, 8_000, 16_000, 16_000, 32_000]),
  }),
  /** Waits between attempts to publish or play again. */
  streamBackoff: Object.freeze({
    firstMs: Object.freeze([300, 300]),
    stepsMs: Object.freeze([300, 1_200, 2_400, 4_800]),
  }),
  /** How long one attempt to connect and log in may take. */
  attemptMs: 10_000,
  /** How long a request waits for its answer. */
  requestMs: 10_000,
  /** Room heartbeat where the server names none. */
  heartbeatMs: 30_000,
  /** Room heartbeats unanswered for so long end the session. */
  heartbeatTimeoutMs: 100_000,
  /** After so long without a frame the server is asked for a sign of life. */
  linkPingMs: 5_000,
  /** A link without a frame for so long is dead. */
  linkTimeoutMs: 10_000,
  /** `tokenWillExpire` comes so long before the end. */
  tokenWarningMs: 30_000,
  /** Quality reports. */
  qualityMs: 3_000,
  /** How long ICE may be disconnected before it counts as an error. */
  iceDisconnectedGraceMs: 15_000,
  /** A played stream without a packet for so long is interrupted: five that a network may be away unnoticed, one to be heard again. */
  mediaSilenceMs: 6_000,
});

/**
 * The wait before an attempt.
 *
 * @param {Backoff} backoff
 * @param {number} attempt 0 is the first.
 * @param {number} random A fresh value in 0..1.
 * @returns {number} Milliseconds.
 */
export function backoffDelay(backoff, attempt, random) {
  const { firstMs, stepsMs } = backoff;
  if (attempt === 0 || stepsMs.length === 0) {
    const [low, high] = firstMs;
    return low + Math.max(0, high - low) * Math.min(1, Math.max(0, random));
  }
  return stepsMs[Math.min(attempt, stepsMs.length) - 1];
}
