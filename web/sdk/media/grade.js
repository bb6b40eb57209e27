/**
 * The documented quality grades: -1 unknown, 0 excellent, 1 good, 2 medium, 3 bad, 4 very bad or away.
 * @module
 */

function rttScore(rttMs) {
  return rttMs < 600 ? 97 - (0.09 * Math.max(rttMs, 0)) ** 1.1 : 18 * Math.exp(0.002 * (600 - rttMs));
}

function lossScore(percent, withJitter) {
  if (withJitter) return percent <= 40 ? 96 - percent ** 1.22 : 1;
  return percent <= 55 ? 99 - (0.8 * percent) ** 1.18 : 1;
}

/**
 * The grade as the documented web SDK computes it (the formulas of the engine's messages/src/stats.rs).
 * @param {number | undefined} rttMs round-trip time in ms; undefined while not known, which gives -1
 * @param {number} loss fraction lost, 0..1
 * @param {number | undefined} jitterS interarrival jitter in seconds where known
 * @param {boolean} connected false gives 4
 * @returns {-1 | 0 | 1 | 2 | 3 | 4}
 */
export function grade(rttMs, loss, jitterS, connected) {
  if (!connected) return 4;
  if (rttMs === undefined) return -1;
  const percent = 100 * Math.min(Math.max(loss, 0), 1);
  const worst = Math.min(rttScore(rttMs), lossScore(percent, jitterS !== undefined));
  if (jitterS === undefined) return step(worst);
  const jitter = jitterS <= 50 ? 98 - Math.max(jitterS, 0) ** 1.15 : 1;
  return step(0.15 * jitter + 0.85 * worst);
}

function step(score) {
  if (score >= 85) return 0;
  if (score >= 60) return 1;
  if (score >= 30) return 2;
  return score >= 1 ? 3 : 4;
}

/**
 * The worst of several grades; unknown ones count only where all are, and none at all is unknown.
 * @param {number[]} grades
 */
export function worstGrade(grades) {
  return Math.max(-1, ...grades);
}
