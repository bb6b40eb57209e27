import { worstGrade } from "../media/grade.js";

/** Reports of another user that may be missing before its quality is unknown, and before it counts as away. */
const UNKNOWN_AFTER = 1;
const AWAY_AFTER = 3;

/**
 * The documented `networkQuality`: the client's own first, with the userID "", then those of the users whose streams are played.
 * Pure: `tick` is called once an interval.
 */
export class NetworkQuality {
  /** By userID: the last report, and how many are missing since. */
  #others = new Map();

  /**
   * What users reported of themselves.
   *
   * @param {{userID: string, up: number, down: number}[]} users
   */
  note(users) {
    for (const { userID, up, down } of users) this.#others.set(userID, { up, down, missing: 0 });
  }

  /** A new room: nothing is known of anybody. */
  clear() {
    this.#others.clear();
  }

  /**
   * @param {{up: number[], down: number[], owners: Set<string>}} present Grades of what is published and played, and whose
   *   streams are played.
   * @returns {{userID: string, up: number, down: number}[]} What to tell; empty while nothing is published or played.
   */
  tick({ up, down, owners }) {
    if (up.length + down.length === 0) return [];
    const told = [{ userID: "", up: worstGrade(up), down: worstGrade(down) }];
    for (const [userID, report] of this.#others) {
      if (!owners.has(userID)) {
        this.#others.delete(userID);
        continue;
      }
      told.push({ userID, ...judge(report) });
      report.missing += 1;
    }
    return told;
  }
}

function judge({ up, down, missing }) {
  if (missing > AWAY_AFTER) return { up: 4, down: 4 };
  return missing > UNKNOWN_AFTER ? { up: -1, down: -1 } : { up, down };
}
