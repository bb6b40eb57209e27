// The page's half of a story of tests/cases: engines that are called and watched as the steps say.

import { hearTone, toneStream } from "./hearing.js";

/** The arguments of each event by their documented names; an object as only argument brings its own. */
const ARGUMENTS = {
  roomStateChanged: ["roomID", "reason", "errorCode", "extendedData"],
  roomStateUpdate: ["roomID", "state", "errorCode", "extendedData"],
  roomUserUpdate: ["roomID", "updateType", "userList"],
  roomStreamUpdate: ["roomID", "updateType", "streamList", "extendedData"],
  streamExtraInfoUpdate: ["roomID", "streamList"],
  roomExtraInfoUpdate: ["roomID", "roomExtraInfoList"],
  roomOnlineUserCountUpdate: ["roomID", "count"],
  tokenWillExpire: ["roomID", "remainTimeInSecond"],
  IMRecvBroadcastMessage: ["roomID", "messageList"],
  IMRecvBarrageMessage: ["roomID", "messageList"],
  IMRecvCustomCommand: ["roomID", "fromUser", "command"],
  publisherStateUpdate: null,
  playerStateUpdate: null,
  remoteMicStatusUpdate: ["streamID", "status"],
  soundLevelUpdate: ["soundLevelList"],
  capturedSoundLevelUpdate: ["soundLevel"],
  networkQuality: ["userID", "upstreamQuality", "downstreamQuality"],
  publishQualityUpdate: ["streamID", "stats"],
  playQualityUpdate: ["streamID", "stats"],
  deviceError: ["errorCode", "deviceName"],
};

/** Reports that come by the clock: a story may name them, and need not. */
const REPORTS = [
  "publishQualityUpdate",
  "playQualityUpdate",
  "networkQuality",
  "soundLevelUpdate",
  "capturedSoundLevelUpdate",
  "roomOnlineUserCountUpdate",
  "roomStateUpdate",
];

/** How long anything may take that takes a tenth of it, in milliseconds. */
const PATIENCE_MS = 30_000;

/** One user of a story. */
class Actor {
  #unseen = [];
  #wake = () => {};
  #local;
  #remotes = new Map();

  constructor(Engine, appID, server, options) {
    this.zg = new Engine(appID, server, options);
    for (const [event, names] of Object.entries(ARGUMENTS)) {
      const known = this.zg.on(event, (...args) => this.#happened(event, names, args));
      if (!known) throw new Error(`the engine has no event ${event}`);
    }
  }

  #happened(event, names, args) {
    const fields = names ? Object.fromEntries(names.map((name, index) => [name, args[index]])) : args[0];
    this.#unseen.push(JSON.parse(JSON.stringify({ event, ...fields })));
    this.#wake();
  }

  /** Waits for something to happen; false at `deadline`. */
  async #something(deadline) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, left);
    });
    return true;
  }

  /** The next event of that name; of a report the next that fits. Throws where another comes, or none. */
  async sees(name, wanted) {
    const deadline = performance.now() + PATIENCE_MS;
    const report = REPORTS.includes(name);
    for (;;) {
      const index = this.#unseen.findIndex((event) => event.event === name && (!report || contains(event, wanted)));
      if (index >= 0) {
        const [event] = this.#unseen.splice(index, 1);
        if (!contains(event, wanted)) throw new Error(`saw ${JSON.stringify(event)}`);
        return;
      }
      if (!(await this.#something(deadline)))
        throw new Error(`saw nothing of that name; unnamed so far: ${JSON.stringify(this.left())}`);
    }
  }

  /** What no step has named and none may leave out. */
  left() {
    return this.#unseen.filter((event) => !REPORTS.includes(event.event));
  }

  async hears(streamID, hz) {
    const remote = await this.#remotes.get(streamID);
    this.zg.createRemoteStreamView(remote).playAudio();
    const amplitude = await hearTone(remote, hz, PATIENCE_MS);
    if (amplitude < 0.2) throw new Error(`amplitude ${amplitude}`);
  }

  /** Carries out a documented call. */
  async call(name, user, given) {
    const { zg } = this;
    switch (name) {
      case "loginRoom": {
        const config = { userUpdate: given.userUpdate === true, maxMemberCount: given.maxMemberCount ?? 0 };
        const who = { userID: given.userID ?? user, userName: given.userName ?? "" };
        return zg.loginRoom(given.roomID ?? "r", given.token, who, config);
      }
      case "logoutRoom":
        return zg.logoutRoom(given.roomID);
      case "enableMultiRoom":
        return zg.enableMultiRoom(given.enable);
      case "switchRoom":
        return zg.switchRoom(given.from, given.to, { token: given.token });
      case "renewToken":
        return zg.renewToken(given.token);
      case "createZegoStream":
        this.#local = await zg.createZegoStream({ custom: { audio: { source: await toneStream(given.hz) } } });
        return;
      case "startPublishingStream":
        return zg.startPublishingStream(given.streamID, this.#local, { extraInfo: given.extraInfo, roomID: given.roomID });
      case "mutePublishStreamAudio":
        return zg.mutePublishStreamAudio(this.#local, given.mute);
      case "startPlayingStream": {
        const playing = zg.startPlayingStream(given.streamID, { roomID: given.roomID });
        if (!given.pending) await playing;
        playing.catch(() => {}); // A pending one may be given up when the story ends.
        this.#remotes.set(given.streamID, playing);
        return;
      }
      case "stopPlayingStream":
        this.#remotes.delete(given.streamID);
        return zg.stopPlayingStream(given.streamID);
      case "stopPublishingStream":
        return zg.stopPublishingStream(given.streamID);
      case "setRoomExtraInfo":
        return zg.setRoomExtraInfo(given.roomID ?? "r", given.key, given.value);
      case "setStreamExtraInfo":
        return zg.setStreamExtraInfo(given.streamID, given.extraInfo);
      case "mutePlayStreamAudio":
        return zg.mutePlayStreamAudio(given.streamID, given.mute);
      case "muteAllPlayAudioStreams":
      case "muteMicrophone":
        return zg[name](given.mute);
      case "sendBroadcastMessage":
      case "sendBarrageMessage":
        return zg[name](given.roomID ?? "r", given.message);
      case "sendCustomCommand":
        return zg.sendCustomCommand(given.roomID ?? "r", given.command, given.toUserIDList ?? []);
      case "setSoundLevelDelegate":
        return zg.setSoundLevelDelegate(given.enable, given.interval);
      default:
        throw new Error(`${name} is not a call of a story`);
    }
  }
}

/** Whether everything in `wanted` stands in `value` too. */
function contains(value, wanted) {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(value) && value.length === wanted.length && wanted.every((item, index) => contains(value[index], item))
    );
  }
  if (typeof wanted === "object" && wanted !== null) {
    return (
      typeof value === "object" && value !== null && Object.entries(wanted).every(([key, item]) => contains(value[key], item))
    );
  }
  return value === wanted;
}

const actors = new Map();

/** What the test calls. Every function is safe to call from outside: it resolves, and never rejects. */
window.story = {
  /** Loads the SDK and says how engines of this story are made. */
  async begin(sdk, appID, server, options) {
    const { ZegoExpressEngine } = await import(sdk);
    this.make = () => new Actor(ZegoExpressEngine, appID, server, options);
  },

  /**
   * One step of a user.
   * @returns {Promise<{code?: number, refused?: true, problem?: string}>} how a call failed, or why a sight is not as told
   */
  async step(user, step) {
    try {
      if (!actors.has(user)) actors.set(user, this.make());
      const actor = actors.get(user);
      if (step.do) return failure(await actor.call(step.do, user, step.with ?? {}));
      if (step.sees) await actor.sees(step.sees[0], step.sees[1]);
      else await actor.hears(step.hears, step.hz);
      return {};
    } catch (error) {
      const code = error?.code ?? error?.errorCode;
      return step.do && code !== undefined ? { code, message: error.message } : { problem: String(error?.message ?? error) };
    }
  },

  /** What each user saw and no step named. */
  left() {
    return Object.fromEntries([...actors].map(([user, actor]) => [user, actor.left()]).filter(([, left]) => left.length > 0));
  },

  end() {
    for (const actor of actors.values()) actor.zg.destroyEngine();
  },
};

/** What a call that did not throw says of itself: some resolve with a code, some with false. */
function failure(result) {
  if (result === false) return { refused: true };
  return result?.errorCode ? { code: result.errorCode } : {};
}
