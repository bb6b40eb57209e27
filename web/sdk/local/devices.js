import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";

/**
 * Microphones and speakers.
 *
 * @typedef {{deviceName: string, deviceID: string}} ZegoDeviceInfo
 * @module
 */

const KINDS = [
  ["audioinput", "Input"],
  ["audiooutput", "Output"],
];

function infoOf({ label, deviceId }) {
  return { deviceName: label, deviceID: deviceId };
}

/**
 * All devices of the browser. Their names and ids are empty before the user has allowed a microphone.
 *
 * @param {import("../engine/world.js").World} world
 * @returns {Promise<{microphones: ZegoDeviceInfo[], speakers: ZegoDeviceInfo[], cameras: ZegoDeviceInfo[]}>} No cameras: this is
 *   the audio SDK. Rejects with 1103011 where the browser does not list them.
 */
export async function enumDevices(world) {
  try {
    const devices = await world.mediaDevices.enumerateDevices();
    const ofKind = (kind) => devices.filter((device) => device.kind === kind).map(infoOf);
    return { microphones: ofKind("audioinput"), speakers: ofKind("audiooutput"), cameras: [] };
  } catch (error) {
    const text = `the browser lists no devices (${error.message}); open the page from https or localhost`;
    throw new ZegoError(codes.ENUMERATE_DEVICES_FAIL, text);
  }
}

/**
 * The microphones that are there.
 *
 * @param {import("../engine/world.js").World} world
 * @returns {Promise<MediaDeviceInfo[] | undefined>} `undefined` where the browser does not list them.
 */
export async function listMicrophones(world) {
  const devices = await world.mediaDevices.enumerateDevices().catch(() => undefined);
  return devices?.filter(({ kind }) => kind === "audioinput");
}

/** Tells which devices come and go (`audioDeviceStateChanged`). */
export class DeviceWatch {
  #world;
  #onChange;
  #known;
  #look = () => this.#compare();

  /**
   * @param {import("../engine/world.js").World} world
   * @param {(update: "ADD" | "DELETE", type: "Input" | "Output", device: ZegoDeviceInfo, groupId: string) => void} onChange
   *   The `groupId` is that of the browser: one for all that is one thing.
   */
  constructor(world, onChange) {
    this.#world = world;
    this.#onChange = onChange;
    this.#known = this.#list();
    world.mediaDevices?.addEventListener?.("devicechange", this.#look);
  }

  /** Tells nothing any more. */
  close() {
    this.#world.mediaDevices?.removeEventListener?.("devicechange", this.#look);
  }

  #list() {
    const listed = this.#world.mediaDevices?.enumerateDevices?.() ?? Promise.resolve([]);
    // Where nothing is listed nothing changes.
    return listed.catch(() => []);
  }

  async #compare() {
    const [before, after] = [this.#known, this.#list()];
    this.#known = after;
    this.#tell("DELETE", await before, await after);
    this.#tell("ADD", await after, await before);
  }

  /** Tells what is in `all` and not in `others`. Before a permission no device has an id, and none is told. */
  #tell(update, all, others) {
    const isNew = (device) => !others.some((other) => other.kind === device.kind && other.deviceId === device.deviceId);
    for (const [kind, type] of KINDS) {
      const changed = all.filter((device) => device.kind === kind && device.deviceId !== "" && isNew(device));
      if (others.some((other) => other.kind === kind && other.deviceId === "")) continue;
      changed.forEach((device) => this.#onChange(update, type, infoOf(device), device.groupId));
    }
  }
}
