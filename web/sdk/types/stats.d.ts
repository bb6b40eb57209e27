// Quality of streams.

/** -1 unknown, 0 excellent, 1 good, 2 medium, 3 bad, 4 very bad or away. */
export type ZegoQualityGrade = -1 | 0 | 1 | 2 | 3 | 4;

/** Quality of a published stream. There is no video part. */
export interface ZegoPublishStats {
  audio: {
    /** Sent payload over the last interval, kbit/s. */
    audioBitrate: number;
    audioCodec: "opus";
    /** Packets that the server reports lost since the start. */
    audioPacketsLost: number;
    /** Fraction lost over the last interval, 0 to 1. */
    audioPacketsLostRate: number;
    /** "1": muted. */
    muteState: "0" | "1";
    /** Packets sent a second. */
    audioFPS: number;
    audioQuality: ZegoQualityGrade;
    /** Round-trip time to the server, ms; `null` while not known. An addition of ours. */
    roundTripTimeMs: number | null;
  };
  /** How the stream arrives at its listeners, as the server told last; `null` while it tells nothing. An addition of ours. */
  listeners: ListenerReport | null;
}

/** How a published stream arrives at its listeners, by their reports to the server. What is not known is `null`. */
export interface ListenerReport {
  /** Listeners that are connected and not paused, whether they report or not. */
  listeners: number;
  /** The greatest fraction lost between the server and a listener, 0 to 1. */
  lossWorst: number | null;
  /** The median of these fractions. */
  lossMedian: number | null;
  /** The greatest mean length of a run of lost packets, in packets. */
  burstWorst: number | null;
  /** The median of these lengths. */
  burstMedian: number | null;
  /** The median round-trip time between server and listener, ms. */
  rttMedianMs: number | null;
  /** The fraction that the server missed of what was sent to it, before any repair, 0 to 1. */
  uplinkLoss: number | null;
  /** The mean length of a run of packets that the server missed. */
  uplinkBurst: number | null;
  /** To how many of the listeners the server sends copies against loss now. */
  copying: number;
}

/** Quality of a played stream. There is no video part. */
export interface ZegoPlayStats {
  audio: {
    /** Received payload over the last interval, kbit/s. */
    audioBitrate: number;
    audioCodec: "opus";
    /** Interarrival jitter, ms (RFC 3550 section 6.4.1). */
    audioJitter: number;
    /** Loudness of what is heard now, 0 to 1. */
    audioLevel: number;
    /** Packets lost since the start. */
    audioPacketsLost: number;
    /** Fraction lost over the last interval, 0 to 1. */
    audioPacketsLostRate: number;
    audioQuality: ZegoQualityGrade;
    audioSamplingRate: 48000;
    /** "1": muted by `mutePlayStreamAudio` or `muteAllPlayAudioStreams`. */
    muteState: "0" | "1";
    /** Packets received a second. */
    audioFPS: number;
    /** Sound given out since the start, ms. */
    audioCumulativeDecodeTime: number;
    /** Breaks since the start, ms: as the browser counts them, or else intervals with more than 200 ms concealed. */
    audioCumulativeBreakTime: number;
    /** Break time over play time, 0 to 1. */
    audioCumulativeBreakRate: number;
    /** Mean delay of the jitter buffer over the last interval, ms. An addition of ours, as all that follow. */
    jitterBufferDelayMs: number;
    /** What the jitter buffer aimed at over the last interval, ms (webrtc-stats, mean of `jitterBufferTargetDelay`). */
    jitterBufferTargetMs: number;
    /** Samples concealed since the start. */
    concealedSamples: number;
    /** Of these, samples of silence or comfort noise. */
    silentConcealedSamples: number;
    /** Runs of concealed samples since the start. */
    concealmentEvents: number;
    /** Samples added since the start to play more slowly. */
    insertedSamplesForDeceleration: number;
    /** Samples taken away since the start to play faster. */
    removedSamplesForAcceleration: number;
    /** Samples given out since the start, the concealed ones included. */
    totalSamplesReceived: number;
    /** Frames that the engine plays though their packet is missing; in a page `null`, for browsers do not tell. */
    recoveredFrames: number | null;
    /** What repaired these in the engine: copies, in-band FEC, DRED. In a page `null`. */
    recovered: { red: number; fec: number; dred: number } | null;
    /** How often the engine's jitter buffer ran empty; in a page `null`. */
    underflows: number | null;
    packetsReceived: number;
    /** Packets that came too late to be played. */
    packetsDiscarded: number;
  };
  /**
   * Half the round-trip time between both users (the server's to each, added) plus the delay of the jitter buffer, ms. Until the
   * server tells the publisher's part it is without it; `undefined` while not known.
   */
  peerToPeerDelay: number | undefined;
  /** Fraction lost between both users; `undefined` while the server does not tell the publisher's. */
  peerToPeerPacketLostRate: number | undefined;
}
