// libdatachannel publishes a tone by WHIP, or records what it plays by WHEP. It codes nothing: Opus is libopus's own
// (opusscript), RTP is written and read here.
//
// publish URL TOKEN HZ: until SIGINT; play URL TOKEN WAV SECONDS: of sound, then it ends.

import { randomInt } from "node:crypto";

import { Audio, PeerConnection, cleanup } from "node-datachannel";
import OpusScript from "opusscript";

import { writeWav } from "../../browser/rig/wav.mjs";

const RATE = 48_000;
const BLOCK = RATE / 50;
const AMPLITUDE = 0.3;
const PAYLOAD_TYPE = 109;
const RTP_HEADER = 12;

const interrupted = new Promise((resolve) => process.once("SIGINT", resolve));

/** Sends the offer, takes the answer; resolves when media may flow. */
async function connect(pc, track, url, token) {
  const opened = new Promise((resolve) => track.onOpen(resolve));
  const gathered = new Promise((resolve) => pc.onGatheringStateChange((state) => state === "complete" && resolve()));
  pc.setLocalDescription("offer");
  await gathered;
  const authorization = `Bearer ${token}`;
  const headers = { "Content-Type": "application/sdp", Authorization: authorization };
  const response = await fetch(url, { method: "POST", headers, body: pc.localDescription().sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`POST ${url}: ${response.status} ${answer}`);
  pc.setRemoteDescription(answer, "answer");
  await opened;
  console.log("connected");
  const resource = new URL(response.headers.get("Location"), url);
  return async () => {
    const { status } = await fetch(resource, { method: "DELETE", headers: { Authorization: authorization } });
    if (status !== 200) throw new Error(`DELETE: ${status}`);
    pc.close();
  };
}

async function publish(url, token, hz) {
  const pc = new PeerConnection("publisher", { iceServers: [] });
  const audio = new Audio("audio", "SendOnly");
  audio.addOpusCodec(PAYLOAD_TYPE);
  const ssrc = randomInt(1, 2 ** 32);
  audio.addSSRC(ssrc, "tone", "stream", "track");
  const track = pc.addTrack(audio);
  const leave = await connect(pc, track, url, token);
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
  await interrupted;
  clearInterval(pace);
  await leave();
}

function tone(hz, from) {
  const pcm = Buffer.alloc(2 * BLOCK);
  for (let n = 0; n < BLOCK; n++) pcm.writeInt16LE(Math.round(32_767 * AMPLITUDE * Math.sin((2 * Math.PI * hz * (from + n)) / RATE)), 2 * n);
  return pcm;
}

async function play(url, token, wav, seconds) {
  const pc = new PeerConnection("player", { iceServers: [] });
  const audio = new Audio("audio", "RecvOnly");
  audio.addOpusCodec(PAYLOAD_TYPE);
  const track = pc.addTrack(audio);
  const opus = new OpusScript(RATE, 1, OpusScript.Application.AUDIO);
  const blocks = [];
  let length = 0;
  const heard = new Promise((resolve) => {
    track.onMessage((packet) => {
      const payload = payloadOf(packet);
      if (!payload) return;
      // Decoded on the spot: the loopback interface keeps the order.
      const pcm = opus.decode(payload);
      blocks.push(pcm);
      length += pcm.length;
      if (length >= 2 * RATE * seconds) resolve();
    });
  });
  const leave = await connect(pc, track, url, token);
  await heard;
  writeWav(wav, Buffer.concat(blocks));
  await leave();
  console.log("recorded");
}

/** The Opus packet in an RTP packet, past contributing sources and header extensions; null of anything else. RFC 3550 section 5.1. */
function payloadOf(packet) {
  if (packet.length < RTP_HEADER || (packet[1] & 0x7f) !== PAYLOAD_TYPE) return null;
  let at = RTP_HEADER + 4 * (packet[0] & 0x0f);
  if (packet[0] & 0x10) at += 4 + 4 * packet.readUInt16BE(at + 2);
  return packet.subarray(at);
}

const [role, url, token, ...rest] = process.argv.slice(2);
await (role === "publish" ? publish(url, token, Number(rest[0])) : play(url, token, rest[0], Number(rest[1])));
cleanup();
process.exit(0);
