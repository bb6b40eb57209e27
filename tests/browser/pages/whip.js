// WHIP and WHEP by plain fetch: what a page does that uses no SDK.

import { hearTone, toneStream } from "./hearing.js";

/** Longer than what is measured at a time. */
const SETTLED_MS = 500;

const resources = [];

/** Publishes a tone of amplitude 0.5. */
export async function publish(url, token, hz) {
  const pc = new RTCPeerConnection();
  const [track] = (await toneStream(hz)).getAudioTracks();
  pc.addTransceiver(track, { direction: "sendonly" });
  await exchange(pc, url, token);
}

/** Plays, and gives the amplitude of the tone: half a second after it reached `least`, or after `ms`. */
export async function play(url, token, hz, ms, least) {
  const pc = new RTCPeerConnection();
  const { receiver } = pc.addTransceiver("audio", { direction: "recvonly" });
  const stream = new MediaStream([receiver.track]);
  // Chromium decodes nothing for Web Audio alone.
  const speaker = new Audio();
  speaker.srcObject = stream;
  await exchange(pc, url, token);
  await speaker.play();
  // What is loud enough first is the tone's beginning, with silence before it.
  await hearTone(stream, hz, ms, least);
  return hearTone(stream, hz, SETTLED_MS, Infinity);
}

/** Begins the ICE session of the newest connection anew by PATCH; the page's new user fragment. */
export async function restartIce() {
  const { pc, location, headers } = resources.at(-1);
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  const offer = pc.localDescription.sdp;
  const body =
    offer
      .split("\r\n")
      .filter((line) => /^a=ice-(ufrag|pwd):/.test(line))
      .slice(0, 2)
      .join("\r\n") + "\r\n";
  const type = { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" };
  const response = await fetch(location, { method: "PATCH", headers: { ...headers, ...type }, body });
  const fragment = await response.text();
  if (response.status !== 200) throw new Error(`PATCH: ${response.status} ${fragment}`);
  const ours = (key) => fragment.match(new RegExp(`a=ice-${key}:(.*)`))[1].trim();
  const sdp = pc.currentRemoteDescription.sdp
    .replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${ours("ufrag")}`)
    .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${ours("pwd")}`);
  await pc.setRemoteDescription({ type: "answer", sdp });
  return offer.match(/a=ice-ufrag:(.*)/)[1].trim();
}

/** The user fragment of the candidate that the newest connection sends from: a pair that was given up may still say "succeeded". */
export async function sendingFragment() {
  const { pc } = resources.at(-1);
  const before = await pc.getStats();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const now = await pc.getStats();
  const growth = ({ id, bytesSent }) => bytesSent - (before.get(id)?.bytesSent ?? 0);
  const [busiest] = [...now.values()].filter(({ type }) => type === "candidate-pair").sort((a, b) => growth(b) - growth(a));
  return now.get(busiest?.localCandidateId)?.usernameFragment;
}

/** Ends all that was begun; the statuses. */
export function leave() {
  const ended = resources.splice(0).map(async ({ pc, location, headers }) => {
    const { status } = await fetch(location, { method: "DELETE", headers });
    pc.close();
    return status;
  });
  return Promise.all(ended);
}

async function exchange(pc, url, token) {
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { Authorization: `Bearer ${token}` };
  const type = { "Content-Type": "application/sdp" };
  const response = await fetch(url, { method: "POST", headers: { ...headers, ...type }, body: pc.localDescription.sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`POST: ${response.status} ${answer}`);
  const location = new URL(response.headers.get("Location"), url).href;
  resources.push({ pc, location, headers });
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  await new Promise((resolve, reject) => {
    const look = () => {
      if (pc.connectionState === "connected") resolve();
      if (pc.connectionState === "failed") reject(new Error("the connection failed"));
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}
