import { signalURLs } from "./base/server-address.js";
import { autoSwitchOption, requireAppID, requireBoolean, requireStreamID } from "./engine/arguments.js";
import { applyConfig } from "./engine/config.js";
import { Parts } from "./engine/parts.js";
import { browserWorld, WORLD } from "./engine/world.js";
import { useSpeaker } from "./local/audio-output.js";
import { checkAll, checkOne } from "./local/capabilities.js";
import { enumDevices } from "./local/devices.js";

/** The version of this SDK. */
const VERSION = "0.1.0";

/**
 * The documented API of an audio call: log in to a room, publish and play streams. Every member is described with its
 * arguments, results, errors and events in express.d.ts.
 *
 * What the documents throw, reject with or resolve to is a `ZegoError`, or has its `errorCode` and `extendedData`. After
 * `destroyEngine` every call fails with 1000001.
 */
export class ZegoExpressEngine {
  /** The version of this SDK. */
  static version = VERSION;

  #parts;

  /**
   * @param {number} appID
   * @param {string | string[] | null} [server] Left empty: the server that the page came from.
   * @param {{scenario?: number, timings?: Partial<typeof import("./base/timings.js").DEFAULT_TIMINGS>}} [options] As
   *   `setRoomScenario`; times other than the documented ones, for tests. What else the documents name is accepted.
   * @throws {ZegoError} 1101000: a wrong appID; 1100001: a server address that cannot be used
   */
  constructor(appID, server, options) {
    requireAppID(appID);
    const world = options?.[WORLD] ?? browserWorld();
    this.#parts = new Parts(world, { appID, servers: signalURLs(server, world.location) }, options ?? undefined);
  }

  /** The parts of an engine that lives. */
  get #alive() {
    this.#parts.core.requireAlive();
    return this.#parts;
  }

  // ---- the engine

  /** @returns {string} */
  getVersion() {
    return VERSION;
  }

  /** @returns {boolean} */
  on(event, listener) {
    return this.#parts.core.emitter.on(event, listener);
  }

  /** @returns {boolean} */
  off(event, listener) {
    return this.#parts.core.emitter.off(event, listener);
  }

  async checkSystemRequirements(type) {
    const { world } = this.#alive.core;
    return type === undefined || type === null ? checkAll(world) : checkOne(world, type);
  }

  /** @returns {boolean} */
  setRoomScenario(scenario) {
    return this.#alive.rooms.setScenario(scenario);
  }

  setEngineConfig(config) {
    applyConfig(this.#alive.core.settings, config);
  }

  /** @returns {boolean} */
  setLogConfig() {
    return true;
  }

  setDebugVerbose() {}

  destroyEngine() {
    this.#parts.destroy();
  }

  // ---- the room

  /** @returns {Promise<boolean>} */
  async loginRoom(roomID, token, user, config) {
    return this.#alive.rooms.login(roomID, token, user, config);
  }

  /** @returns {boolean} */
  enableMultiRoom(isOn) {
    const { rooms } = this.#alive;
    requireBoolean(isOn, "the argument of enableMultiRoom");
    return rooms.enableMultiRoom(isOn);
  }

  /** @returns {Promise<boolean>} */
  async switchRoom(fromRoomID, toRoomID, option) {
    return this.#alive.rooms.switch(fromRoomID, toRoomID, option);
  }

  logoutRoom(roomID) {
    this.#alive.rooms.logout(roomID);
  }

  /** @returns {boolean} */
  renewToken(token, roomID) {
    return this.#alive.rooms.renewToken(token, roomID);
  }

  async sendBroadcastMessage(roomID, message) {
    return this.#alive.messages.send("sendBroadcastMessage", roomID, message);
  }

  async sendBarrageMessage(roomID, message) {
    return this.#alive.messages.send("sendBarrageMessage", roomID, message);
  }

  async sendCustomCommand(roomID, command, toUserIDList) {
    return this.#alive.messages.command(roomID, command, toUserIDList);
  }

  async setRoomExtraInfo(roomID, key, value) {
    return this.#alive.messages.setRoomInfo(roomID, key, value);
  }

  // ---- local streams

  /** @returns {Promise<import("./local/local-stream.js").ZegoLocalStream>} */
  async createZegoStream(options) {
    return this.#alive.locals.create(options);
  }

  destroyStream(stream) {
    this.#alive.locals.destroy(stream);
  }

  /** @returns {boolean} */
  mutePublishStreamAudio(stream, mute = true) {
    return this.#alive.locals.mute(stream, mute);
  }

  /** @returns {boolean} */
  muteMicrophone(mute) {
    return this.#alive.locals.muteMicrophone(mute);
  }

  /** @returns {boolean} */
  isMicrophoneMuted() {
    return this.#alive.locals.isMicrophoneMuted;
  }

  async setCaptureVolume(stream, volume) {
    return this.#alive.locals.setVolume(stream, volume);
  }

  async setAudioConfig(stream, config) {
    return this.#alive.locals.setAudioConfig(stream, config);
  }

  async useAudioDevice(stream, deviceID) {
    return this.#alive.locals.useDevice(stream, deviceID);
  }

  async updatePublishingStream(stream) {
    return this.#alive.locals.update(stream);
  }

  async enableAiDenoise(stream, isOn) {
    return this.#alive.locals.enableAiDenoise(stream, isOn);
  }

  async setAiDenoiseMode(stream) {
    return this.#alive.locals.setAiDenoiseMode(stream);
  }

  /** @returns {boolean} */
  startMixingAudio(stream, media) {
    return this.#alive.locals.mix(stream, media);
  }

  /** @returns {boolean} */
  stopMixingAudio(stream, media) {
    return this.#alive.locals.unmix(stream, media);
  }

  /** @returns {boolean} */
  setMixingAudioVolume(stream, volume, media) {
    return this.#alive.locals.setMixVolume(stream, volume, media);
  }

  async setCaptureAudioFrameCallback(stream, callback, options) {
    return this.#alive.locals.setFrames(stream, callback, options);
  }

  async setAudioFrameCallback(streamID, callback, options) {
    return this.#alive.playing.setFrames(streamID, callback, options);
  }

  setSoundLevelDelegate(isOn, interval, options) {
    this.#alive.levels.set(isOn, interval, options);
  }

  // ---- devices

  async enumDevices() {
    return enumDevices(this.#alive.core.world);
  }

  async getMicrophones() {
    return (await this.enumDevices()).microphones;
  }

  async getSpeakers() {
    return (await this.enumDevices()).speakers;
  }

  async getCameras() {
    return (await this.enumDevices()).cameras;
  }

  /** @returns {Promise<boolean>} */
  async useAudioOutputDevice(media, deviceID) {
    this.#alive.core.requireAlive();
    return typeof media?.useAudioOutputDevice === "function"
      ? media.useAudioOutputDevice(deviceID)
      : useSpeaker(media, deviceID);
  }

  enableAutoSwitchDevice(option) {
    const { locals } = this.#alive;
    const { microphone } = autoSwitchOption(option);
    if (microphone !== undefined) locals.switchesMicrophone = microphone;
  }

  // ---- publishing

  /** @returns {boolean} */
  startPublishingStream(streamID, stream, option) {
    this.#alive.publishing.start(streamID, stream, option);
    return true;
  }

  /** @returns {boolean} */
  stopPublishingStream(streamID) {
    return this.#alive.publishing.stop(streamID);
  }

  async setStreamExtraInfo(streamID, extraInfo) {
    return this.#alive.publishing.setExtraInfo(streamID, extraInfo);
  }

  /** @returns {object | null} */
  getPublishingStreamQuality(streamID) {
    return this.#parts.publishing.quality(streamID);
  }

  // ---- playing

  /** @returns {Promise<MediaStream>} */
  async startPlayingStream(streamID, option) {
    return this.#alive.playing.start(streamID, option);
  }

  stopPlayingStream(streamID) {
    const { playing } = this.#alive;
    requireStreamID(streamID);
    playing.stop(streamID);
  }

  createRemoteStreamView(stream) {
    return this.#alive.playing.view(stream);
  }

  /** @returns {Promise<boolean>} */
  async mutePlayStreamAudio(streamID, mute) {
    const { playing } = this.#alive;
    requireBoolean(mute, "mute");
    return playing.mute(streamID, mute);
  }

  /** @returns {Promise<boolean>} */
  async muteAllPlayAudioStreams(mute) {
    const { playing } = this.#alive;
    requireBoolean(mute, "mute");
    return playing.muteAll(mute);
  }

  /** @returns {object | null} */
  getPlayingStreamQuality(streamID) {
    return this.#parts.playing.quality(streamID);
  }
}
