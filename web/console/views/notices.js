/** What needs the user: problems, sound held back, a token that ends. */

import { byId, hide, setText, syncList } from "./dom.js";

/**
 * @param {import("../session/session.js").Session} session
 * @param {() => Promise<string | undefined>} mint Gets a development token for who is in the room.
 */
export function showNotices(session, mint) {
  session.addEventListener("problems", () => showProblems(session));
  session.addEventListener("streams", () => {
    hide(byId("autoplay"), !session.playback.blocked);
  });
  byId("autoplay-resume").addEventListener("click", () => session.playback.resume());
  session.addEventListener("token", () => showTokenEnd(session));
  byId("renew").addEventListener("submit", (event) => {
    event.preventDefault();
    session.renewToken(byId("renew-token").value.trim());
    byId("renew-token").value = "";
  });
  byId("renew-temporary").addEventListener("click", async () => {
    const token = await mint();
    if (token !== undefined) session.renewToken(token);
  });
}

function showTokenEnd({ tokenEnds }) {
  hide(byId("renew"), tokenEnds === null);
  if (tokenEnds !== null) setText(byId("renew-text"), `Your token ends in ${tokenEnds} s. Renew it to stay able to publish.`);
}

/** Elements of problems that stay are kept, so that nothing is read out twice. */
function showProblems(session) {
  const key = ({ what, code, why }) => `${what} ${code} ${why}`;
  const create = (problem) => problemNotice(problem, () => dismiss(session, problem));
  syncList(byId("problems"), session.problems, key, create, () => {});
}

function dismiss(session, problem) {
  session.dismiss(problem);
  (byId("problems").querySelector("button") ?? byId("main")).focus();
}

function problemNotice({ what, why, advice, code }, dismiss) {
  const notice = document.createElement("div");
  notice.className = "notice problem";
  const text = document.createElement("p");
  const title = document.createElement("strong");
  title.textContent = `${what}: `;
  text.append(title, `${why} ${advice} `);
  if (code !== "") {
    const number = document.createElement("code");
    number.textContent = code;
    text.append(number);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Dismiss";
  button.addEventListener("click", dismiss);
  notice.append(text, button);
  return notice;
}
