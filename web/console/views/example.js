/** The example program on the start page: the documented call flow, with this server's address in it. */

import { byId } from "./dom.js";

/** @param {string} origin Of this page. */
export function showExample(origin) {
  byId("example").textContent = `import ZegoExpressEngine from "${origin}/sdk/express.js";

const zg = new ZegoExpressEngine(1, "${origin}");
zg.on("roomStreamUpdate", async (roomID, type, streams) => {
  if (type !== "ADD") return;
  for (const { streamID } of streams) {
    const remote = await zg.startPlayingStream(streamID);
    zg.createRemoteStreamView(remote).playAudio();
  }
});
await zg.loginRoom("demo", token, { userID: "alice" });
const local = await zg.createZegoStream({
  camera: { audio: true, video: false },
});
zg.startPublishingStream("alice-voice", local);`;
}
