// The documented call as a typed program: `tsc --noEmit --strict` must find nothing in it.
import ZegoDefault, { codes, ZegoError, ZegoExpressEngine, type ZegoPlayStats } from "../express.js";

export async function call(appID: number, token: string): Promise<ZegoPlayStats | null> {
  const zg: ZegoDefault = new ZegoExpressEngine(appID, "");
  zg.on("roomStateChanged", (roomID, reason, errorCode, extendedData) => {
    if (reason === "KICKOUT") console.log(roomID, errorCode, extendedData);
  });
  zg.on("roomStreamUpdate", async (_roomID, updateType, streamList) => {
    if (updateType !== "ADD") return;
    const remote = await zg.startPlayingStream(streamList[0].streamID, { jitterBufferTarget: 100 });
    zg.createRemoteStreamView(remote).playAudio({ enableAutoplayDialog: true });
  });
  zg.on("publisherStateUpdate", ({ streamID, state }) => console.log(streamID, state === "PUBLISHING"));
  zg.on("soundLevelUpdate", (levels) => levels.forEach(({ soundLevel, type }) => console.log(soundLevel, type)));
  const { webRTC, microphone, errInfo } = await zg.checkSystemRequirements();
  const { result } = await zg.checkSystemRequirements("microphone", 0);
  if (!webRTC || !microphone || !result) throw new Error(JSON.stringify(errInfo));
  try {
    await zg.loginRoom("room", token, { userID: "alice" }, { userUpdate: true });
  } catch (error) {
    if (error instanceof ZegoError && error.errorCode === codes.TOKEN_EXPIRED) console.log(error.msg);
    throw error;
  }
  const local = await zg.createZegoStream({ camera: { audio: { input: "id", AEC: true }, video: false }, audioBitrate: 64 });
  local.on("autoplayFailed", () => void local.resumeAudio());
  local.playAudio();
  zg.startPublishingStream("alice-voice", local, { extraInfo: "{}", enableDTX: true });
  const { messageID } = await zg.sendBroadcastMessage("room", "hello");
  const { errorCode } = await zg.setCaptureVolume(local, 150);
  console.log(messageID.toFixed(), errorCode);
  zg.enableAutoSwitchDevice({ microphone: true });
  const mixed: boolean = zg.startMixingAudio(local, [new Audio("song.mp3"), new MediaStream()]);
  zg.setMixingAudioVolume(local, mixed ? 50 : 0);
  zg.stopMixingAudio(local);
  await zg.setCaptureAudioFrameCallback(local, ({ channels }) => console.log(channels[0].length), { frameSize: 1024 });
  await zg.setAudioFrameCallback("alice-voice", null);
  // @ts-expect-error: there is no such length
  await zg.setAudioFrameCallback("alice-voice", () => {}, { frameSize: 1000 });
  if ((await zg.enableAiDenoise(local, true)).errorCode === codes.AI_DENOISE_UNSUPPORTED)
    await zg.setAudioConfig(local, { ANS: true });
  zg.on("soundLevelInfoUpdate", ([{ streamID, vad }]) => console.log(streamID, vad === 1));
  zg.setSoundLevelDelegate(true, 500, { enableVAD: true });
  zg.setEngineConfig({
    mixingAudioDelay: 100,
    roomRetryTime: 60,
    switchRoomNotStopPlay: true,
    keepRtcWhenSignalDisconnected: false,
  });
  if (!zg.enableMultiRoom(true)) zg.startPublishingStream("alice-voice", local, { roomID: "room" });
  await zg.setRoomExtraInfo("room", "topic", "songs");
  zg.on("roomExtraInfoUpdate", (_roomID, [{ key, value, updateUser }]) => console.log(key, value, updateUser.userID));
  await zg.switchRoom("room", "other", { token, isUserStatusNotify: true });
  const isSet: boolean = zg.setRoomScenario(9);
  console.log(isSet);
  // @ts-expect-error: there is no such scenario
  zg.setRoomScenario(10);
  zg.setSoundLevelDelegate(true, 500);
  // @ts-expect-error: there is no such event
  zg.on("roomStateChange", () => {});
  // @ts-expect-error: this is the audio SDK
  await zg.createZegoStream({ camera: { audio: true, video: true } });
  zg.stopPublishingStream("alice-voice");
  zg.destroyStream(local);
  zg.logoutRoom("room");
  zg.destroyEngine();
  return zg.getPlayingStreamQuality("bob-voice");
}
