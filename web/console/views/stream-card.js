/** One stream: whose it is, its state, what can be done with it, and its quality. */

import { nameOf } from "../model/conversation.js";
import { metricsOf } from "../model/metrics.js";
import { Chart } from "./chart.js";
import { copyOf, setLevel, setPressed, setText } from "./dom.js";

const STATE_WORDS = {
  NO_PUBLISH: "off",
  PUBLISH_REQUESTING: "starting",
  PUBLISHING: "on air",
  NO_PLAY: "not played",
  PLAY_REQUESTING: "waiting for sound",
  PLAYING: "playing",
};

/** What the charts do not say by themselves. */
const LEGENDS = {
  publish: "Worst: of the listener who fares worst. Dashed: the median of all, and how many there are.",
  play: "Repaired: lost on the way, yet not concealed. Dashed: what the buffer aims at.",
};

/** See the top of this file. */
export class StreamCard {
  #session;
  #streamID;
  #own;
  #metrics;
  #charts;
  #rows;
  #shown;

  /**
   * @param {import("../session/session.js").Session} session
   * @param {{streamID: string, own: boolean}} stream
   */
  constructor(session, { streamID, own }) {
    this.#session = session;
    this.#streamID = streamID;
    this.#own = own;
    this.element = copyOf("stream-template");
    const role = own ? "publish" : "play";
    this.#part("charts").dataset.role = role;
    setText(this.#part("legend"), LEGENDS[role]);
    this.#metrics = metricsOf(role);
    const charted = this.#metrics.filter((metric) => !metric.tableOnly);
    this.#charts = charted.map((metric) => new Chart(this.#part("charts"), metric));
    this.#rows = this.#metrics.map((metric) => tableRow(this.#part("numbers tbody"), metric.label));
    this.#nameParts();
    if (own) this.#part("controls").remove();
    else this.#listen();
  }

  /** @param {{info?: import("../model/roster.js").Stream}} stream What the room says of it; nothing of another room's. */
  show({ info }) {
    const { capture, playback } = this.#session;
    const player = playback.players.get(this.#streamID);
    const { state, code } = this.#own ? capture.published : (player ?? { state: "NO_PLAY", code: 0 });
    this.element.dataset.state = state;
    setText(this.#part("badge"), code === 0 ? STATE_WORDS[state] : `trying again (${code})`);
    setText(this.#part("owner"), this.#own ? "you" : info ? nameOf(info.user) : "of another room");
    const muted = this.#own ? capture.muted : info?.mic === "MUTE";
    setText(this.#part("mic"), muted ? (this.#own ? "muted" : "muted by its publisher") : "");
    setText(this.#part("extra"), info?.extraInfo ?? "");
    setText(this.#part("trouble"), (this.#own ? capture.trouble : player?.trouble)?.text ?? "");
    this.#part("quality").hidden = state === "NO_PUBLISH" || state === "NO_PLAY";
    if (!this.#own) this.#showControls(player);
  }

  /** The level meter. */
  showLevel() {
    if (!this.#own) setLevel(this.#part("meter"), this.#session.playback.players.get(this.#streamID)?.level ?? 0);
  }

  /** Charts and table, if there is a new sample. */
  showQuality() {
    const { capture, playback } = this.#session;
    const history = this.#own ? capture.history : playback.players.get(this.#streamID)?.history;
    if (!history?.newest || history.newest === this.#shown) return;
    this.#shown = history.newest;
    this.#charts.forEach((chart) => chart.show(history));
    this.#metrics.forEach((metric, index) => fillRow(this.#rows[index], metric, history));
  }

  /** Before the element goes. */
  destroy() {
    this.#charts.forEach((chart) => chart.destroy());
  }

  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  /** Buttons of ten streams must not all be called "Play". */
  #nameParts() {
    setText(this.#part("stream-id"), this.#streamID);
    setText(this.#part("numbers caption"), `Newest figures of ${this.#streamID}`);
    this.#part("mute").setAttribute("aria-label", `Mute ${this.#streamID}`);
    this.#part("volume input").setAttribute("aria-label", `Volume of ${this.#streamID}`);
    this.#part("meter").setAttribute("aria-label", `Level of ${this.#streamID}`);
    this.#part("quality summary").setAttribute("aria-label", `Quality of ${this.#streamID}`);
  }

  #listen() {
    const { playback } = this.#session;
    const id = this.#streamID;
    this.#part("play").addEventListener("click", () => (playback.players.has(id) ? playback.stop(id) : void playback.play(id)));
    this.#part("mute").addEventListener("click", () => playback.mute(id, !playback.players.get(id).muted));
    this.#part("volume input").addEventListener("input", (event) => playback.setVolume(id, event.target.valueAsNumber));
  }

  #showControls(player) {
    const play = this.#part("play");
    setText(play, player ? "Stop" : "Play");
    play.setAttribute("aria-label", `${play.textContent} ${this.#streamID}`);
    play.classList.toggle("strong", !player);
    this.#part("mute").disabled = !player;
    setPressed(this.#part("mute"), player?.muted ?? false);
    this.#part("volume input").disabled = !player;
    if (!player) this.#part("volume input").value = "100";
    this.showLevel();
  }
}

function tableRow(body, label) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = label;
  row.append(head, ...[1, 2, 3].map(() => document.createElement("td")));
  body.append(row);
  return row;
}

function fillRow(row, { key, text }, history) {
  const range = history.range(key);
  const values = [history.newest[key], range?.min, range?.max];
  values.forEach((value, index) => setText(row.cells[index + 1], value === null || value === undefined ? "–" : text(value)));
}
