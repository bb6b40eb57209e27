/**
 * What the browser gives no other way to say than in an SDP: parameters of Opus (RFC 7587 section 6.1), how much sound a packet
 * holds (RFC 8866 section 6.4), and whether Opus is sent alone or in RED (RFC 2198).
 * @module
 */

const OWN = ["stereo", "sprop-stereo", "maxaveragebitrate", "usedtx"];

/** The payload type of `codec` in `lines`; undefined where there is none. */
function payloadType(lines, codec) {
  const rtpmap = lines.find((line) => line.startsWith("a=rtpmap:") && line.toLowerCase().endsWith(` ${codec}/48000/2`));
  return rtpmap?.slice("a=rtpmap:".length).split(" ")[0];
}

/**
 * Sets stereo, maxaveragebitrate and usedtx of Opus and leaves all else as it is.
 * @param {string} sdp
 * @param {{channels: 1 | 2, bitrateKbps?: number, dtx?: boolean}} audio
 * @returns {string}
 */
export function withOpusParameters(sdp, audio) {
  const lines = sdp.split("\r\n");
  const type = payloadType(lines, "opus");
  if (type === undefined) return sdp;
  const head = `a=fmtp:${type} `;
  const index = lines.findIndex((line) => line.startsWith(head));
  const present = index < 0 ? [] : lines[index].slice(head.length).split(";");
  const kept = present.map((part) => part.trim()).filter((part) => part && !OWN.includes(part.split("=")[0].toLowerCase()));
  if (audio.channels === 2) kept.push("stereo=1", "sprop-stereo=1");
  if (audio.bitrateKbps !== undefined) kept.push(`maxaveragebitrate=${audio.bitrateKbps * 1000}`);
  if (audio.dtx) kept.push("usedtx=1");
  if (kept.length === 0) return sdp;
  const line = head + kept.join(";");
  if (index >= 0) lines[index] = line;
  else lines.splice(lines.findIndex((at) => at.startsWith(`a=rtpmap:${type} `)) + 1, 0, line);
  return lines.join("\r\n");
}

/**
 * The same with packets of `ms` wanted for its only media. Chromium and Firefox do as it says.
 * @param {string} sdp
 * @param {number} ms
 * @returns {string}
 */
export function withPacketLength(sdp, ms) {
  const lines = sdp.split("\r\n").filter((line) => !line.startsWith("a=ptime:"));
  const opus = lines.findIndex((line) => line.startsWith(`a=rtpmap:${payloadType(lines, "opus")} `));
  if (opus >= 0) lines.splice(opus, 0, `a=ptime:${ms}`);
  return lines.join("\r\n");
}

/**
 * The same with RED as the first codec of its only media, where it is RED around Opus.
 * @param {string} sdp
 * @returns {string | undefined} `undefined`: it has no such RED
 */
export function withRedFirst(sdp) {
  const lines = sdp.split("\r\n");
  const [red, opus] = [payloadType(lines, "red"), payloadType(lines, "opus")];
  const media = lines.findIndex((line) => line.startsWith("m=audio "));
  if (media < 0 || !red || !lines.some((line) => line.startsWith(`a=fmtp:${red} ${opus}/${opus}`))) return undefined;
  const [kind, port, profile, ...types] = lines[media].split(" ");
  lines[media] = [kind, port, profile, red, ...types.filter((type) => type !== red)].join(" ");
  return lines.join("\r\n");
}
