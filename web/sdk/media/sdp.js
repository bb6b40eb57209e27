/**
 * Opus parameters in an SDP (RFC 7587 section 6.1): the only thing of it that the browser gives no other way to say.
 * @module
 */

const OWN = ["stereo", "sprop-stereo", "maxaveragebitrate", "usedtx"];

/** The payload type of Opus in `lines`; undefined where there is none. */
function opusPayloadType(lines) {
  const rtpmap = lines.find((line) => /^a=rtpmap:\d+ opus\/48000\/2$/i.test(line));
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
  const type = opusPayloadType(lines);
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
