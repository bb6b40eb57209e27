/** The messages of a room, those sent and those received. */

/** Messages kept. */
const CAPACITY = 300;

/**
 * @typedef {object} Message
 * @property {number} id Counts from 1.
 * @property {"broadcast" | "barrage" | "command"} kind
 * @property {string} from Who wrote it, for people.
 * @property {boolean} own Whether this page sent it.
 * @property {string} text
 * @property {number} time Milliseconds, Unix time.
 * @property {string} note What there is to say about it, for example who did not get it; may be empty.
 */

/** Bounded list, oldest first. */
export class Conversation {
  #messages = [];
  #count = 0;

  /** @param {Omit<Message, "id">} message */
  add(message) {
    this.#messages.push({ ...message, id: ++this.#count });
    if (this.#messages.length > CAPACITY) this.#messages.shift();
  }

  /** Forgets all. */
  clear() {
    this.#messages = [];
  }

  /** @returns {readonly Message[]} */
  get messages() {
    return this.#messages;
  }
}

/**
 * What people call a user.
 *
 * @param {{userID: string, userName?: string}} user
 * @returns {string} The name, and the id where it is another.
 */
export function nameOf({ userID, userName }) {
  return userName && userName !== userID ? `${userName} (${userID})` : userID;
}

/**
 * Who did not get a command.
 *
 * @param {string | undefined} extendedData Of `sendCustomCommand`: `{"absent": [userID, …]}` or nothing.
 * @returns {string[]}
 */
export function absentUsers(extendedData) {
  try {
    const { absent } = JSON.parse(extendedData);
    return Array.isArray(absent) ? absent.map(String) : [];
  } catch {
    return [];
  }
}
