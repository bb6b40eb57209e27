// Plays a stream without asking its user, and asks where the browser forbids that. It reports by console.log: a test that
// called into the page would count as the user's gesture.

const query = new URLSearchParams(location.search);
const word = (name) => query.get(name);
const { ZegoExpressEngine } = await import(word("sdk"));

const zg = new ZegoExpressEngine(Number(word("appID")), word("server"));
await zg.loginRoom(word("roomID"), word("token"), { userID: word("userID") });
const view = zg.createRemoteStreamView(await zg.startPlayingStream(word("streamID")));
view.on("autoplayFailed", () => console.log("autoplayFailed"));
view.on("canPlayAudio", () => console.log("canPlayAudio"));
view.playAudio();
document.getElementById("hear").addEventListener("click", () => view.resumeAudio());
