/** The panel of this user's own sound: devices, preview, publishing, mute. */

import { byId, setLevel, setPressed, setText, syncList } from "./dom.js";

/**
 * @param {import("../session/session.js").Session} session
 * @param {() => {appID: number, server: string}} where Where the join form points to: preview works before joining.
 */
export function showSound(session, where) {
  const { capture } = session;
  const open = () =>
    session
      .attempt("Could not open the microphone", () => session.engine ?? session.prepare(where()))
      .then((engine) => engine && capture.start(wish()));

  byId("preview").addEventListener("click", () => (capture.stream ? capture.stop() : void open()));
  byId("hear-myself").addEventListener("click", () => capture.listen(!capture.listening));
  byId("mute").addEventListener("click", () => capture.mute(!capture.muted));
  byId("publish-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (capture.published.state !== "NO_PUBLISH") capture.unpublish();
    else if (await open()) await capture.publish(streamID(session), byId("extra-info").value);
  });
  listenToSettings(session);
  session.addEventListener("capture", () => show(session));
  session.addEventListener("room", () => show(session));
  session.addEventListener("levels", () => setLevel(byId("capture-level"), capture.level));
  session.addEventListener("devices", () => void listDevices(session));
}

function listenToSettings(session) {
  const { capture } = session;
  byId("microphone").addEventListener("change", (event) => void capture.useMicrophone(event.target.value));
  byId("speaker").addEventListener("change", (event) => session.useSpeaker(event.target.value));
  byId("processing").addEventListener("change", ({ target }) => void capture.setProcessing({ [target.name]: target.checked }));
  byId("capture-volume").addEventListener("input", (event) => {
    setText(byId("capture-volume-value"), `${event.target.value} %`);
    void capture.setVolume(event.target.valueAsNumber);
  });
  byId("extra-info-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void capture.setExtraInfo(byId("extra-info").value);
  });
  byId("user").addEventListener("input", suggestStreamID);
  suggestStreamID();
}

/** What is to be captured, as the panel says. */
function wish() {
  const boxes = [...byId("processing").querySelectorAll("input")];
  return { input: byId("microphone").value, ...Object.fromEntries(boxes.map((box) => [box.name, box.checked])) };
}

function suggestStreamID() {
  byId("stream-id").placeholder = `${byId("user").value.trim()}-voice`;
}

function streamID(session) {
  return byId("stream-id").value.trim() || `${session.room.userID}-voice`;
}

function show({ capture, room }) {
  const { stream, published, muted, listening } = capture;
  const active = published.state !== "NO_PUBLISH";
  setPressed(byId("preview"), stream !== null);
  // Closing the microphone of a stream that is on air would send silence without a word.
  byId("preview").disabled = active;
  byId("hear-myself").disabled = stream === null;
  setPressed(byId("hear-myself"), listening);
  setPressed(byId("mute"), muted);
  setText(byId("publish"), active ? "Stop publishing" : "Publish");
  byId("publish").disabled = room.state === "DISCONNECTED" && !active;
  byId("publish").classList.toggle("danger", active);
  byId("publish-hint").hidden = room.state !== "DISCONNECTED";
  byId("stream-id").disabled = active;
  byId("set-extra-info").disabled = published.state !== "PUBLISHING";
}

async function listDevices({ engine, capture }) {
  const devices = await engine?.enumDevices().catch(() => undefined);
  if (!devices) return;
  const used = capture.stream?.audioDeviceId ?? byId("microphone").value;
  offer(byId("microphone"), devices.microphones, used);
  offer(byId("speaker"), devices.speakers, byId("speaker").value);
}

/** Lists devices and chooses `used` among them, or the default where it is not listed (any more). */
function offer(select, devices, used) {
  const named = devices.filter(({ deviceID }) => deviceID !== "" && deviceID !== "default");
  const options = [{ deviceID: "", deviceName: "System default" }, ...named];
  const option = () => document.createElement("option");
  syncList(
    select,
    options,
    ({ deviceID }) => deviceID,
    option,
    (element, { deviceID, deviceName }) => {
      element.value = deviceID;
      setText(element, deviceName || "unnamed device");
    },
  );
  select.value = named.some(({ deviceID }) => deviceID === used) ? used : "";
}
