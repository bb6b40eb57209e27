// What calls take and events bring.

/** What a call that does not reject resolves to. */
export interface ZegoServerResponse {
  /** 0: done. */
  errorCode: number;
  /** A text for people, or the JSON that the call describes. */
  extendedData?: string;
}

/** A user. */
export interface ZegoUser {
  /** At most 64 bytes; must be the one that the token was made for. */
  userID: string;
  /** To show to others, at most 256 bytes; left out or empty: the userID is shown. */
  userName?: string;
}

/** What `loginRoom` takes beside who and where. */
export interface ZegoRoomConfig {
  /** Whether `roomUserUpdate` is wanted. Default: `false`. */
  userUpdate?: boolean;
  /** Most users in the room, counted if this login creates it; 0, the default, is no limit. */
  maxMemberCount?: number;
  /**
   * Who plays a stream of the room hears it while it is one of so many loudest, counted if this login creates the room; 0, the
   * default, is always. An addition of ours.
   */
  loudestStreams?: number;
}

/** A stream of another user in the room. */
export interface ZegoStreamList {
  streamID: string;
  user: { userID: string; userName: string };
  /** What its publisher attached to it, "" for nothing. */
  extraInfo: string;
}

/** What is attached to a room. */
export interface ZegoRoomExtraInfo {
  key: string;
  value: string;
  updateUser: { userID: string; userName: string };
  /** When the server took it, Unix time in milliseconds. */
  updateTime: number;
}

/** Why the state of a room changed. */
export type ZegoRoomStateChangedReason =
  | "LOGINING"
  | "LOGINED"
  | "LOGIN_FAILED"
  | "RECONNECTING"
  | "RECONNECTED"
  | "RECONNECT_FAILED"
  | "KICKOUT"
  | "LOGOUT"
  | "LOGOUT_FAILED";

/** What becomes of a published stream. */
export interface ZegoPublisherState {
  streamID: string;
  /** NO_PUBLISH with a code other than 0 is final: nothing is tried any more. */
  state: "NO_PUBLISH" | "PUBLISH_REQUESTING" | "PUBLISHING";
  /** 0; with PUBLISH_REQUESTING why it is tried again, with NO_PUBLISH why it ended. */
  errorCode: number;
  extendedData: string;
}

/** What becomes of a played stream. */
export interface ZegoPlayerState {
  streamID: string;
  /** NO_PLAY with a code other than 0 is final: nothing is tried any more. */
  state: "NO_PLAY" | "PLAY_REQUESTING" | "PLAYING";
  /** 0; with PLAY_REQUESTING why it is tried again, with NO_PLAY why it ended. */
  errorCode: number;
  extendedData: string;
}

/** One stream's loudness. */
export interface ZegoSoundLevelInfo {
  streamID: string;
  /** 0 to 100; speech is usually over 10. */
  soundLevel: number;
  /** "push": published, "pull": played. */
  type: "push" | "pull";
}

/** As `ZegoSoundLevelInfo`, and whether it is a voice; an event of the native SDKs. */
export interface ZegoSoundLevelVadInfo extends ZegoSoundLevelInfo {
  /** 1: somebody speaks, or there is music; 0: noise or silence. */
  vad: 0 | 1;
}

/** A message to everybody in the room. */
export interface ZegoBroadcastMessageInfo {
  fromUser: { userID: string; userName: string };
  message: string;
  /** Unix time by the server's clock. */
  sendTime: number;
  /** Ascends within the room. */
  messageID: number;
}

/** A message that may be lost. */
export interface ZegoBarrageMessageInfo {
  fromUser: { userID: string; userName: string };
  message: string;
  /** Unix time by the server's clock. */
  sendTime: number;
  messageID: string;
}

/** A microphone or a speaker. Both are empty texts before the user has allowed a microphone. */
export interface ZegoDeviceInfo {
  deviceName: string;
  deviceID: string;
}

/** All devices. */
export interface ZegoDeviceInfos {
  microphones: ZegoDeviceInfo[];
  speakers: ZegoDeviceInfo[];
  /** Always empty: this is the audio SDK. */
  cameras: ZegoDeviceInfo[];
}

/** Why something is not there. */
export interface ZegoCapabilityError {
  code: number;
  message: string;
}

/** What this browser can do. */
export interface ZegoCapabilityDetection {
  /** WebRTC with Opus: nothing works without it. */
  webRTC: boolean;
  /** Media elements can be published. */
  customCapture: boolean;
  /** Always `false`: this is the audio SDK. */
  camera: boolean;
  /** A microphone is there and allowed. The user may be asked. */
  microphone: boolean;
  /** The sound of a screen or tab can be published. */
  screenSharing: boolean;
  /** All `false`: this is the audio SDK. */
  videoCodec: { H264: boolean; H265: boolean; VP8: boolean; VP9: boolean };
  /** Why, by the name of what is missing. */
  errInfo: { [requirement: string]: ZegoCapabilityError };
}

/** What can be looked for alone. */
export type ZegoCapabilityType =
  "webRTC" | "customCapture" | "camera" | "microphone" | "screenSharing" | "H264" | "H265" | "VP8";

/** Some sound of a stream. */
export interface ZegoAudioFrame {
  /**
   * The samples of each channel, `frameSize` of them: -1 to 1 (`bitDepth` 32, the default), or -32,767 to 32,767 (16). They are the
   * callback's to keep.
   */
  channels: Float32Array[] | Int16Array[];
  channelCount: 1 | 2;
  /** Hz. */
  sampleRate: number;
  /** Frames that were lost so far since the page was too busy to take them. An addition of ours. */
  lostFrames: number;
}
