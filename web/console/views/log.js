/** The event log: filter, copy, clear. */

import { toText } from "../model/event-log.js";
import { announce, byId, copyText, setText, syncList } from "./dom.js";

/** Rows in the page; copying gives all. */
const ROWS = 200;

/** @param {import("../session/session.js").Session} session */
export function showLog(session) {
  let drawing = 0;
  // Events come in bursts; one drawing for each picture of the screen is enough.
  const draw = () => {
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      show(session.log);
    });
  };
  session.addEventListener("log", draw);
  session.addEventListener("reports", () => {
    if (byId("log-frequent").checked) draw();
  });
  byId("log-filter").addEventListener("input", draw);
  byId("log-frequent").addEventListener("change", draw);
  byId("log-clear").addEventListener("click", () => {
    session.log.clear();
    draw();
  });
  byId("log-copy").addEventListener("click", () => void copy(session.log.entries(filter())));
}

function filter() {
  return { text: byId("log-filter").value, frequent: byId("log-frequent").checked };
}

async function copy(entries) {
  const button = byId("log-copy");
  const copied = await copyText(toText(entries));
  const text = copied ? `Copied ${entries.length}` : "Not permitted";
  setText(button, text);
  announce(copied ? `${entries.length} events copied` : "The browser did not permit copying");
  setTimeout(() => setText(button, "Copy"), 2000);
}

function show(log) {
  const entries = log.entries(filter());
  const newestFirst = entries.slice(-ROWS).reverse();
  syncList(
    byId("log"),
    newestFirst,
    (entry) => String(entry.id),
    logItem,
    () => {},
  );
  byId("log-empty").hidden = entries.length > 0;
  const dropped = log.dropped > 0 ? `, ${log.dropped} older dropped` : "";
  setText(byId("log-count"), entries.length > 0 ? `${entries.length}${dropped}` : "");
}

function logItem({ time, name, json }) {
  const item = document.createElement("li");
  const when = document.createElement("time");
  const date = new Date(time);
  when.dateTime = date.toISOString();
  when.textContent = `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  const what = document.createElement("strong");
  what.textContent = name;
  const args = document.createElement("code");
  args.textContent = json;
  item.append(when, what, args);
  return item;
}
