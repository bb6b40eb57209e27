import { codes } from "../base/codes.js";
import { Core } from "./core.js";
import { Locals } from "./locals.js";
import { Messages } from "./messages.js";
import { NetworkQuality } from "./network-quality.js";
import { Playing } from "./playing.js";
import { Publishing } from "./publishing.js";
import { Rooms } from "./rooms.js";
import { SoundLevels } from "./sound-levels.js";
import { DeviceWatch } from "../local/devices.js";

/** The parts of one engine, and what each means for the others. */
export class Parts {
  #core;
  #quality = new NetworkQuality();
  #qualityTimer;
  /** Played or seen streams whose publishers muted them. */
  #micMuted = new Set();
  #watch;

  /**
   * @param {import("./world.js").World} world
   * @param {{appID: number, servers: string[]}} identity
   */
  constructor(world, identity) {
    this.#core = new Core(world, identity);
    this.rooms = new Rooms(this.#core, this.#roomFollower());
    this.locals = new Locals(this.#core, this.#localFollower());
    this.publishing = new Publishing(this.#core, this.rooms, this.locals);
    this.playing = new Playing(this.#core, this.rooms);
    this.messages = new Messages(this.rooms);
    this.levels = new SoundLevels(this.#core, {
      published: () => this.publishing.list,
      played: () => this.playing.list.map((heard) => ({ ...heard, isSilenced: this.#micMuted.has(heard.streamID) })),
      captured: () => this.locals.list,
    });
    this.#watch = new DeviceWatch(world, (...change) => this.#core.emit("audioDeviceStateChanged", ...change));
    this.#armQuality();
  }

  /** What all parts share. */
  get core() {
    return this.#core;
  }

  #roomFollower() {
    return {
      onReady: () => {
        this.publishing.begin();
        this.playing.begin();
      },
      onLinkUp: (resumed) => {
        this.publishing.restore(resumed);
        this.playing.restore(resumed);
      },
      onRoomEnd: (publishCode, playCode) => this.#onRoomEnd(publishCode, playCode),
      onStreams: (update, streams) => this.#onStreams(update, streams),
      onMic: (streamID, muted) => this.#onMic(streamID, muted),
      onStreamEnded: ({ streamID, role, code, message }) =>
        (role === "publish" ? this.publishing : this.playing).ended(streamID, code, message),
      onQuality: (users) => this.#quality.note(users),
    };
  }

  #localFollower() {
    return {
      isPublished: (local) => this.publishing.publishes(local),
      onTrack: (local) => {
        this.publishing.replaceTrack(local);
        // Another kind of source may be muted otherwise.
        this.publishing.noteMuted(local);
      },
      onMuted: (local) => this.publishing.noteMuted(local),
      onDestroyed: (local) => {
        const text = "the local stream was destroyed while it was published";
        this.publishing.endAll(codes.PUBLISH_NO_CAPTURE, text, (entry) => entry.local === local);
      },
    };
  }

  #onRoomEnd(publishCode, playCode) {
    this.publishing.endAll(publishCode);
    this.playing.endAll(playCode);
    this.#micMuted.clear();
    this.#quality.clear();
  }

  #onStreams(update, streams) {
    for (const { streamID } of streams) {
      if (update === "ADD") this.playing.appeared(streamID);
      else this.#micMuted.delete(streamID);
    }
  }

  #onMic(streamID, muted) {
    if (muted) this.#micMuted.add(streamID);
    else this.#micMuted.delete(streamID);
    this.#core.emit("remoteMicStatusUpdate", streamID, muted ? "MUTE" : "OPEN");
  }

  #armQuality() {
    const { world, settings } = this.#core;
    this.#qualityTimer = world.env.setTimeout(() => this.#tellQuality(), settings.timings.qualityMs);
  }

  #tellQuality() {
    this.#armQuality();
    const { room } = this.rooms;
    const played = this.playing.list;
    const ids = new Set(played.map(({ streamID }) => streamID));
    const owners = new Set((room?.streams ?? []).filter(({ streamID }) => ids.has(streamID)).map(({ user }) => user.userID));
    const grades = (list) => list.map(({ grade }) => grade);
    const told = this.#quality.tick({ up: grades(this.publishing.list), down: grades(played), owners });
    told.forEach(({ userID, up, down }) => this.#core.emit("networkQuality", userID, up, down));
    // A report that does not arrive is followed by the next one.
    if (told.length > 0 && room?.isUp) room.request("reportQuality", { up: told[0].up, down: told[0].down }).catch(() => {});
  }

  /** Ends everything; nothing is told any more. */
  destroy() {
    if (!this.#core.end()) return;
    this.#core.world.env.clearTimeout(this.#qualityTimer);
    this.#watch.close();
    this.levels.close();
    this.publishing.endAll(codes.SUCCESS);
    this.playing.endAll(codes.ENGINE_NOT_CREATED, "the engine was destroyed");
    this.rooms.room?.stop();
    this.locals.destroyAll();
  }
}
