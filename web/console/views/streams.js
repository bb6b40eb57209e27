/** The list of streams: the one published here, others', and what is played of other rooms. */

import { byId, syncList } from "./dom.js";
import { showCount } from "./status.js";
import { StreamCard } from "./stream-card.js";

/** Cards by their element. @type {WeakMap<Element, StreamCard>} */
const cards = new WeakMap();

/** @param {import("../session/session.js").Session} session */
export function showStreams(session) {
  const render = () => show(session);
  for (const topic of ["streams", "capture", "people", "room"]) session.addEventListener(topic, render);
  session.addEventListener("levels", () => eachCard((card) => card.showLevel()));
  session.addEventListener("stats", () => eachCard((card) => card.showQuality()));
  byId("play-all").addEventListener("change", (event) => session.playback.setAutomatic(event.target.checked));
  session.playback.setAutomatic(byId("play-all").checked);
  byId("play-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const streamID = byId("play-id").value.trim();
    void session.playback.play(streamID);
  });
}

function eachCard(action) {
  for (const element of byId("streams").children) action(cards.get(element));
}

/** @returns {{key: string, own: boolean, streamID: string, info?: object}[]} */
function listed({ capture, roster, playback }) {
  const { streamID, state } = capture.published;
  const own = state === "NO_PUBLISH" ? [] : [{ key: `own ${streamID}`, own: true, streamID }];
  const others = [...roster.streams.values()].map((info) => ({
    key: info.streamID,
    own: false,
    streamID: info.streamID,
    info,
  }));
  const elsewhere = [...playback.players.keys()].filter((id) => !roster.streams.has(id));
  return [...own, ...others, ...elsewhere.map((id) => ({ key: id, own: false, streamID: id }))];
}

function show(session) {
  const streams = listed(session);
  const create = (stream) => {
    const card = new StreamCard(session, stream);
    cards.set(card.element, card);
    return card.element;
  };
  const update = (element, stream) => cards.get(element).show(stream);
  syncList(
    byId("streams"),
    streams,
    (stream) => stream.key,
    create,
    update,
    (element) => cards.get(element).destroy(),
  );
  byId("streams-empty").hidden = streams.length > 0;
  showCount("streams-count", streams.length);
}
