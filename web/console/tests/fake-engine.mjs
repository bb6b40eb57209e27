/** An engine that does what a test says: it records calls, answers them, and tells events when asked to. */

import { Emitter } from "../../sdk/base/emitter.js";
import { ZegoError } from "../../sdk/base/errors.js";
import { HANDLERS } from "../session/handlers.js";

/** A view of a played stream, with the documented calls that the console uses. */
export class FakeView {
  calls = [];
  #events = new Emitter(new Set(["autoplayFailed", "canPlayAudio"]));

  on(name, listener) {
    return this.#events.on(name, listener);
  }
  emit(name) {
    this.#events.emit(name);
  }
  playAudio() {
    this.calls.push("playAudio");
  }
  setVolume(volume) {
    this.calls.push(`setVolume ${volume}`);
  }
  stop() {
    this.calls.push("stop");
  }
  async resume() {
    this.calls.push("resume");
    this.emit("canPlayAudio");
  }
  async useAudioOutputDevice(deviceID) {
    this.calls.push(`useAudioOutputDevice ${deviceID}`);
    return true;
  }
}

/** See the top of this file. */
export class FakeEngine extends Emitter {
  /** Each call as [name, ...arguments]. */
  calls = [];
  /** What a call answers instead of the usual: by name, a function of its arguments that may throw. */
  answers = {};
  /** Views by the media they were made for. */
  views = [];

  constructor(appID, server) {
    super(new Set(Object.keys(HANDLERS)));
    if (!Number.isInteger(appID)) throw new ZegoError(1101000, "the AppID is wrong");
    this.made = { appID, server };
  }

  /** The names of the calls so far, without those of `setSoundLevelDelegate`. */
  get called() {
    return this.calls.map(([name]) => name).filter((name) => name !== "setSoundLevelDelegate");
  }

  createRemoteStreamView(media) {
    const view = new FakeView();
    view.media = media;
    this.views.push(view);
    return view;
  }
}

const USUAL = {
  loginRoom: async () => true,
  createZegoStream: async () => ({ playAudio() {}, stopAudio() {} }),
  startPublishingStream: () => true,
  startPlayingStream: async (streamID) => ({ streamID }),
  renewToken: (token) => token.startsWith("04"),
  sendBroadcastMessage: async () => ({ errorCode: 0, messageID: 1 }),
  sendBarrageMessage: async () => ({ errorCode: 0, messageID: "1" }),
  sendCustomCommand: async () => ({ errorCode: 0 }),
  setStreamExtraInfo: async () => ({ errorCode: 0 }),
  useAudioDevice: async () => ({ errorCode: 0 }),
};

const NAMES = [
  ...Object.keys(USUAL),
  ..."logoutRoom destroyStream destroyEngine setSoundLevelDelegate stopPublishingStream stopPlayingStream".split(" "),
  ..."mutePublishStreamAudio mutePlayStreamAudio".split(" "),
];

for (const name of NAMES) {
  FakeEngine.prototype[name] = function (...args) {
    this.calls.push([name, ...args]);
    return (this.answers[name] ?? USUAL[name])?.(...args);
  };
}
