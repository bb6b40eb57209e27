// Types of the browser SDK of Express Audio. Names, numbers and shapes are the documented ones of the web SDK 3.12; where we differ
// stands in docs/differences.md. Texts are at most so many bytes of UTF-8. Times are milliseconds unless said otherwise.

import type {
  ZegoAudioFrame,
  ZegoCapabilityDetection,
  ZegoCapabilityError,
  ZegoCapabilityType,
  ZegoDeviceInfo,
  ZegoDeviceInfos,
  ZegoRoomConfig,
  ZegoServerResponse,
  ZegoUser,
} from "./types/data.js";
import type { ZegoEvents } from "./types/events.js";
import type {
  ZegoAudioConfig,
  ZegoAudioFrameOptions,
  ZegoEngineConfig,
  ZegoEngineOptions,
  ZegoMixableMedia,
  ZegoPlayOption,
  ZegoPublishOption,
  ZegoScenario,
  ZegoStreamOptions,
} from "./types/options.js";
import type { ZegoPlayStats, ZegoPublishStats } from "./types/stats.js";
import type { ZegoLocalStream, ZegoStreamView } from "./types/streams.js";

export * from "./types/data.js";
export * from "./types/errors.js";
export * from "./types/events.js";
export * from "./types/options.js";
export * from "./types/stats.js";
export * from "./types/streams.js";

/**
 * The engine: log in to a room, publish and play streams.
 *
 * Callbacks run in the order of events; one that throws is reported on the console and harms nobody. An event that a call causes
 * is told before its Promise ends. After `destroyEngine` every call fails with 1000001.
 */
export class ZegoExpressEngine {
  /** The version of this SDK. */
  static readonly version: string;

  /**
   * @param appID The number in your server's configuration, 1 to 4294967295.
   * @param server `wss://host`, `ws://host:port`, http(s)://..., or `host:port`; several are tried in order; left empty: the
   *   server that the page came from.
   * @throws {ZegoError} 1101000: a wrong appID; 1100001: a server address that cannot be used
   */
  constructor(appID: number, server?: string | string[] | null, options?: ZegoEngineOptions);

  getVersion(): string;

  /** Adds a listener; the same one twice counts once. `false`: there is no such event. */
  on<E extends keyof ZegoEvents>(event: E, listener: ZegoEvents[E]): boolean;
  /** Takes a listener away, or all of the event. `false`: there is no such event. */
  off<E extends keyof ZegoEvents>(event: E, listener?: ZegoEvents[E]): boolean;

  /** Tells what this browser can do. Nothing that is missing is an error. The user may be asked for the microphone. */
  checkSystemRequirements(): Promise<ZegoCapabilityDetection>;
  /** Looks for one thing. Rejects with 1100001 for another word. */
  checkSystemRequirements(
    type: ZegoCapabilityType,
    level?: 0 | 1,
  ): Promise<{ result: boolean; errInfo: ZegoCapabilityError | Record<string, never> }>;

  /**
   * Says what the next rooms are used for, and so how local streams that are made from then on are captured and sent where their
   * options say nothing: 7 with 128 kbit/s; 8 with 192 kbit/s in two channels; 9 likewise, without ANS and AGC and in packets of 10 ms,
   * heard 10 ms sooner; all others with 48 kbit/s in one channel. `false`: no such scenario.
   *
   * @throws {ZegoError} 1000067: in a room, or logging in to one; log out first
   */
  setRoomScenario(scenario: ZegoScenario): boolean;
  /** Changes settings; values out of range are brought into it, unknown keys left alone. */
  setEngineConfig(config: ZegoEngineConfig): void;
  /** Accepted: this SDK keeps no log. */
  setLogConfig(config?: object): boolean;
  /** Accepted: this SDK keeps no log. */
  setDebugVerbose(verbose?: boolean): void;
  /** Ends everything: streams, room, microphones. Nothing is told any more. */
  destroyEngine(): void;

  /**
   * Logs in to a room, which is made if it is not there. A network that is down is tried again for 300 s. While a login runs,
   * streams may be published and played already; they begin with LOGINED.
   *
   * Rejects, with LOGINING and LOGIN_FAILED told first: 1002011, 1002012, 1002013 a bad roomID; 1100001 no token, user or config;
   * 1002005, 1002006, 1002007 a bad userID; 1002010 userName too long; 1102016 token refused; 1102018 token expired; 1002034 room
   * full; 1001004 unknown appID; 1002031 no success in time. Without these events: 1002001 already in a room; 1102026
   * `logoutRoom` came first.
   */
  loginRoom(roomID: string, token: string, user: ZegoUser, config?: ZegoRoomConfig): Promise<boolean>;
  /**
   * Permits several rooms at a time, or (`false`) settles that there is one. Call it before the first login, and once.
   *
   * Then each `loginRoom` enters one more room, all as the same user (1002018), each once (1002056), at most as many as the server
   * says (1002037; 1002036: none but one); `startPublishingStream` needs a `roomID`. What is played through a room that ends goes on
   * through another one, unless it is a stream of that room. Any login of the user elsewhere ends all of them.
   *
   * @returns `false` (1002058): it was called before, or a login was.
   * @throws {ZegoError} 1100001: neither true nor false
   */
  enableMultiRoom(enable: boolean): boolean;
  /**
   * Leaves one room and logs in to another as the same user: LOGOUT of the one, then LOGINING of the other. What is published ends,
   * and so does what is played, unless `setEngineConfig({switchRoomNotStopPlay: true})` was called: then it goes on through the
   * new room.
   *
   * Rejects and changes nothing: 1002002 not in that room; 1002064 already in the other; 1002011, 1002012, 1002013 a bad roomID; 1100001
   * no token, or a wrong option. Rejects as `loginRoom` where the new login fails; the old room is left then.
   */
  switchRoom(
    fromRoomID: string,
    toRoomID: string,
    option: { token: string; maxMemberCount?: number; isUserStatusNotify?: boolean },
  ): Promise<boolean>;
  /**
   * Leaves the room; left out: every room. Streams end first, with 0. In no room LOGOUT is told with "no room login".
   *
   * @throws {ZegoError} 1002002: not that room
   */
  logoutRoom(roomID?: string): void;
  /** Shows a new token. `false`: it has not the form of a token04, or that room is not logged in to. */
  renewToken(token: string, roomID?: string): boolean;

  /**
   * A text to everybody else in the room, at most 1,024 bytes, reliably and in order.
   *
   * Rejects: 1009001 empty; 1009013 too long; 1009015 more than 2 a second, or 10 in the room; 1000002 in no room, or not
   * yet; 1009005 in another room; 1009010 the link is away, or went before the server answered: it may have been sent or not, and
   * is not sent again.
   */
  sendBroadcastMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: number }>;
  /** A text to everybody else in the room that may be lost; 20 a second in one room. Rejects as a broadcast does. */
  sendBarrageMessage(roomID: string, message: string): Promise<ZegoServerResponse & { messageID: string }>;
  /**
   * A text, or an object as JSON, at most 1,024 bytes, to the users listed, at most 500; to everybody else for `[]`. `extendedData`
   * is `{"absent":[...]}` where some of the list were not in the room.
   *
   * Rejects: 1009001 empty; 1009002 too long; 1100001 no list, or an id that no user can have; 1009010 nobody of the list is
   * there, or the link went; 1109001 too many; 1000002, 1009005 as a broadcast.
   */
  sendCustomCommand(roomID: string, command: string | object, toUserIDList: string[]): Promise<ZegoServerResponse>;

  /**
   * Attaches a value of at most 4,096 bytes to the room under a key of at most 128; others get `roomExtraInfoUpdate`, also those who
   * come later. A room has one key; everybody may change its value, also to "". What was taken is kept over reconnects.
   *
   * Rejects: 1002014 no key; 1002015, 1002016 too long; 1002017 the room has another key; 1002002 not that room, or not yet;
   * 1102022 a call is under way, or more than 10 a second in the room; 1000017 the link is away, or went: set it again.
   */
  setRoomExtraInfo(roomID: string, key: string, value: string): Promise<ZegoServerResponse>;

  /**
   * Captures a microphone, the sound of a screen or tab, or what the program brings.
   *
   * Rejects: 1100001 more than one source, video, or a value out of range; 1103053 the page is neither on https nor on localhost;
   * 1103064 not allowed; 1103065 busy; 1103066 a wrong deviceID; 1103048 no microphone; 1103046 the source has no sound; 1103061
   * anything else.
   */
  createZegoStream(options?: ZegoStreamOptions): Promise<ZegoLocalStream>;
  /**
   * Ends a local stream and its microphone. What is published of it ends with NO_PUBLISH 1103099; stop publishing first.
   *
   * @throws {ZegoError} 1000018: of another engine, or destroyed before
   */
  destroyStream(stream: ZegoLocalStream): void;
  /** Silences what is published of a local stream at once, or lets it be heard; others are told. `false`: no such stream. */
  mutePublishStreamAudio(stream: ZegoLocalStream, mute?: boolean): boolean;
  /** Silences every microphone, of later streams too; other sources go on. `false`: neither true nor false. */
  muteMicrophone(mute: boolean): boolean;
  isMicrophoneMuted(): boolean;
  /** Gain of what is captured, 0 to 200; 100 is as captured. Resolves to 1000018 or 1100001 where it failed. */
  setCaptureVolume(stream: ZegoLocalStream, volume: number): Promise<ZegoServerResponse>;
  /** Captures the same microphone with other processing. Resolves to a code where it failed; the old one goes on then. */
  setAudioConfig(stream: ZegoLocalStream, config: ZegoAudioConfig): Promise<ZegoServerResponse>;
  /**
   * A page has no denoising by a neural network: resolves to 1103081, and to 0 for `false`. Use `setAudioConfig(stream, {ANS: true})`,
   * the browser's own. Also to 1000018 or 1100001.
   */
  enableAiDenoise(stream: ZegoLocalStream, enable: boolean): Promise<ZegoServerResponse>;
  /** As `enableAiDenoise`: resolves to 1103081. */
  setAiDenoiseMode(stream: ZegoLocalStream, mode: number): Promise<ZegoServerResponse>;
  /** Captures another microphone. Resolves to a code where it failed (1103048, 1103066, ...); the old one goes on then. */
  useAudioDevice(stream: ZegoLocalStream, deviceID: string): Promise<ZegoServerResponse>;
  /** Publishes what a local stream captures now. Resolves to 1103086 or 1103087 where it failed. */
  updatePublishingStream(stream: ZegoLocalStream, type?: 0 | 1 | 2): Promise<ZegoServerResponse>;
  /**
   * Mixes up to six media elements or MediaStreams into what is published of a local stream, on top of what is captured and as loud as
   * they are. They are heard while the microphone is muted, at any capture volume; `mutePublishStreamAudio` silences them too.
   *
   * An element goes on to be heard here, and its own `volume` and `muted` count; another site's needs CORS. From then on its sound
   * goes through an audio graph of ours, so `setSinkId` moves it no more. Playing and stopping stay the program's.
   *
   * @returns `false`: nothing was changed, the console says why: a stream that captures nothing, more than six media, or one without
   *   sound
   */
  startMixingAudio(stream: ZegoLocalStream, media: ZegoMixableMedia[]): boolean;
  /** Mixes these in no more; left out: none. `false`: one of them is not mixed in. */
  stopMixingAudio(stream: ZegoLocalStream, media?: ZegoMixableMedia[]): boolean;
  /** How loud it is mixed in, 0 to 100, 100 as it is; left out: all that is. `false`: another volume, or it is not mixed in. */
  setMixingAudioVolume(stream: ZegoLocalStream, volume: number, media?: ZegoMixableMedia | ZegoMixableMedia[]): boolean;
  /**
   * Gives what a local stream captures in frames: before the capture volume and without what is mixed in, silent while it is muted.
   * `null` gives no more of them; another callback takes the place of the one before.
   *
   * Resolves to 1000018 or 1100001 where it failed, and to 1103002 where the browser has no AudioWorklet or cannot resample.
   */
  setCaptureAudioFrameCallback(
    stream: ZegoLocalStream,
    callback: ((frame: ZegoAudioFrame) => void) | null,
    options?: ZegoAudioFrameOptions,
  ): Promise<ZegoServerResponse>;
  /**
   * Tells loudness every `interval`, a whole number of 100 to 3,000 ms, 1,000 by default; another one is logged and ignored. With
   * `enableVAD` also whether somebody speaks: `soundLevelInfoUpdate`, `capturedSoundLevelInfoUpdate`.
   */
  setSoundLevelDelegate(
    isOn: boolean,
    interval?: number,
    options?: { enableVAD?: boolean; enableInBackground?: boolean },
  ): void;

  /** Rejects with 1103011 where the browser lists no devices. */
  enumDevices(): Promise<ZegoDeviceInfos>;
  /** As `enumDevices`. */
  getMicrophones(): Promise<ZegoDeviceInfo[]>;
  /** As `enumDevices`. */
  getSpeakers(): Promise<ZegoDeviceInfo[]>;
  /** Always empty: this is the audio SDK. */
  getCameras(): Promise<ZegoDeviceInfo[]>;
  /**
   * Whether a local stream goes on with another microphone, the default one, when its own is unplugged; where there is none, with the
   * next that is plugged in. Default: `false`: it is silent until its own is back. `camera` is accepted.
   *
   * @throws {ZegoError} 1100001: no object, or neither true nor false
   */
  enableAutoSwitchDevice(option: { microphone?: boolean; camera?: boolean }): void;
  /** Plays a media element, local stream or view on another speaker. Rejects with 1103093. */
  useAudioOutputDevice(media: HTMLMediaElement | ZegoLocalStream | ZegoStreamView, deviceID: string): Promise<boolean>;

  /**
   * Publishes a local stream under an id that nobody else in the AppID uses. `true` says that it was accepted;
   * `publisherStateUpdate` tells what becomes of it.
   *
   * @throws {ZegoError} In this order: 1000015, 1000014, 1000016 a bad streamID; 1103001 a bad option; 1003051 extraInfo too long;
   *   1103044 a stream of another engine; 1103099 one that was destroyed or captures nothing; 1000002 in no room; 1103056
   *   published already
   */
  startPublishingStream(streamID: string, stream: ZegoLocalStream, option?: ZegoPublishOption): boolean;
  /** Publishes no more; NO_PUBLISH with 0 follows. `false`: it was not published. */
  stopPublishingStream(streamID: string): boolean;
  /**
   * Attaches another text to a published stream, at most 1,024 bytes. Rejects: 1003050 empty; 1003051 too long; 1103055 not
   * published; 1000017 the link is away.
   */
  setStreamExtraInfo(streamID: string, extraInfo: string): Promise<ZegoServerResponse>;
  /** The last report; `null` before the first, and for a stream that is not published. */
  getPublishingStreamQuality(streamID: string): ZegoPublishStats | null;

  /**
   * Plays a stream of the AppID. Resolves when the server's answer was applied; the MediaStream stays the same over reconnects.
   * A stream that is not there yet is waited for, for 300 s.
   *
   * Rejects at once: 1000015, 1000014, 1000016 a bad streamID; 1104001 a bad option; 1104045 over 12 streams (`maxChannels`);
   * 1000002 in no room; 1103049 played already. Later, with the NO_PLAY of the same code: 1104039 no such stream; 1104031 no
   * success in time; or the code that ended the room; 1104042 where it was stopped first (the event then says 0).
   */
  startPlayingStream(streamID: string, option?: ZegoPlayOption): Promise<MediaStream>;
  /**
   * Plays no more; NO_PLAY with 0 follows if it was played. Its settings are forgotten, its view stops.
   *
   * @throws {ZegoError} 1000015, 1000014, 1000016: a bad streamID
   */
  stopPlayingStream(streamID: string): void;
  /**
   * What plays a stream that `startPlayingStream` resolved to; one for each stream.
   *
   * @throws {ZegoError} 1100001: no MediaStream
   */
  createRemoteStreamView(stream: MediaStream): ZegoStreamView;
  /**
   * Has the server send no sound of a played stream, or again; kept over reconnects. Rejects: a bad streamID; 1104044 not played;
   * 1000017 the link is away, it is done when it is back; 1100001 neither true nor false.
   */
  mutePlayStreamAudio(streamID: string, mute: boolean): Promise<boolean>;
  /** As `mutePlayStreamAudio`, for all that is and will be played; neither may be on for a stream to be heard. */
  muteAllPlayAudioStreams(mute: boolean): Promise<boolean>;
  /**
   * Gives a played stream in frames, as `setCaptureAudioFrameCallback` does; silent while it is muted here, until it ends. Resolves to
   * a code of a bad streamID, 1104044 not played, 1100001 or 1103002.
   */
  setAudioFrameCallback(
    streamID: string,
    callback: ((frame: ZegoAudioFrame) => void) | null,
    options?: ZegoAudioFrameOptions,
  ): Promise<ZegoServerResponse>;
  /** The last report; `null` before the first, and for a stream that is not played. */
  getPlayingStreamQuality(streamID: string): ZegoPlayStats | null;
}

export default ZegoExpressEngine;
