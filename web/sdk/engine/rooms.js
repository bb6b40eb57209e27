import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { checkLogin, hasTokenForm } from "./arguments.js";
import { isScenario } from "./scenario.js";

const COARSE = {
  LOGINING: "CONNECTING",
  RECONNECTING: "CONNECTING",
  LOGINED: "CONNECTED",
  RECONNECTED: "CONNECTED",
};

/**
 * What the room's end and its news mean for the streams.
 *
 * @typedef {object} RoomFollower
 * @property {() => void} onReady Logged in, or logged in again.
 * @property {(resumed: boolean) => void} onLinkUp Not `resumed`: the session is new, and the server holds no stream of it.
 * @property {(publishCode: number, playCode: number, keepsPlaying: boolean) => void} onRoomEnd `keepsPlaying`: what is played goes on
 *   through the next room.
 * @property {(update: "ADD" | "DELETE", streams: {streamID: string}[]) => void} onStreams
 * @property {(streamID: string, muted: boolean) => void} onMic
 * @property {(end: {streamID: string, role: "publish" | "play", code: number, message: string}) => void} onStreamEnded
 * @property {(users: {userID: string, up: number, down: number}[]) => void} onQuality
 * @property {(reports: {streamID: string, report: object}[]) => void} onListeners
 * @property {(reports: {streamID: string, report: object}[]) => void} onUplinks
 * @property {(streams: {streamID: string, copies: number[]}[]) => void} onProtection
 */

function notThatRoom(roomID) {
  return new ZegoError(codes.ROOM_ROOMID_INCORRECT, `not logged in to room ${JSON.stringify(roomID)}`);
}

/** The room login: one at a time. */
export class Rooms {
  #core;
  #follower;
  /** The login, from `loginRoom` to its end. */
  #login;

  /**
   * @param {import("./core.js").Core} core
   * @param {RoomFollower} follower
   */
  constructor(core, follower) {
    this.#core = core;
    this.#follower = follower;
  }

  /** The room to publish and play through; undefined before LOGINED. */
  get ready() {
    return this.#login?.isReady ? this.#login.room : undefined;
  }

  /** The present room, logged in or not; undefined without one. */
  get room() {
    return this.#login?.room;
  }

  /** The present roomID; undefined without one. */
  get roomID() {
    return this.#login?.roomID;
  }

  /** @throws {ZegoError} 1000002 where there is neither a login nor one under way. */
  require() {
    if (!this.#login) throw new ZegoError(codes.NOT_LOGIN, "not in a room; call loginRoom first");
    return this.#login.room;
  }

  /**
   * What the next rooms are used for.
   *
   * @returns {boolean} See `setRoomScenario`.
   * @throws {ZegoError} 1000067 in a room, or while a login to one runs.
   */
  setScenario(scenario) {
    if (!isScenario(scenario)) return false;
    if (this.#login) {
      const text = "the scenario can be set in no room only; call logoutRoom first";
      throw new ZegoError(codes.SET_ROOM_SCENARIO_FAIL, text);
    }
    this.#core.settings.scenario = scenario;
    return true;
  }

  /** @returns {Promise<true>} See `loginRoom`. */
  login(roomID, token, user, config) {
    if (this.#login) {
      const text = `already in room ${this.#login.roomID}; call logoutRoom first`;
      return Promise.reject(new ZegoError(codes.ROOM_COUNT_EXCEED, text));
    }
    const error = checkLogin(roomID, token, user, config);
    if (error) return this.#refuse(roomID, error);
    const { world, identity, settings } = this.#core;
    const login = { roomID, user, isReady: false, keepsPlaying: false };
    const options = {
      ...identity,
      roomID,
      token,
      userID: user.userID,
      userName: user.userName ?? "",
      userUpdate: config?.userUpdate ?? false,
      maxMemberCount: config?.maxMemberCount ?? 0,
      loudestStreams: config?.loudestStreams ?? 0,
      timings: settings.timings,
      env: world.env,
    };
    login.room = new world.Room(options, this.#listener(login));
    this.#login = login;
    return login.room.login();
  }

  /** @returns {Promise<true>} See `switchRoom`. */
  async switch(from, to, option) {
    const login = this.#login;
    if (login === undefined || login.roomID !== from) throw notThatRoom(from);
    if (from === to) {
      const text = `already in room ${to}; give another room to switch to`;
      throw new ZegoError(codes.LOGIN_BEFORE_LOGOUT_BY_SAME_ROOMID, text);
    }
    const { token, maxMemberCount, isUserStatusNotify: userUpdate } = option ?? {};
    const config = { ...(userUpdate !== undefined && { userUpdate }), ...(maxMemberCount !== undefined && { maxMemberCount }) };
    const error = checkLogin(to, token, login.user, config);
    if (error) throw error;
    login.keepsPlaying = this.#core.settings.keepsPlayingOnSwitch;
    login.room.logout();
    // A listener that calls this is told of the logout behind what it is being told.
    await undefined;
    return this.login(to, token, login.user, config);
  }

  /** A login that fails by its arguments is told like one that fails at the server, as documented. */
  #refuse(roomID, error) {
    this.#tellState(roomID, "LOGINING", codes.SUCCESS, "");
    this.#tellState(roomID, "LOGIN_FAILED", error.code, error.message);
    return Promise.reject(error);
  }

  #tellState(roomID, reason, code, extendedData) {
    this.#core.emit("roomStateUpdate", roomID, COARSE[reason] ?? "DISCONNECTED", code, extendedData);
    this.#core.emit("roomStateChanged", roomID, reason, code, extendedData);
  }

  #listener(login) {
    const { roomID } = login;
    const emit = (name, ...args) => this.#core.emit(name, roomID, ...args);
    return {
      onState: (reason, code, extendedData) => this.#onState(login, reason, code, extendedData),
      onEnd: (code) => this.#onEnd(login, code),
      onLink: (up, held) => up && this.#follower.onLinkUp(!held.fresh),
      onUsers: (update, users) => emit("roomUserUpdate", update, users),
      onStreams: (update, streams, extendedData) => {
        this.#follower.onStreams(update, streams);
        emit("roomStreamUpdate", update, streams, extendedData);
      },
      onStreamMic: (streamID, muted) => this.#follower.onMic(streamID, muted),
      onStreamExtraInfo: (streams) => emit("streamExtraInfoUpdate", streams),
      onRoomInfo: (infos) => emit("roomExtraInfoUpdate", infos),
      onStreamEnded: (end) => this.#follower.onStreamEnded(end),
      onBroadcast: (messages) => emit("IMRecvBroadcastMessage", messages),
      onBarrage: (messages) => emit("IMRecvBarrageMessage", messages),
      onCommand: (fromUser, command) => emit("IMRecvCustomCommand", fromUser, command),
      onOnlineCount: (count) => emit("roomOnlineUserCountUpdate", count),
      onTokenWillExpire: (seconds) => emit("tokenWillExpire", seconds),
      onQuality: (users) => this.#follower.onQuality(users),
      onListeners: (reports) => this.#follower.onListeners(reports),
      onUplinks: (reports) => this.#follower.onUplinks(reports),
      onProtection: (streams) => this.#follower.onProtection(streams),
    };
  }

  #onState(login, reason, code, extendedData) {
    login.isReady ||= reason === "LOGINED";
    this.#tellState(login.roomID, reason, code, extendedData);
    if (COARSE[reason] === "CONNECTED" && login === this.#login) this.#follower.onReady();
  }

  /** The streams of a room end before it: 0 on logout, "retry time over" where the room's was, else the room's own code. */
  #onEnd(login, code) {
    if (login !== this.#login) return;
    this.#login = undefined;
    const outOfTime = code === codes.LOGIN_TIMEOUT || code === codes.ROOM_RETRY_TIMEOUT;
    this.#follower.onRoomEnd(
      outOfTime ? codes.PUBLISHER_RETRY_TIMEOUT : code,
      outOfTime ? codes.PLAYER_RETRY_TIMEOUT : code,
      login.keepsPlaying,
    );
  }

  /** @throws {ZegoError} See `logoutRoom`. */
  logout(roomID) {
    if (!this.#login) {
      this.#tellState(roomID ?? "", "LOGOUT", codes.SUCCESS, "no room login");
    } else if (roomID !== undefined && roomID !== this.#login.roomID) {
      throw notThatRoom(roomID);
    } else {
      this.#login.room.logout();
    }
  }

  /** @returns {boolean} See `renewToken`. */
  renewToken(token, roomID) {
    const login = this.#login;
    if (!login || !hasTokenForm(token) || (roomID !== undefined && roomID !== login.roomID)) return false;
    login.room.renewToken(token);
    return true;
  }
}
