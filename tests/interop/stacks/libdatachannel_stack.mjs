// libdatachannel publishes a tone by WHIP, or measures what it plays by WHEP. It codes nothing: Opus is libopus's own
// (opusscript), RTP is written and read here.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

import { Audio, PeerConnection, cleanup } from "node-datachannel";
import OpusScript from "opusscript";

import { toneInSamples } from "../../browser/rig/wav.mjs";

const USAGE =
  "libdatachannel_stack.mjs publish|play --base http://127.0.0.1:8080 --token T --stream S --room R [--hz 400] [--seconds 3]";
const RATE = 48_000;
const BLOCK = RATE / 50;
const AMPLITUDE = 0.3;
/** A weaker tone is none. */
const AUDIBLE = 0.01;
const PAYLOAD_TYPE = 109;
const RTP_HEADER = 12;

const interrupted = new Promise((resolve) => process.once("SIGINT", resolve));
const later = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
const say = (words) => console.log(JSON.stringify(words));

/** Sends the offer, takes the answer, waits until media may flow: how long that took, and what ends it. */
async function connect(pc, track, { url, token }) {
  const opened = new Promise((resolve, reject) => {
    track.onOpen(resolve);
    pc.onStateChange((state) => state === "failed" && reject(new Error("the connection failed")));
  });
  const gathered = new Promise((resolve) => pc.onGatheringStateChange((state) => state === "complete" && resolve()));
  pc.setLocalDescription("offer");
  await gathered;
  const began = performance.now();
  const authorization = `Bearer ${token}`;
  const headers = { "Content-Type": "application/sdp", Authorization: authorization };
  const response = await fetch(url, { method: "POST", headers, body: pc.localDescription().sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`POST ${url}: ${response.status} ${answer}`);
  pc.setRemoteDescription(answer, "answer");
  await opened;
  const connect_ms = Math.round(performance.now() - began);
  const leave = async () => {
    const resource = new URL(response.headers.get("Location"), url);
    const { status } = await fetch(resource, { method: "DELETE", headers: { Authorization: authorization } });
    if (status !== 200) throw new Error(`DELETE ${resource}: ${status}`);
    pc.close();
  };
  return { connect_ms, leave };
}

async function publish(wish) {
  const pc = new PeerConnection("publisher", { iceServers: [] });
  const audio = new Audio("audio", "SendOnly");
  audio.addOpusCodec(PAYLOAD_TYPE);
  const ssrc = randomInt(1, 2 ** 32);
  audio.addSSRC(ssrc, "tone", "stream", "track");
  const track = pc.addTrack(audio);
  const { connect_ms, leave } = await connect(pc, track, wish);
  say({ connected: true, connect_ms });
  const stop = speak(track, ssrc, wish.hz);
  await Promise.race([interrupted, later(wish.seconds)]);
  stop();
  await leave();
}

/** Sends a tone in real time until told to stop. */
function speak(track, ssrc, hz) {
  const opus = new OpusScript(RATE, 1, OpusScript.Application.AUDIO);
  const [firstSequence, firstTimestamp, began] = [randomInt(2 ** 16), randomInt(2 ** 32), performance.now()];
  let sent = 0;
  const pace = setInterval(() => {
    for (; sent * 20 <= performance.now() - began; sent++) {
      const header = Buffer.alloc(RTP_HEADER);
      header[0] = 0x80;
      header[1] = PAYLOAD_TYPE | (sent === 0 ? 0x80 : 0);
      header.writeUInt16BE((firstSequence + sent) % 2 ** 16, 2);
      header.writeUInt32BE((firstTimestamp + sent * BLOCK) % 2 ** 32, 4);
      header.writeUInt32BE(ssrc, 8);
      track.sendMessageBinary(Buffer.concat([header, opus.encode(tone(hz, sent * BLOCK), BLOCK)]));
    }
  }, 10);
  return () => clearInterval(pace);
}

/** 20 ms of the tone, from its sample `from` on. */
function tone(hz, from) {
  const pcm = Buffer.alloc(2 * BLOCK);
  const step = (2 * Math.PI * hz) / RATE;
  for (let n = 0; n < BLOCK; n++) pcm.writeInt16LE(Math.round(32_767 * AMPLITUDE * Math.sin(step * (from + n))), 2 * n);
  return pcm;
}

async function play(wish) {
  const pc = new PeerConnection("player", { iceServers: [] });
  const audio = new Audio("audio", "RecvOnly");
  audio.addOpusCodec(PAYLOAD_TYPE);
  const track = pc.addTrack(audio);
  const heard = listen(track, wish.seconds);
  const { connect_ms, leave } = await connect(pc, track, wish);
  const { samples, packets } = await heard;
  await leave();
  const amplitude = Number(toneInSamples(samples, wish.hz).toFixed(4));
  say({ hz: wish.hz, amplitude, packets, connect_ms });
  if (amplitude < AUDIBLE) throw new Error(`the tone of ${wish.hz} Hz is not there`);
}

/** Collects so many seconds of sound. */
function listen(track, seconds) {
  const opus = new OpusScript(RATE, 1, OpusScript.Application.AUDIO);
  const samples = new Int16Array(RATE * seconds);
  let [length, packets] = [0, 0];
  return new Promise((resolve) => {
    track.onMessage((packet) => {
      const payload = payloadOf(packet);
      if (!payload || length === samples.length) return;
      packets += 1;
      // Decoded on the spot: the loopback interface keeps the order.
      const pcm = opus.decode(payload);
      for (let at = 0; at < pcm.length && length < samples.length; at += 2) samples[length++] = pcm.readInt16LE(at);
      if (length === samples.length) resolve({ samples, packets });
    });
  });
}

/** The Opus packet in an RTP packet, past contributing sources and header extensions; null of anything else. RFC 3550 section 5.1. */
function payloadOf(packet) {
  if (packet.length < RTP_HEADER || (packet[1] & 0x7f) !== PAYLOAD_TYPE) return null;
  let at = RTP_HEADER + 4 * (packet[0] & 0x0f);
  if (packet[0] & 0x10) at += 4 + 4 * packet.readUInt16BE(at + 2);
  return packet.subarray(at);
}

/** What it is called with, as every stack. */
function readArguments() {
  const text = { type: "string" };
  const where = { base: text, token: text, stream: text, room: text };
  const options = { ...where, hz: { ...text, default: "400" }, seconds: { ...text, default: "3" } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [role] = positionals;
  if (!["publish", "play"].includes(role) || !values.base || !values.token || !values.stream || !values.room)
    throw new Error(USAGE);
  const protocol = role === "publish" ? "whip" : "whep";
  const url = `${values.base}/${protocol}/${encodeURIComponent(values.stream)}?room=${encodeURIComponent(values.room)}`;
  return { role, url, token: values.token, hz: Number(values.hz), seconds: Number(values.seconds) };
}

try {
  const wish = readArguments();
  await (wish.role === "publish" ? publish(wish) : play(wish));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
// Its threads hold the process otherwise.
cleanup();
process.exit();
