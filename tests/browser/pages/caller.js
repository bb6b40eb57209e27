// One user of a page: logs in, publishes, plays, listens. For tests that need no more than that of the documented API.

import { hearTone, record as recordStream } from "./hearing.js";

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
const playing = new Map();

/** Logs in; where a `scenario` is given, to a room for that. */
export async function join({ sdk, appID, server, roomID, userID, userName, token, scenario }) {
  const { ZegoExpressEngine } = await import(sdk);
  zg = new ZegoExpressEngine(appID, server, { scenario });
  room = roomID;
  return zg.loginRoom(roomID, token, { userID, userName }, { userUpdate: true });
}

/** Publishes the microphone, as it is; resolves when it is published. */
export async function publish(streamID, extraInfo = "") {
  const stream = await zg.createZegoStream({ camera: { audio: { AEC: false, ANS: false, AGC: false } }, audioBitrate: 48 });
  const published = new Promise((resolve) => {
    zg.on("publisherStateUpdate", (update) => update.state === "PUBLISHING" && resolve());
  });
  zg.startPublishingStream(streamID, stream, extraInfo ? { extraInfo } : {});
  await published;
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
