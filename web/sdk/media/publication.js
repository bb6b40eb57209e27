import { sendCounters } from "./counters.js";
import { StreamDriver } from "./driver.js";
import { PublishWatch } from "./intervals.js";
import { Peer } from "./peer.js";
import { PublisherState } from "./publisher.js";
import { UplinkProtection } from "./protection.js";
import { PublishQuality } from "./quality.js";

/** The server repeats what does not change every 5 s; two may be lost. */
const LISTENERS_COUNT_FOR_MS = 15_000;

/**
 * One published stream: carries out what `PublisherState` decides, and sees to it that the server knows whether it is muted.
 *
 * @typedef {object} PublicationOptions
 * @property {string} streamID
 * @property {{outputTrack: MediaStreamTrack, isMuted: boolean, isMicrophone: boolean}} local The local stream.
 * @property {{channels: 1 | 2, bitrateKbps: number, frameMs: 10 | 20, dtx: boolean}} audio
 * @property {string} extraInfo
 * @property {{request: (type: string, fields: object) => Promise<object>, iceServers: RTCIceServer[]}} room
 * @property {typeof RTCPeerConnection} RTCPeerConnection
 * @property {typeof import("../base/timings.js").DEFAULT_TIMINGS} timings
 * @property {import("../base/env.js").Env} env
 * @property {(state: string, code: number, text: string) => void} onState
 * @property {(stats: object) => void} onQuality
 * @property {(exception: {code: number, message: string}) => void} onException
 */
export class Publication extends StreamDriver {
  #options;
  #quality;
  #watch = new PublishWatch();
  /** What the server told last of the listeners, and when. */
  #listeners = { report: null, at: 0 };
  #protection = new UplinkProtection();
  /** What the server was told of the mute; undefined while it does not know the stream. */
  #mutedAtServer;

  /** @param {PublicationOptions} options */
  constructor(options) {
    super(new PublisherState(options.env.now(), options.timings), options.env, options.onState);
    this.#options = options;
    this.#quality = new PublishQuality(this.now());
    /** What others read; a later try publishes it again. */
    this.extraInfo = options.extraInfo;
  }

  perform(effect) {
    if (effect.do === "measure") {
      this.#quality.fresh(this.now());
      this.#watch.fresh();
      this.#protect();
    } else {
      super.perform(effect);
    }
  }

  makePeer(onEvent) {
    const { local, audio, env, room, RTCPeerConnection } = this.#options;
    const { iceServers } = room;
    return new Peer({ track: local.outputTrack, audio, env, iceServers, RTCPeerConnection, onEvent });
  }

  async exchange(offer) {
    const { room, streamID, local } = this.#options;
    const muted = local.isMuted;
    this.#mutedAtServer = undefined;
    const fields = { stream_id: streamID, offer, extra_info: this.extraInfo, muted };
    const { answer } = await room.request("publish", fields);
    this.#mutedAtServer = muted;
    // Its wish may have changed while the request was out.
    this.noteMuted();
    return answer;
  }

  /** Tells the server whether the stream is muted, if it does not know. What fails is told with the next report or link. */
  noteMuted() {
    const { room, streamID, local } = this.#options;
    const muted = local.isMuted;
    if (this.#mutedAtServer === undefined || this.#mutedAtServer === muted) return;
    room.request("muteStream", { stream_id: streamID, muted }).then(
      () => {
        this.#mutedAtServer = muted;
        this.noteMuted();
      },
      () => {},
    );
  }

  restore(resumed, moved) {
    super.restore(resumed, moved);
    if (resumed) this.noteMuted();
  }

  /** The local stream has another track now. */
  replaceTrack() {
    // A connection that is closed meanwhile needs no track.
    const { outputTrack } = this.#options.local;
    [this.peer, this.former].forEach((peer) => peer?.replaceTrack(outputTrack).catch(() => {}));
  }

  report(report, attempt) {
    if (!this.state.isPublishing(attempt)) return;
    const { local, audio, onQuality, onException } = this.#options;
    const counters = sendCounters(report);
    const { isMuted: muted, isMicrophone } = local;
    const state = { muted, connected: this.state.hearsServer, listeners: this.#recentListeners() };
    onQuality(this.#quality.report(this.now(), counters, state));
    const sent = { muted, isMicrophone, dtx: audio.dtx, frameMs: audio.frameMs, frameKbps: this.peer.frameKbps };
    this.#watch.look(counters, sent).forEach(onException);
    this.noteMuted();
  }

  /** How the stream arrives at the server and its listeners. */
  noteReport(report) {
    this.#listeners = { report, at: this.now() };
    this.#protection.note(report.uplinkLoss, this.now());
    if (this.state.isRunning) this.#protect();
  }

  #protect() {
    // A connection that is closed meanwhile needs no copies.
    this.peer?.sendCopies(this.#protection.isOn).catch(() => {});
  }

  #recentListeners() {
    const { report, at } = this.#listeners;
    return this.now() - at < LISTENERS_COUNT_FOR_MS ? report : null;
  }

  withdraw() {
    // Where the link is away the room tells the server when it is back.
    this.#options.room.request("unpublish", { stream_id: this.#options.streamID }).catch(() => {});
  }
}
