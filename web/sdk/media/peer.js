import { withOpusParameters } from "./sdp.js";

/** How long the offer waits for the addresses of this machine. The server learns addresses by itself, so late ones are no loss. */
const GATHERING_MS = 500;

/** How long a DTLS connection that the server closed waits for the server's word on why, which comes on the other way. */
const CLOSED_GRACE_MS = 1000;

/**
 * One RTCPeerConnection that publishes or plays one audio stream.
 *
 * @typedef {object} PeerOptions
 * @property {MediaStreamTrack} [track] What to publish; without one the connection plays.
 * @property {{channels: 1 | 2, bitrateKbps?: number, dtx?: boolean}} audio
 * @property {number} [jitterBufferTargetMs] Least delay of what is played; `null` or left out: the browser decides.
 * @property {RTCIceServer[]} [iceServers] STUN and TURN servers, checked; none by default.
 * @property {(event: "connected" | "disconnected" | "failed" | "closed") => void} onEvent
 * @property {typeof RTCPeerConnection} RTCPeerConnection
 * @property {import("../base/env.js").Env} env
 */
export class Peer {
  #pc;
  #transceiver;
  #options;
  #closed = false;

  /** @param {PeerOptions} options */
  constructor(options) {
    this.#options = options;
    const { iceServers = [] } = options;
    const pc = new options.RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#pc = pc;
    const { track, audio } = options;
    this.#transceiver = track
      ? pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ maxBitrate: audio.bitrateKbps * 1000 }] })
      : pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addEventListener("connectionstatechange", () => this.#onConnectionState());
  }

  #onConnectionState() {
    const state = this.#pc.connectionState;
    if (["connected", "disconnected", "failed"].includes(state)) this.#tell(state);
  }

  #tell(event) {
    if (!this.#closed) this.#options.onEvent(event);
  }

  /** The track that is played. */
  get track() {
    return this.#transceiver.receiver.track;
  }

  /**
   * Makes the offer, with the addresses that are known within half a second.
   *
   * @returns {Promise<string>} SDP.
   */
  async offer() {
    const { track, audio } = this.#options;
    const offer = await this.#pc.createOffer();
    // What a receiver wants to hear stands in its own description; what a sender sends follows the other side's.
    const local = track ? offer : { type: "offer", sdp: withOpusParameters(offer.sdp, audio) };
    await this.#pc.setLocalDescription(local);
    await this.#gathered();
    return withOpusParameters(this.#pc.localDescription.sdp, audio);
  }

  #gathered() {
    const pc = this.#pc;
    const { env } = this.#options;
    if (pc.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      const timer = env.setTimeout(resolve, GATHERING_MS);
      pc.addEventListener("icegatheringstatechange", () => {
        if (pc.iceGatheringState !== "complete") return;
        env.clearTimeout(timer);
        resolve();
      });
    });
  }

  /**
   * Takes the server's answer.
   *
   * @param {string} sdp
   */
  async apply(sdp) {
    await this.#pc.setRemoteDescription({ type: "answer", sdp: withOpusParameters(sdp, this.#options.audio) });
    this.#setJitterBufferTarget();
    const { transport } = this.#options.track ? this.#transceiver.sender : this.#transceiver.receiver;
    // A DTLS connection that the server closed is told nowhere else.
    transport?.addEventListener("statechange", () => transport.state === "closed" && this.#onClosed());
  }

  #onClosed() {
    if (!this.#closed) this.#options.env.setTimeout(() => this.#tell("closed"), CLOSED_GRACE_MS);
  }

  #setJitterBufferTarget() {
    const target = this.#options.jitterBufferTargetMs;
    const { receiver } = this.#transceiver;
    if (target !== undefined && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = target;
  }

  /**
   * Sends another track from now on.
   *
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(track) {
    await this.#transceiver.sender.replaceTrack(track);
  }

  /** @returns {Promise<RTCStatsReport>} */
  stats() {
    return this.#pc.getStats();
  }

  /** Ends the connection; no event follows. */
  close() {
    this.#closed = true;
    this.#pc.close();
  }
}
