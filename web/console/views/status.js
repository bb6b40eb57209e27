/** The three states in the page's head, and what is said aloud when they change. */

import { announce, byId, setText } from "./dom.js";

const ROOM = { DISCONNECTED: "not joined", CONNECTING: "connecting…", CONNECTED: "connected" };
const PUBLISHER = { NO_PUBLISH: "off", PUBLISH_REQUESTING: "starting…", PUBLISHING: "on air" };

/** @param {import("../session/session.js").Session} session */
export function showStatus(session) {
  session.addEventListener("room", () => show("room-state", session.room.state, roomText(session.room)));
  const publishing = () => show("publisher-state", session.capture.published.state, publisherText(session.capture));
  session.addEventListener("capture", publishing);
  session.addEventListener("streams", () => showPlayers([...session.playback.players.values()]));
}

function roomText({ state, reason, roomID, code }) {
  if (reason === "RECONNECTING") return `reconnecting… (${code})`;
  return state === "CONNECTED" ? `${ROOM[state]} to ${roomID}` : ROOM[state];
}

function publisherText({ published, muted }) {
  if (published.state === "PUBLISHING" && muted) return "on air, muted";
  return published.state === "PUBLISH_REQUESTING" && published.code !== 0
    ? `trying again… (${published.code})`
    : PUBLISHER[published.state];
}

function showPlayers(players) {
  const playing = players.filter((player) => player.state === "PLAYING").length;
  const state = players.length === 0 ? "NO_PLAY" : playing < players.length ? "PLAY_REQUESTING" : "PLAYING";
  show("player-state", state, players.length === 0 ? "none" : `${playing} of ${players.length}`);
}

function show(id, state, text) {
  const element = byId(id);
  const value = element.querySelector("dd");
  element.dataset.state = state;
  if (value.textContent === text) return;
  value.textContent = text;
  announce(`${element.querySelector("dt").textContent}: ${text}`);
}

/** How many there are, beside a heading. */
export function showCount(id, count) {
  setText(byId(id), count === 0 ? "" : String(count));
}
