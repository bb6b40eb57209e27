/** Everything that the engine told, to look through and to copy. */

/** Events that come all the time; they have a place of their own so that they push nothing else out. */
const FREQUENT = new Set([
  "capturedSoundLevelUpdate",
  "soundLevelUpdate",
  "networkQuality",
  "publishQualityUpdate",
  "playQualityUpdate",
]);

/**
 * @typedef {object} LogEntry
 * @property {number} id Counts from 1.
 * @property {number} time Milliseconds, Unix time.
 * @property {string} name The event.
 * @property {string} json Its arguments, as a JSON list.
 * @property {boolean} frequent Whether it is one of the reports that come all the time.
 */

/** Bounded log; what it drops it counts. */
export class EventLog {
  #rare = [];
  #frequent = [];
  #count = 0;
  #limits;

  /** Entries that are gone because newer ones took their place. */
  dropped = 0;

  /** @param {{rare?: number, frequent?: number}} [limits] Entries kept of each kind. */
  constructor({ rare = 1000, frequent = 300 } = {}) {
    this.#limits = { rare, frequent };
  }

  /**
   * @param {string} name
   * @param {unknown[]} args
   * @param {number} time Milliseconds, Unix time.
   * @returns {LogEntry} What was stored.
   */
  add(name, args, time) {
    const frequent = FREQUENT.has(name);
    const entry = { id: ++this.#count, time, name, json: toJson(args), frequent };
    const list = frequent ? this.#frequent : this.#rare;
    list.push(entry);
    if (list.length > (frequent ? this.#limits.frequent : this.#limits.rare)) {
      list.shift();
      if (!frequent) this.dropped += 1;
    }
    return entry;
  }

  /** Forgets all. */
  clear() {
    this.#rare = [];
    this.#frequent = [];
    this.dropped = 0;
  }

  /**
   * What fits the filter, oldest first.
   *
   * @param {{text?: string, frequent?: boolean}} [filter] `text` is looked for in names and arguments, in any case.
   * @returns {LogEntry[]}
   */
  entries({ text = "", frequent = false } = {}) {
    const all = frequent ? [...this.#rare, ...this.#frequent].sort((a, b) => a.id - b.id) : this.#rare;
    return all.filter((entry) => fits(entry, text));
  }
}

/**
 * Whether an entry is one that the text asks for.
 *
 * @param {LogEntry} entry
 * @param {string} text In any case; every word must occur.
 */
export function fits(entry, text) {
  const where = `${entry.name} ${entry.json}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => where.includes(word));
}

/**
 * Entries as text: one line each of time (ISO 8601), name and arguments.
 *
 * @param {LogEntry[]} entries
 */
export function toText(entries) {
  return entries.map((entry) => `${new Date(entry.time).toISOString()} ${entry.name} ${entry.json}\n`).join("");
}

/** Tracks and streams of the browser have no JSON of their own; their id is what one wants to see. */
function toJson(args) {
  return JSON.stringify(args, (_, value) => {
    const isHandle = typeof value === "object" && value !== null && typeof value.id === "string" && "addEventListener" in value;
    return isHandle ? `${value.constructor.name} ${value.id}` : value;
  });
}
