/**
 * What a playback does next: the documented player machine (`playerStateUpdate`), without clock or network. To the effects of
 * `StreamMachine` it adds `{do: "negotiated"}` (the first answer was applied), `{do: "pause", attempt, paused}` (ask the server
 * to stop or resume the audio), `{do: "awaitMedia", attempt}` (call `onArrived` with the next packet) and
 * `{do: "poll", attempt}` (call `onMedia` with the number of packets).
 * @module
 */

import { codes } from "../base/codes.js";
import { Live } from "./live.js";
import { StreamMachine } from "./machine.js";

const WORDS = Object.freeze({
  requesting: "PLAY_REQUESTING",
  running: "PLAYING",
  over: "NO_PLAY",
  codes: Object.freeze({
    offer: codes.PLAYER_CREATE_OFFER,
    answer: codes.PLAYER_REMOTE_DESC,
    connection: codes.PLAYER_MEDIA_CONNECTION_ERROR,
    closed: codes.PLAYER_SESSION_CLOSED,
    link: codes.PLAYER_WEBSOCKET_DISCONNECTED,
    budget: codes.PLAYER_RETRY_TIMEOUT,
  }),
  budgetText: "playing was retried for the whole allowed time",
});

/** Ends that the server tells and that are tried again: the media was lost on the way to us. */
const MEDIA_LOST = [codes.PLAYER_SESSION_CLOSED, codes.PLAYER_MEDIA_CONNECTION_ERROR];

/** The state of one playback. A phase of its own: "live". */
export class PlayerState extends StreamMachine {
  #negotiated = false;
  /** The server said last that there is no such stream. */
  #missing = false;
  #paused = false;
  /** What the server was told about it in this try, and confirmed. */
  #pausedAtServer = false;
  /** The server sends the stream only while it is one of the loudest. */
  #limited = false;

  constructor(now, timings) {
    super(WORDS, now, timings);
  }

  get #live() {
    return this.phase.name === "live" ? this.phase.live : undefined;
  }

  get isRunning() {
    return this.#live?.isPlaying ?? false;
  }

  /** Whether try `attempt` is the one that plays now. */
  isPlaying(attempt) {
    return this.isRunning && attempt === this.attempt;
  }

  /** Whether ICE hears the server at the moment. */
  get hearsServer() {
    return this.#live?.hearsServer ?? false;
  }

  /** Whether the application wants no audio. */
  get isPaused() {
    return this.#paused;
  }

  ownDeadline() {
    return this.#live ? this.#live.nextDeadline() : this.phase.until;
  }

  outOfTime(out) {
    const text = "there was no such stream for the whole allowed time";
    if (this.#missing) this.end(codes.PLAYER_STREAM_NOT_EXIST, text, out);
    else super.outOfTime(out);
  }

  onRunningTime(now, random, out) {
    this.#onNews(this.#live?.onTime(now), now, random, out);
  }

  #onNews(news, now, random, out) {
    const { attempt } = this;
    switch (news) {
      case "connected":
        out.push({ do: "awaitMedia", attempt });
        break;
      case "poll":
        out.push({ do: "poll", attempt });
        break;
      case "report":
        if (this.#paused !== this.#pausedAtServer) out.push({ do: "pause", attempt, paused: this.#paused });
        out.push({ do: "report", attempt });
        break;
      case "playing":
        this.retire(out);
        this.tell(out, WORDS.running, codes.SUCCESS, "");
        break;
      case "silent":
        this.retire(out);
        out.push({ do: "awaitMedia", attempt });
        this.request(now, codes.PLAYER_STREAM_INTERRUPTED, "nothing arrives from the stream", out);
        break;
      case "stillSilent":
        // What the connection does not notice, a fresh one may mend.
        this.wait(now, random, undefined, codes.PLAYER_STREAM_INTERRUPTED, "nothing arrives from the stream", out);
        break;
      case "lost":
        this.wait(now, random, undefined, WORDS.codes.connection, "the server was not heard for too long", out);
        break;
      default:
    }
  }

  onAnswered(answer, now, random, out) {
    if (this.phase.gone) {
      this.wait(now, random, undefined, codes.PLAYER_STREAM_INTERRUPTED, "the publisher vanished", out);
      this.#missing = true;
      return;
    }
    this.#missing = false;
    super.onAnswered(answer, now, random, out);
  }

  onRefusal(code) {
    this.#missing = code === codes.PLAYER_STREAM_NOT_EXIST;
  }

  /** The server said with its answer whether it sends the stream only while that is one of the loudest: then silence is no fault. */
  onLimited(limited) {
    this.#limited = limited;
  }

  onReady(connected, now, random, out) {
    if (!this.#negotiated) out.push({ do: "negotiated" });
    this.#negotiated = true;
    if (this.#paused) out.push({ do: "pause", attempt: this.attempt, paused: true });
    const live = new Live(now, this.#paused, this.#limited, this.timings);
    this.phase = { name: "live", live };
    if (connected) this.#onNews(live.onConnected(now), now, random, out);
  }

  onConnection(event, now, random, out) {
    if (event === "connected") this.#onNews(this.#live?.onConnected(now), now, random, out);
    else this.#live?.onDisconnected(now);
  }

  /** A packet of try `attempt` came, after "awaitMedia". */
  onArrived(attempt, now) {
    return this.#act(attempt, now, (live) => live.onArrived(now));
  }

  /** So many packets of try `attempt` have come, after "poll". */
  onMedia(attempt, arrived, now) {
    this.#act(attempt, now, (live) => live.onMedia(arrived, now));
  }

  #act(attempt, now, act) {
    const out = [];
    // None of these ends a connection, so no wait is drawn.
    if (attempt === this.attempt && this.#live) this.#onNews(act(this.#live), now, 0, out);
    return out;
  }

  /** The stream appeared in the room. */
  onAppeared(now) {
    const out = [];
    if (this.phase.name === "waiting") this.open(now, out);
    return out;
  }

  /** The server ended the playback: vanished publishers (1004020) and lost media are tried again, any other code is final. */
  onEnded(code, text, now, random) {
    const out = [];
    const vanished = code === codes.PLAYER_STREAM_INTERRUPTED;
    const { name } = this.phase;
    if (name === "ended") return out;
    if (!vanished && !MEDIA_LOST.includes(code)) {
      this.end(code, text, out);
    } else if (name === "exchanging") {
      // It may speak of the one that is being made: its answer is on the way. Lost media can only be the former connection's,
      // which we closed: the server says nothing of it once it has our new offer.
      this.phase.gone ||= vanished;
    } else if (name === "applying" || name === "live") {
      this.former = undefined;
      this.wait(now, random, undefined, code, text, out);
      this.#missing = vanished;
    }
    // Else it speaks of a playback that we gave up ourselves.
    return out;
  }

  onLinkRestored(resumed, now, moved) {
    const out = super.onLinkRestored(resumed, now, moved);
    if (this.#live && this.#paused !== this.#pausedAtServer) {
      out.push({ do: "pause", attempt: this.attempt, paused: this.#paused });
    }
    return out;
  }

  open(now, out) {
    this.#pausedAtServer = false;
    super.open(now, out);
  }

  request(now, code, text, out) {
    // A stream that is not there is no fault: the state that stands says that it is waited for.
    if (code !== codes.PLAYER_STREAM_NOT_EXIST) super.request(now, code, text, out);
  }

  /**
   * The application wants no audio, or wants it again.
   * @returns {{attempt: number | undefined, effects: object[]}} the try whose server must be asked; without one the wish is kept
   *   for the next connection
   */
  onMute(paused, now) {
    this.#paused = paused;
    const effects = this.#act(this.attempt, now, (live) => live.onPaused(paused, now));
    return { attempt: this.#live ? this.attempt : undefined, effects };
  }

  /** The server of try `attempt` stopped or resumed the audio. */
  onPaused(attempt, paused) {
    if (attempt === this.attempt) this.#pausedAtServer = paused;
  }

  /**
   * The server of try `attempt` did not do what `onMute` asked: it stays as it is.
   * @returns {{refused: boolean, effects: object[]}} not refused: that try is over, and the wish is kept for the next one
   */
  onMuteFailed(attempt, paused, now) {
    if (attempt !== this.attempt || !this.#live) return { refused: false, effects: [] };
    if (this.#paused === paused) this.#paused = this.#pausedAtServer;
    const wanted = this.#paused;
    return { refused: true, effects: this.#act(attempt, now, (live) => live.onPaused(wanted, now)) };
  }
}
