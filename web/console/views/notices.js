/** What needs the user: problems, sound held back, a token that ends. */

import { byId, setText } from "./dom.js";

/**
 * @param {import("../session/session.js").Session} session
 * @param {() => Promise<string | undefined>} mint Gets a development token for who is in the room.
 */
export function showNotices(session, mint) {
  session.addEventListener("problems", () => showProblems(session));
  session.addEventListener("streams", () => {
    byId("autoplay").hidden = !session.playback.blocked;
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
  byId("renew").hidden = tokenEnds === null;
  if (tokenEnds !== null) setText(byId("renew-text"), `Your token ends in ${tokenEnds} s. Renew it to stay able to publish.`);
}

function showProblems(session) {
  const notices = session.problems.map((problem) => problemNotice(problem, () => session.dismiss(problem)));
  byId("problems").replaceChildren(...notices);
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
