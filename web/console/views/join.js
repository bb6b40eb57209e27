/** The room panel: the form to join, and the facts while joined. */

import { devTokenAddress, inviteLink, parseAppID, prefill, suggestedUser } from "../model/fields.js";
import { requestDevToken } from "../session/dev-token.js";
import { announce, byId, copyText, setText } from "./dom.js";

/** What the form says now. */
function fields() {
  const value = (id) => byId(id).value.trim();
  return {
    roomID: value("room"),
    userID: value("user"),
    userName: value("user-name"),
    token: value("token"),
    server: value("server"),
    appID: value("app-id"),
  };
}

/** The room panel, with the development token in it. */
export class JoinPanel {
  #session;
  /** Whom the token in the field was made for by the button; "" for a token that somebody typed. */
  #tokenFor = "";
  #devAppID = null;

  /** @param {import("../session/session.js").Session} session */
  constructor(session) {
    this.#session = session;
    this.#fillIn();
    this.#listen();
    void this.#probe();
  }

  /** Where the form points to, for an engine before a login. @returns {{appID: number, server: string}} */
  where() {
    const { appID, server } = fields();
    return { appID: appID === "" && this.#devAppID !== null ? this.#devAppID : parseAppID(appID), server };
  }

  /**
   * A development token for a user.
   *
   * @param {string} userID
   * @returns {Promise<string | undefined>} `undefined` where there is none; the problem is shown.
   */
  async mint(userID) {
    const answer = await this.#ask(userID);
    if (answer.token === undefined) {
      this.#session.report("Could not get a temporary token", answer.problem ?? "This server does not make any.");
    }
    return answer.token;
  }

  #fillIn() {
    const given = prefill(location.search);
    byId("room").value = given.room ?? "demo";
    byId("user").value = given.user ?? suggestedUser(Math.random);
    byId("server").value = given.server ?? "";
    byId("app-id").value = given.appID ?? "";
  }

  #listen() {
    byId("join").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#join();
    });
    byId("temporary-token").addEventListener("click", () => void this.#mintIntoField());
    byId("server").addEventListener("change", () => void this.#probe());
    byId("token").addEventListener("input", () => {
      this.#tokenFor = "";
    });
    byId("user").addEventListener("input", () => {
      if (this.#tokenFor !== "") byId("token").value = "";
      this.#tokenFor = "";
    });
    byId("leave").addEventListener("click", () => this.#session.leave());
    byId("copy-link").addEventListener("click", async () => {
      const { roomID, server, appID } = fields();
      const copied = await copyText(inviteLink(location.href, { room: roomID, server, appID }));
      announce(copied ? "Link copied" : "The browser did not permit copying");
    });
    this.#session.addEventListener("room", () => this.#showRoom());
    this.#session.addEventListener("people", () => {
      const { online, users } = this.#session.roster;
      // The server's count comes with heartbeats; who is listed is known at once.
      setText(byId("online-count"), online === 0 ? "–" : String(users.size + 1));
    });
  }

  async #ask(userID) {
    const address = devTokenAddress(byId("server").value, location);
    return address === null ? { available: false } : requestDevToken(address, userID, (...args) => fetch(...args));
  }

  /** Finds out whether the server makes development tokens, and for which AppID. */
  async #probe() {
    const { available, appID } = await this.#ask(fields().userID || "guest");
    this.#devAppID = appID ?? null;
    byId("temporary-token").hidden = !available;
    byId("renew-temporary").hidden = !available;
    // Without a development server nobody knows the AppID, so its field must not stay folded away.
    if (!available && byId("app-id").value === "") byId("where").open = true;
    byId("app-id").placeholder = appID === undefined ? "" : String(appID);
    setText(
      byId("token-hint"),
      available
        ? "This server makes temporary tokens: leave it empty and one is fetched when you join."
        : "From your own server, or from: express-server token",
    );
  }

  async #mintIntoField() {
    const { userID } = fields();
    const token = await this.mint(userID);
    if (token === undefined) return;
    byId("token").value = token;
    this.#tokenFor = userID;
    announce("Token filled in");
  }

  async #join() {
    const { token, userID } = fields();
    // A token that the page fetched is fetched anew: the server may have another secret by now.
    const ours = token === "" || this.#tokenFor === userID;
    if (ours && !byId("temporary-token").hidden) await this.#mintIntoField();
    byId("join-button").disabled = true;
    await this.#session.join({ ...fields(), ...this.where() });
    byId("join-button").disabled = false;
  }

  #showRoom() {
    const { state, roomID, userID, userName } = this.#session.room;
    const away = state === "DISCONNECTED";
    const [from, to] = away ? [byId("joined"), byId("join")] : [byId("join"), byId("joined")];
    setText(byId("joined-room"), roomID);
    setText(byId("joined-user"), userName === "" ? userID : `${userName} (${userID})`);
    const hadFocus = from.contains(document.activeElement);
    byId("start").hidden = !away;
    from.hidden = true;
    to.hidden = false;
    // A focus inside what vanishes would be lost, and with it the place of who uses the keyboard.
    if (hadFocus) (away ? byId("join-button") : byId("joined")).focus();
  }
}
