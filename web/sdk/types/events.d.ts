import type {
  ZegoBarrageMessageInfo,
  ZegoBroadcastMessageInfo,
  ZegoDeviceInfo,
  ZegoPlayerState,
  ZegoPublisherState,
  ZegoRoomExtraInfo,
  ZegoRoomStateChangedReason,
  ZegoSoundLevelInfo,
  ZegoSoundLevelVadInfo,
  ZegoStreamList,
} from "./data.js";
import type { ZegoPlayStats, ZegoPublishStats, ZegoQualityGrade } from "./stats.js";

/** The documented events, with what their listeners get. */
export interface ZegoEvents {
  /** The state of the room changed. Register before `loginRoom`. */
  roomStateChanged(roomID: string, reason: ZegoRoomStateChangedReason, errorCode: number, extendedData: string): void;
  /** The older twin of `roomStateChanged`; both are told together. */
  roomStateUpdate(
    roomID: string,
    state: "DISCONNECTED" | "CONNECTING" | "CONNECTED",
    errorCode: number,
    extendedData: string,
  ): void;
  /** Others came or went, after a login with `userUpdate`: first those who are there, then each change. Never the client itself. */
  roomUserUpdate(roomID: string, updateType: "ADD" | "DELETE", userList: { userID: string; userName: string }[]): void;
  /**
   * Streams of others came or went: first those that are there, then each change. On DELETE `extendedData` is
   * `{"stream_delete_reason":[{stream_id, code, description}]}`.
   */
  roomStreamUpdate(roomID: string, updateType: "ADD" | "DELETE", streamList: ZegoStreamList[], extendedData: string): void;
  /** A publisher attached another text; also told behind `roomStreamUpdate` ADD for each stream that has one. */
  streamExtraInfoUpdate(roomID: string, streamList: ZegoStreamList[]): void;
  /** Another user attached something else to the room; also told after the login, of what is there. A room has one key. */
  roomExtraInfoUpdate(roomID: string, roomExtraInfoList: ZegoRoomExtraInfo[]): void;
  /** Users in the room, this one included: at login, and about every 30 s. */
  roomOnlineUserCountUpdate(roomID: string, count: number): void;
  /** The token ends in 30 s, or in less: call `renewToken`. Once for each token. */
  tokenWillExpire(roomID: string, remainTimeInSecond: number): void;
  IMRecvBroadcastMessage(roomID: string, messages: ZegoBroadcastMessageInfo[]): void;
  IMRecvBarrageMessage(roomID: string, messages: ZegoBarrageMessageInfo[]): void;
  IMRecvCustomCommand(roomID: string, fromUser: { userID: string; userName: string }, command: string): void;
  publisherStateUpdate(state: ZegoPublisherState): void;
  playerStateUpdate(state: ZegoPlayerState): void;
  /** Every 3 s while publishing. */
  publishQualityUpdate(streamID: string, stats: ZegoPublishStats): void;
  /** Every 3 s while playing. */
  playQualityUpdate(streamID: string, stats: ZegoPlayStats): void;
  /**
   * Every 3 s while something is published or played: first the client's own with the userID "", then that of each user whose
   * stream is played. -1 where nothing is published (up) or played (down), or a report is missing.
   */
  networkQuality(userID: string, upstreamQuality: ZegoQualityGrade, downstreamQuality: ZegoQualityGrade): void;
  /** After `setSoundLevelDelegate(true)`: what is published, then what is played; not while there is neither. */
  soundLevelUpdate(soundLevels: ZegoSoundLevelInfo[]): void;
  /** After `setSoundLevelDelegate(true)`: the loudest local stream, 0 to 100. */
  capturedSoundLevelUpdate(soundLevel: number): void;
  /** The twin of `soundLevelUpdate`, told behind it, where `enableVAD` was asked for. */
  soundLevelInfoUpdate(soundLevels: ZegoSoundLevelVadInfo[]): void;
  /** The twin of `capturedSoundLevelUpdate`, told behind that, likewise. `vad`: whether there is a voice in any local stream. */
  capturedSoundLevelInfoUpdate(soundLevelInfo: { soundLevel: number; vad: 0 | 1 }): void;
  /** A publisher muted or opened its stream; also told for a stream that comes muted. */
  remoteMicStatusUpdate(streamID: string, status: "OPEN" | "MUTE"): void;
  /** A device came or went, once the user has allowed a microphone. */
  audioDeviceStateChanged(updateType: "ADD" | "DELETE", deviceType: "Input" | "Output", deviceInfo: ZegoDeviceInfo): void;
  /**
   * The microphone of a published stream ended: 1006006 it was unplugged, 1106009 for another reason; 1106007 it is back within 2 s: its
   * plug is loose. The stream is silent until that microphone, or another by `enableAutoSwitchDevice`, is captured anew.
   */
  deviceError(errorCode: number, deviceName: string): void;
  /** A played stream has another track, after a new connection. Its MediaStream is the same. */
  playerAudioTrackUpdate(streamID: string, track: MediaStreamTrack): void;
  /**
   * Something is wrong with the sound of a stream for two quality reports in a row, or is right again. Each is told once: 1002 a
   * microphone captures silence, 1005 less than half of what was asked for is sent, 1006 what is received is silent, 1007 what is
   * received cannot be decoded; 2002, 2005, 2006, 2007 when that is over. Where the browser does not tell what it captures and aims at
   * (Firefox), there is neither 1002 nor 1005.
   */
  exceptionUpdate(streamID: string, detail: { code: number; message: string }): void;
  /** Accepted, never told. */
  recvRoomTransparentMessage(roomID: string, message: unknown): void;
  /** Accepted, never told. */
  recvExperimentalAPI(result: unknown): void;
}
