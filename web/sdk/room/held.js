import { codes } from "../base/codes.js";

/** Which streams of one role this login asked for: `"asked"`, or `"accepted"` once the server said that it holds it. */
class Side {
  #streams = new Map();

  /** The stream is asked for. One that the server holds already stays held while it is negotiated anew. */
  asked(streamID) {
    if (!this.#streams.has(streamID)) {
      this.#streams.set(streamID, "asked");
    }
  }

  /** The server holds the stream, unless it was stopped in the meantime. */
  accepted(streamID) {
    if (this.#streams.has(streamID)) {
      this.#streams.set(streamID, "accepted");
    }
  }

  /** The server refused the stream; one that it held before it goes on holding. */
  refused(streamID) {
    if (this.#streams.get(streamID) === "asked") {
      this.#streams.delete(streamID);
    }
  }

  /** The stream is wanted no more, or was ended by the server. */
  stopped(streamID) {
    this.#streams.delete(streamID);
  }

  /** The server holds the stream no more; it is asked for again, unless it was stopped in the meantime. */
  lost(streamID) {
    if (this.#streams.has(streamID)) {
      this.#streams.set(streamID, "asked");
    }
  }

  clear() {
    this.#streams.clear();
  }

  /** Compares with the server's list: what the server has and nobody here wants, and what was lost. */
  reconcile(onServer) {
    const there = new Set(onServer);
    const lost = [...this.#streams].filter(([id, held]) => held === "accepted" && !there.has(id)).map(([id]) => id);
    lost.forEach((id) => this.#streams.delete(id));
    return { lost, unwanted: [...there].filter((id) => !this.#streams.has(id)) };
  }
}

/** Which streams this login publishes and plays, so that a resume can be compared with what the server still holds. */
export class Held {
  #sides = new Map([
    ["publish", new Side()],
    ["play", new Side()],
  ]);

  /**
   * One role's streams; nothing for a word that is no role. The roles are called as the requests that begin them.
   *
   * @param {string} role `"publish"` or `"play"`.
   */
  side(role) {
    return this.#sides.get(role);
  }

  /** The session is gone, and all streams with it. */
  clear() {
    this.#sides.forEach((side) => side.clear());
  }

  /**
   * Compares with what the server says it holds for the session that was taken up again.
   *
   * @param {string[]} publishing
   * @param {string[]} playing
   * @returns {{ stops: { type: string, streamID: string }[], lost: { streamID: string, role: string, code: number }[] }}
   *   Requests that end what nobody wants any more, and streams that the server does not hold any more.
   */
  reconcile(publishing, playing) {
    const published = this.side("publish").reconcile(publishing);
    const played = this.side("play").reconcile(playing);
    return {
      stops: [
        ...published.unwanted.map((streamID) => ({ type: "unpublish", streamID })),
        ...played.unwanted.map((streamID) => ({ type: "stopPlay", streamID })),
      ],
      lost: [
        ...published.lost.map((streamID) => ({ streamID, role: "publish", code: codes.PUBLISHER_SESSION_CLOSED })),
        ...played.lost.map((streamID) => ({ streamID, role: "play", code: codes.PLAYER_STREAM_INTERRUPTED })),
      ],
    };
  }
}
