/**
 * A playback whose answer is applied: connecting, waiting for media, playing, silent. Pure; `now` in ms.
 *
 * News that its methods return: undefined (nothing to tell), "connected" (wait for a packet), "poll" (look at what arrived),
 * "report" (a quality report is due), "playing" (media is there, or there again), "silent" (media stopped), "stillSilent" and
 * "lost" (begin anew).
 * @module
 */

/** How often it is looked whether media still comes: silence is told so much late at most. */
const POLL_MS = 250;

/** One connection that has its answer. */
export class Live {
  #timings;
  /** When the connection must be there at the latest; undefined once it was. */
  #connectBy;
  /** Since when ICE hears nothing. */
  #lost;
  #media;
  #arrived = 0;
  #paused;
  /** The server sends the stream only while it is loud enough: nobody waits for media. */
  #limited;

  constructor(now, paused, limited, timings) {
    this.#timings = timings;
    this.#connectBy = now + timings.iceDisconnectedGraceMs;
    this.#media = { name: "awaited", since: now };
    this.#paused = paused;
    this.#limited = limited;
  }

  get isPlaying() {
    return this.#media.name === "playing";
  }

  get hearsServer() {
    return this.#connectBy === undefined && this.#lost === undefined;
  }

  /** When `onTime` wants to be called next. */
  nextDeadline() {
    if (this.#connectBy !== undefined) return this.#connectBy;
    const media = this.#media;
    let next = media.renew;
    if (media.name === "awaited") next = media.since + this.#timings.mediaSilenceMs;
    if (media.name === "playing") next = Math.min(media.poll, media.report);
    return this.#lost === undefined ? next : Math.min(next, this.#lost + this.#timings.iceDisconnectedGraceMs);
  }

  /** One thing that is due at `now`; `nextDeadline` tells whether there is more. */
  onTime(now) {
    if (this.#connectBy !== undefined) return now >= this.#connectBy ? "lost" : undefined;
    if (this.#lost !== undefined && now >= this.#lost + this.#timings.iceDisconnectedGraceMs) return "lost";
    const media = this.#media;
    if (media.name === "silent") return now >= media.renew ? "stillSilent" : undefined;
    if (media.name === "awaited") return now >= media.since + this.#timings.mediaSilenceMs ? this.#silent(now) : undefined;
    return this.#onPlayingTime(media, now);
  }

  #onPlayingTime(media, now) {
    if (now >= media.report) {
      media.report = now + this.#timings.qualityMs;
      return "report";
    }
    if (now < media.poll) return undefined;
    if (!this.#paused && !this.#limited && now >= media.last + this.#timings.mediaSilenceMs) return this.#silent(now);
    media.poll = now + POLL_MS;
    return "poll";
  }

  #silent(now) {
    this.#media = { name: "silent", renew: now + this.#timings.iceDisconnectedGraceMs };
    return "silent";
  }

  /** ICE and DTLS are through, or ICE hears the server again. */
  onConnected(now) {
    this.#lost = undefined;
    if (this.#connectBy === undefined) return undefined;
    this.#connectBy = undefined;
    this.#media = { name: "awaited", since: now };
    return this.#paused || this.#limited ? this.#playing(now) : "connected";
  }

  /** ICE hears nothing. */
  onDisconnected(now) {
    this.#lost ??= now;
  }

  /** A packet came while none had come. */
  onArrived(now) {
    return this.isPlaying || this.#connectBy !== undefined ? undefined : this.#playing(now);
  }

  /** So many packets have come. */
  onMedia(arrived, now) {
    if (this.isPlaying && arrived !== this.#arrived) this.#media.last = now;
    this.#arrived = arrived;
  }

  /** The application wants no audio, or wants it again: nobody waits for media meanwhile. */
  onPaused(paused, now) {
    this.#paused = paused;
    if (this.isPlaying) this.#media.last = now;
    else if (paused && this.#connectBy === undefined) return this.#playing(now);
    return undefined;
  }

  #playing(now) {
    this.#media = { name: "playing", last: now, poll: now + POLL_MS, report: now + this.#timings.qualityMs };
    return "playing";
  }
}
