import { worstGrade } from "../media/grade.js";

/** Reports of one thing that may be missing before its quality is unknown, and before it counts as lost (documented). */
const UNKNOWN_AFTER = 1;
const LOST_AFTER = 3;

/** The last report of one thing, and how many are missing since. It begins unknown, and stays so until the first one. */
export class QualityReport {
  #last;
  #missing = 0;

  /** @param {number} grade */
  note(grade) {
    this.#last = grade;
    this.#missing = 0;
  }

  /**
   * What to tell now; until the next time one more is missing.
   *
   * @returns {number} -1 to 4
   */
  take() {
    const missing = this.#missing;
    this.#missing += 1;
    if (this.#last === undefined) return -1;
    if (missing > LOST_AFTER) return 4;
    return missing > UNKNOWN_AFTER ? -1 : this.#last;
  }
}

/**
 * The documented `networkQuality`, told every 3 s while something is published or played: the client's own first, with the userID
 * "", then those of the users whose streams are played.
 */
export class NetworkQuality {
  #core;
  #sources;
  #runs = false;
  #timer;
  /** By userID: a report of each direction. */
  #others = new Map();

  /**
   * @param {import("./core.js").Core} core
   * @param {object} sources
   * @param {() => {up: number[], down: number[]}} sources.takeGrades Of what is published and played now; both empty: nothing is.
   * @param {() => Set<string>} sources.owners The users in the room whose streams are played.
   * @param {(up: number, down: number) => void} sources.report Tells the server the client's own.
   */
  constructor(core, sources) {
    this.#core = core;
    this.#sources = sources;
  }

  /** Something is published or played. */
  watch() {
    if (!this.#runs) this.#arm();
  }

  /** Tells nothing any more. */
  close() {
    this.#core.world.env.clearTimeout(this.#timer);
    this.#runs = false;
    this.#others.clear();
  }

  /**
   * What users reported of themselves.
   *
   * @param {{userID: string, up: number, down: number}[]} users
   */
  note(users) {
    const owners = this.#sources.owners();
    for (const { userID, up, down } of users) {
      if (!owners.has(userID)) continue;
      const known = this.#others.get(userID) ?? { up: new QualityReport(), down: new QualityReport() };
      known.up.note(up);
      known.down.note(down);
      this.#others.set(userID, known);
    }
  }

  #arm() {
    const { world, settings } = this.#core;
    this.#runs = true;
    this.#timer = world.env.setTimeout(() => this.#tell(), settings.timings.qualityMs);
  }

  #tell() {
    const grades = this.#sources.takeGrades();
    if (grades.up.length + grades.down.length === 0) {
      this.close();
      return;
    }
    this.#arm();
    const up = worstGrade(grades.up);
    const down = worstGrade(grades.down);
    this.#core.emit("networkQuality", "", up, down);
    this.#sources.report(up, down);
    this.#tellOthers();
  }

  #tellOthers() {
    const owners = this.#sources.owners();
    for (const [userID, { up, down }] of this.#others) {
      if (owners.has(userID)) this.#core.emit("networkQuality", userID, up.take(), down.take());
      else this.#others.delete(userID);
    }
  }
}
