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
 * @property {(roomID: string, resumed: boolean, moved: boolean) => void} onLinkUp Not `resumed`: the session is
 *   new, and the server holds no stream of it; `moved`: it took the place of one on another node.
 * @property {(roomID: string) => void} onLinkLost A room's link is away, and that was told.
 * @property {(end: {roomID: string, publishCode: number, playCode: number, lists: (streamID: string) => boolean,
 *   switchedTo: string | undefined}) => void} onRoomEnd `lists`: whether a stream is of that room; `switchedTo`: the room through
 *   which what is played goes on.
 * @property {() => void} onLeavingAll The application leaves every room.
 * @property {(update: "ADD" | "DELETE", streams: {streamID: string}[]) => void} onStreams
 * @property {(streamID: string, muted: boolean) => void} onMic
 * @property {(roomID: string, end: {streamID: string, role: "publish" | "play", code: number, message: string}) => void} onStreamEnded
 * @property {(users: {userID: string, up: number, down: number}[]) => void} onQuality
 * @property {(reports: {streamID: string, report: object}[]) => void} onListeners
 * @property {(reports: {streamID: string, report: object}[]) => void} onUplinks
 * @property {(streams: {streamID: string, copies: number[]}[]) => void} onProtection
 */

function notThatRoom(roomID) {
  return new ZegoError(codes.ROOM_ROOMID_INCORRECT, `not logged in to room ${JSON.stringify(roomID)}`);
}

/** The room logins: one at a time, or several with `enableMultiRoom`. */
export class Rooms {
  #core;
  #follower;
  /** The logins by roomID, each from `loginRoom` to its end, in the order in which they began. */
  #logins = new Map();
  /** Undefined: neither `enableMultiRoom` nor a login so far. */
  #areSeveral;
  /** What logins show where there may be several, so that they do not end each other. */
  #instance;

  /**
   * @param {import("./core.js").Core} core
   * @param {RoomFollower} follower
   */
  constructor(core, follower) {
    this.#core = core;
    this.#follower = follower;
  }

  /**
   * Settles how many rooms there may be at a time.
   *
   * @returns {boolean} `false`: that is settled already.
   */
  enableMultiRoom(isOn) {
    if (this.#areSeveral !== undefined) return false;
    this.#areSeveral = isOn;
    if (isOn) this.#instance = this.#core.world.instanceID();
    return true;
  }

  /** Whether there is neither a login nor one under way. */
  get isEmpty() {
    return this.#logins.size === 0;
  }

  /** The rooms, logged in or not, the first one first. */
  get all() {
    return [...this.#logins.values()].map(({ room }) => room);
  }

  /** One of them; undefined without a login to it. */
  room(roomID) {
    return this.#logins.get(roomID)?.room;
  }

  /** One of them to publish and play through; undefined before its LOGINED. */
  ready(roomID) {
    const login = this.#logins.get(roomID);
    return login?.isReady ? login.room : undefined;
  }

  /** The room that a stream can be played through now, best the one that lists it; undefined before any LOGINED. */
  anyReady(streamID) {
    const ready = [...this.#logins.values()].filter(({ isReady }) => isReady);
    return (ready.find((login) => lists(login, streamID)) ?? ready[0])?.roomID;
  }

  /** Whether the publisher of a stream has muted it, as the room says that lists it. */
  streamIsMuted(streamID) {
    const listing = this.#listing(streamID);
    return (listing ? [listing.room] : this.all).some((room) => room.streamIsMuted(streamID));
  }

  /** @throws {ZegoError} 1000002 where there is neither a login nor one under way. */
  require() {
    if (this.isEmpty) throw new ZegoError(codes.NOT_LOGIN, "not in a room; call loginRoom first");
  }

  /**
   * @param {string | undefined} named
   * @returns {string} The room to publish in.
   * @throws {ZegoError} 1000002 in no room, or not in that one; 1003071 where several want a name.
   */
  toPublish(named) {
    this.require();
    if (named !== undefined) return this.#named(named);
    if (this.#areSeveral) {
      throw new ZegoError(codes.PUBLISHER_ROOM_ID_NULL, "in multi-room mode say which room to publish in: give {roomID}");
    }
    return this.#first.roomID;
  }

  /**
   * @param {string | undefined} named
   * @returns {string | undefined} The room to play through; undefined: that is decided when one is logged in.
   * @throws {ZegoError} 1000002 in no room, or not in that one.
   */
  toPlay(named, streamID) {
    this.require();
    if (named !== undefined) return this.#named(named);
    return this.#areSeveral ? this.#listing(streamID)?.roomID : this.#first.roomID;
  }

  #named(roomID) {
    if (this.#logins.has(roomID)) return roomID;
    throw new ZegoError(codes.NOT_LOGIN, `not in room ${JSON.stringify(roomID)}; call loginRoom for it first`);
  }

  get #first() {
    return this.#logins.values().next().value;
  }

  #listing(streamID) {
    return [...this.#logins.values()].find((login) => lists(login, streamID));
  }

  /**
   * What the next rooms are used for.
   *
   * @returns {boolean} See `setRoomScenario`.
   * @throws {ZegoError} 1000067 in a room, or while a login to one runs.
   */
  setScenario(scenario) {
    if (!isScenario(scenario)) return false;
    if (!this.isEmpty) {
      const text = "the scenario can be set in no room only; call logoutRoom first";
      throw new ZegoError(codes.SET_ROOM_SCENARIO_FAIL, text);
    }
    this.#core.settings.scenario = scenario;
    return true;
  }

  /** @returns {Promise<true>} See `loginRoom`. */
  login(roomID, token, user, config) {
    const taken = this.#taken(roomID);
    if (taken) return Promise.reject(taken);
    const error = checkLogin(roomID, token, user, config) ?? this.#checkSameUser(user);
    if (error) return this.#refuse(roomID, error);
    this.#areSeveral ??= false;
    const { world, identity, settings } = this.#core;
    const login = { roomID, user, isReady: false, switchedTo: undefined };
    const options = {
      ...identity,
      roomID,
      token,
      userID: user.userID,
      userName: user.userName ?? "",
      userUpdate: config?.userUpdate ?? false,
      maxMemberCount: config?.maxMemberCount ?? 0,
      loudestStreams: config?.loudestStreams ?? 0,
      instance: this.#instance,
      timings: settings.timings,
      env: world.env,
    };
    login.room = new world.Room(options, this.#listener(login));
    this.#logins.set(roomID, login);
    return login.room.login();
  }

  #taken(roomID) {
    if (this.isEmpty) return undefined;
    if (!this.#areSeveral) {
      return new ZegoError(codes.ROOM_COUNT_EXCEED, `already in room ${this.#first.roomID}; call logoutRoom first`);
    }
    if (!this.#logins.has(roomID)) return undefined;
    return new ZegoError(codes.REPEATEDLY_LOGIN, `already in room ${roomID}; call logoutRoom for it first`);
  }

  #checkSameUser({ userID }) {
    const other = this.#first;
    if (other === undefined || other.user.userID === userID) return undefined;
    const text = `logged in to room ${other.roomID} as ${other.user.userID}; be the same user in all rooms`;
    return new ZegoError(codes.DIFFERENT_USER_ID, text);
  }

  /** @returns {Promise<true>} See `switchRoom`. */
  async switch(from, to, option) {
    const login = this.#logins.get(from);
    if (login === undefined) throw notThatRoom(from);
    if (this.#logins.has(to)) {
      const text = `already in room ${to}; give another room to switch to`;
      throw new ZegoError(codes.LOGIN_BEFORE_LOGOUT_BY_SAME_ROOMID, text);
    }
    const { token, maxMemberCount, isUserStatusNotify: userUpdate } = option ?? {};
    const config = { ...(userUpdate !== undefined && { userUpdate }), ...(maxMemberCount !== undefined && { maxMemberCount }) };
    const error = checkLogin(to, token, login.user, config);
    if (error) throw error;
    login.switchedTo = this.#core.settings.keepsPlayingOnSwitch ? to : undefined;
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
      onLink: (up, held) => up && this.#follower.onLinkUp(roomID, !held.fresh, held.moved === true),
      onUsers: (update, users) => emit("roomUserUpdate", update, users),
      onStreams: (update, streams, extendedData) => {
        this.#follower.onStreams(update, streams);
        emit("roomStreamUpdate", update, streams, extendedData);
      },
      onStreamMic: (streamID, muted) => {
        // A stream of another of our rooms is told by that one too.
        const listing = this.#listing(streamID);
        if (listing === undefined || lists(login, streamID)) this.#follower.onMic(streamID, muted);
      },
      onStreamExtraInfo: (streams) => emit("streamExtraInfoUpdate", streams),
      onRoomInfo: (infos) => emit("roomExtraInfoUpdate", infos),
      onStreamEnded: (end) => this.#follower.onStreamEnded(roomID, end),
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
    if (login !== this.#logins.get(login.roomID)) return;
    if (COARSE[reason] === "CONNECTED") this.#follower.onReady();
    if (reason === "RECONNECTING") this.#follower.onLinkLost(login.roomID);
  }

  /** The streams of a room end before it: 0 on logout, "retry time over" where the room's was, else the room's own code. */
  #onEnd(login, code) {
    const { roomID, switchedTo } = login;
    if (login !== this.#logins.get(roomID)) return;
    this.#logins.delete(roomID);
    const outOfTime = code === codes.LOGIN_TIMEOUT || code === codes.ROOM_RETRY_TIMEOUT;
    this.#follower.onRoomEnd({
      roomID,
      publishCode: outOfTime ? codes.PUBLISHER_RETRY_TIMEOUT : code,
      playCode: outOfTime ? codes.PLAYER_RETRY_TIMEOUT : code,
      lists: (streamID) => lists(login, streamID),
      switchedTo,
    });
  }

  /** @throws {ZegoError} See `logoutRoom`. */
  logout(roomID) {
    if (this.isEmpty) {
      this.#tellState(roomID ?? "", "LOGOUT", codes.SUCCESS, "no room login");
    } else if (roomID === undefined) {
      // None of them has to move from room to room.
      this.#follower.onLeavingAll();
      this.all.forEach((room) => room.logout());
    } else {
      const room = this.room(roomID);
      if (room === undefined) throw notThatRoom(roomID);
      room.logout();
    }
  }

  /** @returns {boolean} See `renewToken`. */
  renewToken(token, roomID) {
    const room = roomID === undefined ? this.#first?.room : this.room(roomID);
    if (!room || !hasTokenForm(token)) return false;
    room.renewToken(token);
    return true;
  }
}

function lists({ room }, streamID) {
  return room.streams.some((stream) => stream.streamID === streamID);
}
