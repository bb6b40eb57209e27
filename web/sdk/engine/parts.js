import { codes } from "../base/codes.js";
import { Core } from "./core.js";
import { Frames } from "./frames.js";
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
  #frames;
  #quality;
  #watch;

  /**
   * @param {import("./world.js").World} world
   * @param {{appID: number, servers: string[]}} identity
   * @param {object} [options] Of the constructor.
   */
  constructor(world, identity, options) {
    this.#core = new Core(world, identity, options);
    this.rooms = new Rooms(this.#core, this.#roomFollower());
    this.#frames = new Frames(this.#core);
    this.locals = new Locals(this.#core, this.#localFollower(), this.#frames);
    this.#quality = new NetworkQuality(this.#core, this.#qualitySources());
    const onAdded = () => this.#quality.watch();
    this.publishing = new Publishing(this.#core, this.rooms, this.locals, onAdded);
    this.playing = new Playing(this.#core, this.rooms, onAdded, this.#frames);
    this.messages = new Messages(this.rooms);
    this.levels = new SoundLevels(this.#core, {
      published: () => this.publishing.heard,
      played: () => this.playing.heard.map((heard) => ({ ...heard, isSilenced: this.rooms.streamIsMuted(heard.streamID) })),
      captured: () => this.locals.list,
    });
    this.#watch = new DeviceWatch(world, (update, type, device, groupId) => {
      this.#core.emit("audioDeviceStateChanged", update, type, device);
      if (update === "ADD" && type === "Input") this.locals.microphoneCame(device.deviceID, groupId);
    });
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
      onLinkUp: (roomID, resumed, moved) => {
        this.publishing.restore(roomID, resumed, moved);
        this.playing.restore(roomID, resumed, moved);
      },
      onLinkLost: (roomID) => {
        if (this.#core.settings.keepsRtc) return;
        this.publishing.suspend(roomID);
        this.playing.suspend(roomID);
      },
      onRoomEnd: (end) => {
        this.publishing.leave(end);
        this.playing.leave(end);
      },
      onLeavingAll: () => {
        this.publishing.endAll(codes.SUCCESS);
        this.playing.endAll(codes.SUCCESS);
      },
      onStreams: (update, streams) => {
        if (update === "ADD") streams.forEach(({ streamID }) => this.playing.appeared(streamID));
      },
      onMic: (streamID, muted) => this.#core.emit("remoteMicStatusUpdate", streamID, muted ? "MUTE" : "OPEN"),
      onStreamEnded: (roomID, { streamID, role, code, message }) =>
        (role === "publish" ? this.publishing : this.playing).ended(roomID, streamID, code, message),
      onQuality: (users) => this.#quality.note(users),
      onListeners: (reports) => this.publishing.noteReports(reports),
      onUplinks: (reports) => this.playing.noteReports(reports),
      onProtection: (streams) => this.playing.noteProtection(streams),
    };
  }

  #localFollower() {
    return {
      isPublished: (local) => this.publishing.publishes(local),
      onTrack: (local) => this.publishing.replaceTrack(local),
      onMuted: (local) => this.publishing.noteMuted(local),
      onDestroyed: (local) => {
        this.publishing.endOf(local, codes.PUBLISH_NO_CAPTURE, "the local stream was destroyed while it was published");
      },
    };
  }

  #qualitySources() {
    return {
      takeGrades: () => ({ up: this.publishing.takeGrades(), down: this.playing.takeGrades() }),
      owners: () => {
        const listed = this.rooms.all.flatMap(({ streams }) => streams);
        const played = listed.filter(({ streamID }) => this.playing.find(streamID));
        return new Set(played.map(({ user }) => user.userID));
      },
      // A report that does not arrive is followed by the next one.
      report: (up, down) => {
        const linked = this.rooms.all.filter(({ isUp }) => isUp);
        linked.forEach((room) => room.request("reportQuality", { up, down }).catch(() => {}));
      },
    };
  }

  /** Ends everything; nothing is told any more. */
  destroy() {
    if (!this.#core.end()) return;
    this.#quality.close();
    this.#watch.close();
    this.levels.close();
    this.#frames.close();
    this.publishing.endAll(codes.SUCCESS);
    this.playing.endAll(codes.ENGINE_NOT_CREATED, "the engine was destroyed");
    this.rooms.all.forEach((room) => room.stop());
    this.locals.destroyAll();
  }
}
