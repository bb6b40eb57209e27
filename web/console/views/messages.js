/** The messages of the room and the form to write one. */

import { nameOf } from "../model/conversation.js";
import { byId, setText, syncList } from "./dom.js";

const KINDS = { broadcast: "", barrage: "barrage", command: "command" };

/** @param {import("../session/session.js").Session} session */
export function showMessages(session) {
  session.addEventListener("messages", () => show(session.conversation.messages));
  session.addEventListener("room", () => {
    byId("send").disabled = session.room.state !== "CONNECTED";
  });
  session.addEventListener("people", () => offerReceivers([...session.roster.users.values()]));
  byId("message-kind").addEventListener("change", () => {
    byId("message-to").disabled = byId("message-kind").value !== "command";
  });
  byId("message-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!byId("send").disabled) void send(session);
  });
}

async function send(session) {
  const kind = byId("message-kind").value;
  const receiver = byId("message-to").value;
  const field = byId("message");
  const text = field.value;
  const to = kind === "command" && receiver !== "" ? [receiver] : [];
  if ((await session.send(kind, text, to)) && field.value === text) field.value = "";
}

function offerReceivers(users) {
  const receivers = [{ userID: "", userName: "everybody" }, ...users];
  const option = () => document.createElement("option");
  syncList(
    byId("message-to"),
    receivers,
    (user) => user.userID,
    option,
    (element, user) => {
      element.value = user.userID;
      setText(element, user.userID === "" ? user.userName : nameOf(user));
    },
  );
}

function show(messages) {
  const box = byId("messages-box");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  syncList(
    byId("messages"),
    [...messages],
    (message) => String(message.id),
    messageItem,
    () => {},
  );
  box.hidden = messages.length === 0;
  byId("messages-empty").hidden = messages.length > 0;
  // Who reads further up is not torn away.
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function messageItem({ kind, from, own, text, time, note }) {
  const item = document.createElement("li");
  item.classList.toggle("own", own);
  const head = document.createElement("p");
  head.className = "from";
  const name = document.createElement("strong");
  name.textContent = from;
  const facts = [clockTime(time), KINDS[kind], note].filter((fact) => fact !== "").join(" · ");
  head.append(name, ` ${facts}`);
  const body = document.createElement("p");
  body.textContent = text;
  item.append(head, body);
  return item;
}

function clockTime(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
