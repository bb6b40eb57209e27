/** This user's own sound: preview, publishing, mute. */

import { History } from "../model/history.js";
import { publishSample } from "../model/metrics.js";
import { Trouble } from "../model/trouble.js";

const IDLE = Object.freeze({ streamID: "", state: "NO_PUBLISH", code: 0 });

/** One microphone and at most one published stream. */
export class Capture {
  #session;
  #opening = null;
  #speaker = "";

  /** The `ZegoLocalStream` while the microphone runs. */
  stream = null;
  /** What is published: `state` is NO_PUBLISH, PUBLISH_REQUESTING or PUBLISHING. */
  published = IDLE;
  /** 0 to 100, the documented sound level of the microphone. */
  level = 0;
  muted = false;
  /** Whether this user hears the own microphone. */
  listening = false;
  history = new History();
  /** What is wrong with the sound of what is published. */
  trouble = new Trouble();

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Opens the microphone if it is not open.
   *
   * @param {{input: string, AEC: boolean, ANS: boolean, AGC: boolean}} audio `input` "" is the system's default.
   * @returns {Promise<boolean>} Whether it runs.
   */
  async start({ input, ...processing }) {
    if (this.stream) return true;
    const audio = input === "" ? processing : { ...processing, input };
    this.#opening ??= this.#session.attempt("Could not open the microphone", () =>
      this.#session.engine.createZegoStream({ camera: { audio, video: false } }),
    );
    const stream = await this.#opening;
    this.#opening = null;
    this.stream ??= stream ?? null;
    if (this.stream && this.muted) this.#session.engine.mutePublishStreamAudio(this.stream, true);
    this.#session.tell("capture");
    this.#session.tell("devices");
    return this.stream !== null;
  }

  /** Ends publishing and closes the microphone. */
  stop() {
    this.unpublish();
    if (this.stream) this.#session.engine.destroyStream(this.stream);
    this.stream = null;
    this.published = IDLE;
    this.listening = false;
    this.level = 0;
    this.#session.tell("capture");
    this.#session.tell("levels");
  }

  /**
   * Publishes the microphone.
   *
   * @param {string} streamID Unique in the whole AppID.
   * @param {string} extraInfo Attached to the stream; may be empty.
   */
  async publish(streamID, extraInfo) {
    this.history = new History();
    this.trouble.clear();
    const option = extraInfo === "" ? {} : { extraInfo };
    await this.#session.attempt("Could not publish", () => {
      if (!this.#session.engine.startPublishingStream(streamID, this.stream, option)) {
        throw new Error(`The stream ${streamID} is published already.`);
      }
    });
  }

  /** Ends publishing; the microphone goes on. */
  unpublish() {
    const { streamID, state } = this.published;
    if (state !== "NO_PUBLISH") this.#session.engine.stopPublishingStream(streamID);
  }

  /** Silences the published stream, or opens it again; also for what is published later. */
  mute(muted) {
    this.muted = muted;
    if (this.stream) this.#session.engine.mutePublishStreamAudio(this.stream, muted);
    this.#session.tell("capture");
  }

  /** Lets this user hear the own microphone, or no more. */
  listen(on) {
    this.listening = on && this.stream !== null;
    if (this.listening) {
      this.stream.playAudio();
      if (this.#speaker !== "") this.useSpeaker(this.#speaker);
    } else this.stream?.stopAudio();
    this.#session.tell("capture");
  }

  /** Where this user hears the own microphone. @param {string} deviceID "" is the system's default. */
  useSpeaker(deviceID) {
    this.#speaker = deviceID;
    if (this.listening)
      void this.#session.attempt("Could not change the speaker", () => this.stream.useAudioOutputDevice(deviceID));
  }

  /** Changes the microphone that runs. @param {string} deviceID */
  async useMicrophone(deviceID) {
    if (!this.stream) return;
    await this.#session.attempt("Could not change the microphone", () =>
      this.#session.engine.useAudioDevice(this.stream, deviceID),
    );
  }

  /** Sets loudness, 0 to 200; 100 is as captured. */
  async setVolume(volume) {
    if (!this.stream) return;
    await this.#session.attempt("Could not set the loudness", () => this.#session.engine.setCaptureVolume(this.stream, volume));
  }

  /** Changes echo cancellation and its neighbours. @param {{AEC?: boolean, ANS?: boolean, AGC?: boolean}} processing */
  async setProcessing(processing) {
    if (!this.stream) return;
    await this.#session.attempt("Could not change the processing", () =>
      this.#session.engine.setAudioConfig(this.stream, processing),
    );
  }

  /** Changes the text attached to the published stream. */
  async setExtraInfo(extraInfo) {
    const { streamID } = this.published;
    await this.#session.attempt("Could not change the extra info", () =>
      this.#session.engine.setStreamExtraInfo(streamID, extraInfo),
    );
  }

  /** `publisherStateUpdate`. */
  stateChanged({ streamID, state, errorCode, extendedData }) {
    this.published = { streamID, state, code: errorCode };
    if (state === "NO_PUBLISH" && errorCode !== 0) this.#session.report("Could not publish", { code: errorCode, extendedData });
    this.#session.tell("capture");
    this.#session.tell("streams");
  }

  /** `publishQualityUpdate`. */
  measured(streamID, stats) {
    if (streamID === this.published.streamID) this.history.add(publishSample(stats, this.#session.now()));
  }
}
