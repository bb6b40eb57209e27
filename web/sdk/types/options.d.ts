// Options of calls.

/** Processing. What is left out is the scenario's (`setRoomScenario`) or the browser's to decide; a screen has AEC, and no ANS and AGC. */
export interface ZegoAudioConfig {
  /** Noise suppression. */
  ANS?: boolean;
  /** Automatic gain control. */
  AGC?: boolean;
  /** Echo cancellation. */
  AEC?: boolean;
}

/** A microphone, and how to capture it. */
export interface ZegoMicrophoneOptions extends ZegoAudioConfig {
  /** The deviceID of `getMicrophones`; left out: the default one. */
  input?: string;
  channelCount?: 1 | 2;
}

/** A sound that the program brings. It keeps its own: what is stopped and muted here is a copy. */
export interface ZegoCustomAudioOptions {
  source: MediaStream | HTMLMediaElement;
  channelCount?: 1 | 2;
}

/** What can be mixed into a stream. */
export type ZegoMixableMedia = MediaStream | HTMLMediaElement;

/** What to capture: at most one of `camera`, `screen` and `custom`; none is the default microphone. */
export interface ZegoStreamOptions extends ZegoAudioConfig {
  /** A microphone. `video: true` is refused: this is the audio SDK. */
  camera?: { audio?: boolean | ZegoMicrophoneOptions; video?: false };
  /** The sound of a tab, window or screen that the user chooses; the picture is dropped. */
  screen?: { audio: true | (ZegoAudioConfig & { channelCount?: 1 | 2 }); video?: false };
  /** A MediaStream or a media element. */
  custom?: { audio: ZegoCustomAudioOptions };
  /** Whole kbit/s when published, 6 to 510. Default: 48, or as the scenario says. */
  audioBitrate?: number;
  /** Default: 1, or as the scenario says. */
  channelCount?: 1 | 2;
  /** `false`: capture nothing until `startCaptureMicrophone` or `startCaptureCustomAudio`. */
  autoCapture?: boolean;
}

/** How frames of sound are to be. */
export interface ZegoAudioFrameOptions {
  /** Samples of each channel. Default: 4,096. What was said first of a stream stays for its life. */
  frameSize?: 256 | 512 | 1024 | 2048 | 4096 | 8192 | 16384;
  /** Hz. Default: 48,000. */
  sampleRate?: 8000 | 16000 | 22050 | 24000 | 32000 | 44100 | 48000;
  /** Default: 1. */
  channelCount?: 1 | 2;
  /** 32: floating point, the default. 16: whole numbers. */
  bitDepth?: 32 | 16;
}

/** Options of `startPublishingStream`. */
export interface ZegoPublishOption {
  /** A text that others get with the stream, at most 1,024 bytes. */
  extraInfo?: string;
  /** Send next to nothing during silence. Default: `false`. */
  enableDTX?: boolean;
  /** The room to publish in: needed after `enableMultiRoom(true)`, else the room that is logged in to. */
  roomID?: string;
}

/** Options of `startPlayingStream`. */
export interface ZegoPlayOption {
  /**
   * Least delay of the jitter buffer, more than 0 and at most 4,000 ms, where the browser takes it. While the server adds copies
   * against loss it is at least as long as the farthest of them takes.
   */
  jitterBufferTarget?: number;
  /** Takes `jitterBufferTarget` away, and does not wait for the copies that the server adds against loss. Default: `false`. */
  enableLowLatency?: boolean;
  /**
   * To hear the stream only while it is one of so many loudest of its room; 0: always. Default: as the room has it
   * (`loudestStreams`). An addition of ours.
   */
  loudest?: number;
  /**
   * The room to play through, after `enableMultiRoom(true)`. Default: the one that lists the stream, else the first that is logged
   * in.
   */
  roomID?: string;
}

/**
 * What a room is used for: 3 default, 4 standard and 5 high video call, 6 standard and 7 high quality chatroom, 8 broadcast, 9
 * karaoke.
 */
export type ZegoScenario = 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** Options of the constructor. Others that the documents name are accepted. */
export interface ZegoEngineOptions {
  /** As `setRoomScenario`. Default: 3. */
  scenario?: ZegoScenario;
  /** Times in ms other than those of `base/timings.js`, such as `reconnectingDebounceMs`. For tests; an addition of ours. */
  timings?: { [name: string]: number };
  [other: string]: unknown;
}

/** What `setEngineConfig` changes, from the next login, stream or report on. */
export interface ZegoEngineConfig {
  /** How long a login or a reconnect is tried, 1 to 3,600 s. Default: 300. */
  roomRetryTime?: number;
  /** How long a stream is tried, 1 to 3,600 s. Default: 300. */
  streamRetryTime?: number;
  /** Most streams played at once, 1 to 50. Default: 12. */
  maxChannels?: number;
  /** Between two `publishQualityUpdate`, at least 1,000 ms. Default: 3,000. */
  publishQualityInterval?: number;
  /** Between two `playQualityUpdate`, at least 1,000 ms. Default: 3,000. */
  playQualityInterval?: number;
  /** Whether what is played goes on when `switchRoom` leaves its room. Default: `false`. */
  switchRoomNotStopPlay?: boolean;
  /**
   * Whether sound goes on while the signalling connection is away. Default: `true`. `false`: from RECONNECTING on nothing is sent and
   * nothing is played (PUBLISH_REQUESTING 1103050, PLAY_REQUESTING 1104029), until the connection is back.
   */
  keepRtcWhenSignalDisconnected?: boolean;
  /** How long what is mixed in is held back, 0 to 1,000 ms, in streams made from then on. Default: 0. */
  mixingAudioDelay?: number;
}
