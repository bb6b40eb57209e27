import { frameBitrate } from "./protection.js";
import { withOpusParameters, withPacketLength, withRedFirst } from "./sdp.js";

/** How long the offer waits for the addresses of this machine. The server learns addresses by itself, so late ones are no loss. */
const GATHERING_MS = 500;

/** How long a DTLS connection that the server closed waits for the server's word on why, which comes on the other way. */
const CLOSED_GRACE_MS = 1000;

/**
 * One RTCPeerConnection that publishes or plays one audio stream.
 *
 * @typedef {object} PeerOptions
 * @property {MediaStreamTrack} [track] What to publish; without one the connection plays.
 * @property {{channels: 1 | 2, bitrateKbps?: number, frameMs?: 10 | 20, dtx?: boolean}} audio What is published has a bitrate and
 *   the length of its frames, one in each packet.
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
  /** The server's answer, as it was taken first. */
  #answer = "";
  #sendsCopies = false;

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
    const { track, audio } = this.#options;
    const answer = withOpusParameters(sdp, audio);
    this.#answer = track ? withPacketLength(answer, audio.frameMs) : answer;
    await this.#pc.setRemoteDescription({ type: "answer", sdp: this.#answer });
    const { transport } = track ? this.#transceiver.sender : this.#transceiver.receiver;
    // A DTLS connection that the server closed is told nowhere else.
    transport?.addEventListener("statechange", () => transport.state === "closed" && this.#onClosed());
  }

  #onClosed() {
    if (!this.#closed) this.#options.env.setTimeout(() => this.#tell("closed"), CLOSED_GRACE_MS);
  }

  /**
   * Asks for a least delay of what is played, of browsers that know it.
   *
   * @param {number | null} ms `null`: the browser decides.
   */
  setJitterBufferTarget(ms) {
    const { receiver } = this.#transceiver;
    if ("jitterBufferTarget" in receiver && receiver.jitterBufferTarget !== ms) receiver.jitterBufferTarget = ms;
  }

  /**
   * Sends a copy of each frame with the next one from now on (RED, RFC 2198), or none any more; both together stay within the
   * bitrate. Nothing happens where browser or server have no RED, or where there is too little bitrate for two.
   *
   * Chromium sends RED when it is the first codec of the answer, and by no other means: `encodings[0].codec` is accepted and
   * changes nothing (156). So the same answer is taken again in the other order; the server keeps to one that allows both.
   *
   * @param {boolean} wanted
   */
  async sendCopies(wanted) {
    const { bitrateKbps, frameMs } = this.#options.audio;
    const red = withRedFirst(this.#answer);
    const kbps = wanted ? frameBitrate(bitrateKbps, frameMs) : bitrateKbps;
    if (wanted === this.#sendsCopies || red === undefined || kbps === undefined) return;
    this.#sendsCopies = wanted;
    // From a limit that is set while it sends RED Chromium takes 8 kbit/s away, so this one is set before or afterwards.
    if (wanted) await this.#limit(kbps);
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    await this.#pc.setRemoteDescription({ type: "answer", sdp: wanted ? red : this.#answer });
    if (!wanted) await this.#limit(kbps);
  }

  async #limit(kbps) {
    const { sender } = this.#transceiver;
    const parameters = sender.getParameters();
    parameters.encodings[0].maxBitrate = kbps * 1000;
    await sender.setParameters(parameters);
  }

  /**
   * Sends another track from now on.
   *
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(track) {
    await this.#transceiver.sender.replaceTrack(track);
  }

  /** The bitrate that a publisher's frames have of what was asked for: all of it, or what copies leave them. */
  get frameKbps() {
    const { bitrateKbps, frameMs } = this.#options.audio;
    return this.#sendsCopies ? frameBitrate(bitrateKbps, frameMs) : bitrateKbps;
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
