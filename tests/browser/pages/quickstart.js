// The documented flow of a voice call, as its snippets stand in the documents. The few lines marked TEST tell the test what
// happened; the query fills in appID, server, token and the ids.

const query = new URLSearchParams(location.search);
const [appID, server, sdk] = [Number(query.get("appID")), query.get("server"), query.get("sdk")];
const [roomID, userID, token, streamID] = ["roomID", "userID", "token", "streamID"].map((name) => query.get(name));

const { ZegoExpressEngine } = await import(sdk);
const { hearAnything } = await import("./hearing.js");
const seen = (window.seen = []); // TEST
const note = (...words) => seen.push(words.join(" ")); // TEST

// Create the engine.
const zg = new ZegoExpressEngine(appID, server);

// Register callbacks, before the login.
zg.on("roomStateChanged", (roomID, reason, errorCode, extendedData) => {
  if (reason == "LOGINING") {
    // Logging in.
  } else if (reason == "LOGINED") {
    // Only now may streams be published and played.
  } else if (reason == "LOGIN_FAILED") {
    // See errorCode.
  }
  note("roomStateChanged", reason, errorCode, extendedData); // TEST
});
zg.on("roomUserUpdate", (roomID, updateType, userList) => {
  for (let i = 0; i < userList.length; i++) {
    note("roomUserUpdate", updateType, userList[i].userID, userList[i].userName); // TEST
  }
});
zg.on("roomStreamUpdate", async (roomID, updateType, streamList, extendedData) => {
  note("roomStreamUpdate", updateType, streamList.map((stream) => stream.streamID)); // TEST
  if (updateType == "ADD") {
    // A new stream: play it.
    const streamID = streamList[streamList.length - 1].streamID;
    const remoteStream = await zg.startPlayingStream(streamID);
    const remoteView = zg.createRemoteStreamView(remoteStream);
    remoteView.playAudio();
    window.heard = await hearAnything(remoteStream, 20_000); // TEST
  } else if (updateType == "DELETE") {
    // A stream is gone: stop playing it.
    const streamID = streamList[streamList.length - 1].streamID;
    zg.stopPlayingStream(streamID);
  }
});
zg.on("publisherStateUpdate", (result) => {
  note("publisherStateUpdate", result.state, result.errorCode); // TEST
});
zg.on("playerStateUpdate", (result) => {
  note("playerStateUpdate", result.state, result.errorCode); // TEST
});
zg.on("publishQualityUpdate", (streamID, stats) => {
  window.publishQuality = stats; // TEST
});
zg.on("playQualityUpdate", (streamID, stats) => {
  window.playQuality = stats; // TEST
});

// Check the browser.
const result = await zg.checkSystemRequirements();
// webRTC true: WebRTC is there. microphone true: there is one, and it may be used.
window.requirements = result; // TEST

// Log in. userUpdate: true is needed for roomUserUpdate.
await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true }).then((result) => {
  if (result == true) {
    note("login success"); // TEST
  }
});

// Capture and publish.
const localStream = await zg.createZegoStream({ camera: { audio: true, video: false } });
localStream.playAudio();
zg.startPublishingStream(streamID, localStream);

window.leave = () => {
  // Stop publishing and give the microphone back.
  zg.stopPublishingStream(streamID);
  zg.destroyStream(localStream);
  // Leave.
  zg.logoutRoom(roomID);
  zg.destroyEngine();
};
