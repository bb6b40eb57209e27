/**
 * What a publication does next: the documented publisher machine (`publisherStateUpdate`), without clock or network. To the
 * effects of `StreamMachine` it adds `{do: "measure", attempt}`: the interval of the first quality report begins.
 * @module
 */

import { codes } from "../base/codes.js";
import { StreamMachine } from "./machine.js";

const WORDS = Object.freeze({
  requesting: "PUBLISH_REQUESTING",
  running: "PUBLISHING",
  over: "NO_PUBLISH",
  codes: Object.freeze({
    offer: codes.PUBLISHER_CREATE_OFFER,
    answer: codes.PUBLISHER_REMOTE_DESC,
    connection: codes.PUBLISHER_MEDIA_CONNECTION_ERROR,
    closed: codes.PUBLISHER_SESSION_CLOSED,
    link: codes.PUBLISHER_WEBSOCKET_DISCONNECTED,
    budget: codes.PUBLISHER_RETRY_TIMEOUT,
  }),
  budgetText: "publishing was retried for the whole allowed time",
});

/** The state of one publication. Phases of its own: "connecting" and "publishing". */
export class PublisherState extends StreamMachine {
  constructor(now, timings) {
    super(WORDS, now, timings);
  }

  get isRunning() {
    return this.phase.name === "publishing";
  }

  /** Whether try `attempt` is the one that publishes now. */
  isPublishing(attempt) {
    return this.isRunning && attempt === this.attempt;
  }

  /** Whether ICE hears the server at the moment. */
  get hearsServer() {
    return this.isRunning && this.phase.lost === undefined;
  }

  ownDeadline() {
    if (!this.isRunning) return this.phase.until;
    const { lost, report } = this.phase;
    return lost === undefined ? report : Math.min(report, lost + this.timings.iceDisconnectedGraceMs);
  }

  onRunningTime(now, random, out) {
    const { lost, report } = this.phase;
    if (lost !== undefined && now >= lost + this.timings.iceDisconnectedGraceMs) {
      const text = "the server was not heard for too long";
      this.wait(now, random, undefined, codes.PUBLISHER_MEDIA_CONNECTION_ERROR, text, out);
    } else if (now >= report) {
      this.phase.report = now + this.timings.qualityMs;
      out.push({ do: "report", attempt: this.attempt });
    }
  }

  onReady(connected, now, _random, out) {
    if (connected) this.#publishing(now, out);
    else this.phase = { name: "connecting", until: now + this.timings.iceDisconnectedGraceMs };
  }

  onConnection(event, now, _random, out) {
    if (this.phase.name === "connecting" && event === "connected") this.#publishing(now, out);
    if (!this.isRunning) return;
    if (event === "connected") this.phase.lost = undefined;
    else this.phase.lost ??= now;
  }

  #publishing(now, out) {
    this.phase = { name: "publishing", lost: undefined, report: now + this.timings.qualityMs };
    this.retire(out);
    out.push({ do: "measure", attempt: this.attempt });
    this.tell(out, WORDS.running, codes.SUCCESS, "");
  }
}
