import type { ZegoCustomAudioOptions, ZegoMicrophoneOptions } from "./options.js";

/** The documented events of a local stream. */
export interface ZegoLocalStreamEvents {
  /** The browser wants a gesture of the user before it plays `playAudio`; it does so with the next one by itself. */
  autoplayFailed(): void;
  /** `playAudio` is heard. */
  canPlayAudio(): void;
  /** As `autoplayFailed`, for `playCaptureAudio`. */
  autoplayCaptureFailed(): void;
  /** `playCaptureAudio` is heard. */
  canPlayCaptureAudio(): void;
  /** What is published has another track. */
  audioTrackChanged(track: MediaStreamTrack): void;
  /** What is captured has another track. */
  captureAudioTrackChanged(track: MediaStreamTrack): void;
}

/** A local stream, made by `createZegoStream`. */
export class ZegoLocalStream {
  private constructor();
  /** Names it within the page. */
  readonly id: string;
  /** Whether it captures something and was not destroyed. */
  readonly active: boolean;
  /** What is published. */
  readonly stream: MediaStream;
  /** What is captured. */
  readonly audioCaptureStream: MediaStream;
  /** The deviceID of the microphone, "" where there is none. */
  readonly audioDeviceId: string;
  /** Adds a listener. `false`: there is no such event. */
  on<E extends keyof ZegoLocalStreamEvents>(event: E, listener: ZegoLocalStreamEvents[E]): boolean;
  /** Takes a listener away, or all of the event. `false`: there is no such event. */
  off<E extends keyof ZegoLocalStreamEvents>(event: E, listener?: ZegoLocalStreamEvents[E]): boolean;
  /** Plays here what is published. The documented options concern a dialog that this SDK does not show. */
  playAudio(options?: object): void;
  stopAudio(): void;
  /** Plays here what is captured. */
  playCaptureAudio(): void;
  stopPlayCaptureAudio(): void;
  /** Plays what the browser blocked; call it from a click or a key. Resolves to whether sound comes out. */
  resumeAudio(): Promise<boolean>;
  /** How loud it is played here, 0 to 100. `false`: anything else. */
  setVolume(volume: number): boolean;
  /** Plays on another speaker. Rejects with 1103093. */
  useAudioOutputDevice(deviceID: string): Promise<boolean>;
  /** Captures a microphone; a stream that is published sends it after `updatePublishingStream`. Rejects as `createZegoStream`. */
  startCaptureMicrophone(options?: ZegoMicrophoneOptions): Promise<MediaStream>;
  /** Captures what the program brings, likewise. */
  startCaptureCustomAudio(options: ZegoCustomAudioOptions): Promise<MediaStream>;
  /** Captures no more. `false`: nothing was captured. */
  stopCaptureAudio(): boolean;
}

/** The documented events of a view. */
export interface ZegoStreamViewEvents {
  /** The browser wants a gesture of the user before it plays; it does so with the next one by itself. */
  autoplayFailed(): void;
  /** Sound comes out. */
  canPlayAudio(): void;
}

/** Plays a stream through an element of its own; made by `createRemoteStreamView`. */
export class ZegoStreamView {
  private constructor();
  /** Adds a listener. `false`: there is no such event. */
  on<E extends keyof ZegoStreamViewEvents>(event: E, listener: ZegoStreamViewEvents[E]): boolean;
  /** Takes a listener away, or all of the event. `false`: there is no such event. */
  off<E extends keyof ZegoStreamViewEvents>(event: E, listener?: ZegoStreamViewEvents[E]): boolean;
  /** Plays the sound. The documented options concern a dialog that this SDK does not show. */
  playAudio(options?: object): void;
  /** Plays the sound; the documented container would hold the picture, and there is none. */
  play(container?: string | HTMLElement, options?: object): void;
  stop(): void;
  stopAudio(): void;
  /** Plays what the browser blocked; call it from a click or a key. Resolves to whether sound comes out. */
  resume(): Promise<boolean>;
  /** The same as `resume`. */
  resumeAudio(): Promise<boolean>;
  /** 0 to 100. `false`: anything else. */
  setVolume(volume: number): boolean;
  /** Plays on another speaker. Rejects with 1103093. */
  useAudioOutputDevice(deviceID: string): Promise<boolean>;
}
