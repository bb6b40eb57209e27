const sameUser = (a, b) => a.userID === b.userID && a.userName === b.userName;

/** What is attached to the room, as this client knows it, and what of it is ours. */
export class RoomInfo {
  /** What was told last, or set by us in this login (then without `updateUser`); with the time when it was set, where the server says. */
  #known;
  /** Whether a call of ours is under way. */
  isAsked = false;
  /** What our last call asked for: its answer may have been lost. */
  #asked;

  /** A call of ours is under way. */
  asked({ key, value }) {
    this.isAsked = true;
    this.#asked = { key, value };
  }

  /** The server took what we set, at that time; what was set later stays. */
  taken({ key, value }, updateTime = 0) {
    if (updateTime === 0 || !(this.#known?.updateTime > updateTime)) {
      this.#known = { key, value, updateTime };
    }
  }

  /**
   * What another user set.
   *
   * @param {{ key: string, value: string, updateUser: { userID: string, userName: string }, updateTime: number }} info
   * @returns {boolean} Whether it is to be told: it was not yet.
   */
  update(info) {
    const { key, value, updateUser } = this.#known ?? {};
    const isKnown =
      key === info.key && value === info.value && updateUser !== undefined && sameUser(updateUser, info.updateUser);
    this.#known = { key: info.key, value: info.value, updateUser: info.updateUser, updateTime: info.updateTime };
    return !isKnown;
  }

  /**
   * The server's whole view.
   *
   * @param {object[]} infos At most one.
   * @param {string} me The client's own userID.
   * @param {boolean} again Whether we were in the room before, so that `me` is ourselves.
   * @returns {object | undefined} What is to be told.
   */
  takeSnapshot(infos, me, again) {
    const info = infos.at(-1);
    if (info === undefined) {
      return undefined;
    }
    if (again && info.updateUser.userID === me && this.#isOurs(info)) {
      this.#known = undefined;
      this.taken(info, info.updateTime);
      return undefined;
    }
    if (again && this.toRestore(info) !== undefined) {
      return undefined;
    }
    return this.update(info) ? info : undefined;
  }

  /** Whether it is what this login set last, or asked for without hearing an answer; another device of the user may have set it. */
  #isOurs({ key, value }) {
    return [this.toRestore(), this.#asked].some((ours) => ours?.key === key && ours.value === value);
  }

  /**
   * What is to be set again, and when it was set first: the room is a new one, or what we set is gone with the server that knew of it.
   *
   * @param {{ updateTime: number }} [found] The last that the room has.
   * @returns {object | undefined} The fields of the request; nothing where it is not ours, or the room has something newer.
   */
  toRestore(found) {
    const { key, value, updateUser, updateTime } = this.#known ?? { updateUser: null };
    if (updateUser !== undefined || (found !== undefined && found.updateTime >= updateTime)) {
      return undefined;
    }
    return { key, value, ...(updateTime > 0 && { update_time_ms: updateTime }) };
  }
}
