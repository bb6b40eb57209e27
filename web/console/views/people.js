/** Who is in the room: name, microphone, network. */

import { nameOf } from "../model/conversation.js";
import { gradeWord } from "../model/metrics.js";
import { byId, copyOf, setText, syncList } from "./dom.js";
import { showCount } from "./status.js";

const MICROPHONE = { OPEN: "mic on", MUTE: "muted", NONE: "listens" };

/** @param {import("../session/session.js").Session} session */
export function showPeople(session) {
  const render = () => show(session);
  for (const topic of ["people", "room", "capture"]) session.addEventListener(topic, render);
}

function show(session) {
  const { room, roster } = session;
  const people = room.state === "DISCONNECTED" ? [] : [room, ...roster.users.values()];
  const draw = (element, user) => showPerson(element, user, session);
  syncList(
    byId("people"),
    people,
    (user) => user.userID,
    () => copyOf("person-template"),
    draw,
  );
  byId("people-empty").hidden = people.length > 0;
  showCount("people-count", people.length);
}

function showPerson(element, user, session) {
  const own = user.userID === session.room.userID;
  const part = (name) => element.querySelector(`.${name}`);
  setText(part("name"), nameOf(user));
  part("you").hidden = !own;
  const mic = own ? ownMic(session.capture) : micOf(session.roster.streamsOf(user.userID));
  setText(part("mic"), MICROPHONE[mic]);
  part("mic").dataset.mic = mic;
  const quality = session.roster.quality.get(own ? "" : user.userID);
  showGrade(part("up"), "up", quality?.up);
  showGrade(part("down"), "down", quality?.down);
}

function ownMic({ published, muted }) {
  if (published.state === "NO_PUBLISH") return "NONE";
  return muted ? "MUTE" : "OPEN";
}

/** Of a user with several streams the open one counts: one of them can be heard. */
function micOf(streams) {
  if (streams.length === 0) return "NONE";
  return streams.some((stream) => stream.mic === "OPEN") ? "OPEN" : "MUTE";
}

function showGrade(element, way, grade) {
  const known = grade >= 0;
  element.hidden = !known;
  element.dataset.grade = String(grade);
  setText(element, known ? `${way} ${gradeWord(grade)}` : "");
}
