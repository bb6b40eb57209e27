// One user of a page: logs in, publishes, plays, listens. For tests that need no more than that of the documented API.

import { hearTone, record as recordStream, toneAmplitude, toneElement, toneStream } from "./hearing.js";

const peers = [];
// Before the SDK looks for it.
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(config) {
    super(config);
    peers.push(this);
  }

  /** Where the test has laid a way of its own to the server's UDP port (`wayTo`), all packets take that. */
  async setRemoteDescription({ type, sdp }) {
    return super.setRemoteDescription({ type, sdp: globalThis.wayTo ? await rerouted(sdp) : sdp });
  }
};

async function rerouted(sdp) {
  const [, port] = /^a=candidate:\S+ 1 udp \S+ \S+ (\d+) typ host/m.exec(sdp);
  const way = await globalThis.wayTo(Number(port));
  return sdp.replace(/^a=candidate:\S+ 1 tcp .*\r\n/gm, "").replaceAll(` ${port} typ host`, ` ${way} typ host`);
}

let zg;
let room;
let published;
const playing = new Map();

/** What an application would show of users, streams, players, publishers and the room. */
const NOTABLE = ["roomStateChanged", "roomUserUpdate", "roomStreamUpdate", "publisherStateUpdate", "playerStateUpdate"];
const seen = [];

/** Logs in; where a `scenario` is given, to a room for that. */
export async function join({ sdk, appID, server, roomID, userID, userName, token, scenario }) {
  const { ZegoExpressEngine } = await import(sdk);
  zg = new ZegoExpressEngine(appID, server, { scenario });
  room = roomID;
  for (const event of NOTABLE) zg.on(event, (...args) => seen.push([event, ...args]));
  return zg.loginRoom(roomID, token, { userID, userName }, { userUpdate: true });
}

/** What was told since this was last asked: the names of events and their arguments. */
export function noticed() {
  return seen.splice(0);
}

/** Publishes the microphone, as it is; resolves when it is published. */
export async function publish(streamID, extraInfo = "") {
  published = await zg.createZegoStream({ camera: { audio: { AEC: false, ANS: false, AGC: false } }, audioBitrate: 48 });
  const publishing = new Promise((resolve) => {
    zg.on("publisherStateUpdate", (update) => update.state === "PUBLISHING" && resolve());
  });
  zg.startPublishingStream(streamID, published, extraInfo ? { extraInfo } : {});
  await publishing;
}

/** Mixes a tone into what is published: a MediaStream, or a media element. */
export async function mix(kind, hz) {
  return zg.startMixingAudio(published, [await (kind === "element" ? toneElement(hz) : toneStream(hz))]);
}

/** Mixes nothing into what is published any more. */
export function stopMixing() {
  return zg.stopMixingAudio(published);
}

/** Silences the microphone, or lets it be heard. */
export function muteMicrophone(muted) {
  return zg.muteMicrophone(muted);
}

/**
 * Waits for a tone in the frames of a played stream, or of the microphone where no stream is named, and takes no more of them then.
 *
 * @returns what the frame with the tone looks like, or the newest one where it never came
 */
export async function toneInFrames(streamID, options, hz, ms, least) {
  const set = (callback) =>
    streamID
      ? zg.setAudioFrameCallback(streamID, callback, options)
      : zg.setCaptureAudioFrameCallback(published, callback, options);
  let seen;
  const heard = new Promise((resolve) => {
    setTimeout(resolve, ms);
    set(({ channels, channelCount, sampleRate, lostFrames }) => {
      const scale = channels[0] instanceof Int16Array ? 32_768 : 1;
      const amplitude = toneAmplitude(channels[0], hz, sampleRate) / scale;
      seen = { amplitude, samples: channels.map(({ length }) => length), channelCount, sampleRate, lostFrames };
      if (amplitude >= least) resolve();
    }).then(({ errorCode, extendedData }) => {
      if (errorCode === 0) return;
      seen = { errorCode, extendedData };
      resolve();
    });
  });
  await heard;
  await set(null);
  return seen;
}

/** Plays a stream through the loudspeaker; resolves when it plays, though it may be published later. */
export async function play(streamID) {
  const stream = await zg.startPlayingStream(streamID);
  zg.createRemoteStreamView(stream).playAudio();
  playing.set(streamID, stream);
}

/** Amplitude of a tone in a played stream; waits for it to come. */
export function amplitude(streamID, hz, ms, least) {
  return hearTone(playing.get(streamID), hz, ms, least);
}

/** What is heard of a played stream, as base64 of 48 kHz mono PCM. */
export function record(streamID, seconds) {
  return recordStream(playing.get(streamID), seconds);
}

/** Sends a text to everybody else in the room. */
export function broadcast(text) {
  return zg.sendBroadcastMessage(room, text);
}

/** The last `playQualityUpdate` of a stream. */
export function quality(streamID) {
  return zg.getPlayingStreamQuality(streamID);
}

/** The ways that packets take, of each open connection: the chosen candidates, `{local, remote}` as statistics have them. */
export function ways() {
  const open = peers.filter(({ connectionState }) => connectionState === "connected");
  return Promise.all(open.map(async (peer) => wayOf(await peer.getStats())));
}

function wayOf(stats) {
  const transport = [...stats.values()].find(({ type }) => type === "transport");
  const pair = stats.get(transport.selectedCandidatePairId);
  const shown = ({ candidateType, protocol, relayProtocol, port }) => ({ candidateType, protocol, relayProtocol, port });
  return { local: shown(stats.get(pair.localCandidateId)), remote: shown(stats.get(pair.remoteCandidateId)) };
}
