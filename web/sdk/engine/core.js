import { codes } from "../base/codes.js";
import { Emitter } from "../base/emitter.js";
import { ZegoError } from "../base/errors.js";
import { DEFAULT_TIMINGS } from "../base/timings.js";
import { EVENTS } from "./events.js";
import { scenarioOf } from "./scenario.js";

/** Most streams played at once unless `setEngineConfig` says otherwise. */
const MAX_CHANNELS = 12;

/** What the parts of one engine share: the browser, the listeners, the settings, and whether the engine still lives. */
export class Core {
  #alive = true;

  /**
   * @param {import("./world.js").World} world
   * @param {{appID: number, servers: string[]}} identity
   * @param {{timings?: Partial<typeof DEFAULT_TIMINGS>, scenario?: number}} [options] Of the constructor; `timings` are what
   *   differs from the default table.
   */
  constructor(world, identity, { timings, scenario } = {}) {
    const table = { ...DEFAULT_TIMINGS, ...timings };
    this.world = world;
    this.identity = identity;
    this.emitter = new Emitter(EVENTS);
    this.settings = {
      timings: table,
      maxChannels: MAX_CHANNELS,
      keepsPlayingOnSwitch: false,
      keepsRtc: true,
      mixDelayMs: 0,
      scenario: scenarioOf(scenario),
      publishQualityMs: table.qualityMs,
      playQualityMs: table.qualityMs,
    };
  }

  /** Tells an event, while the engine lives. */
  emit(name, ...args) {
    if (this.#alive) this.emitter.emit(name, ...args);
  }

  /** @throws {ZegoError} 1000001 once the engine was destroyed. */
  requireAlive() {
    if (!this.#alive) throw new ZegoError(codes.ENGINE_NOT_CREATED, "this engine was destroyed; make a new one");
  }

  /**
   * The engine ends: nothing is told any more.
   *
   * @returns {boolean} `false` where it had ended before.
   */
  end() {
    const was = this.#alive;
    this.#alive = false;
    return was;
  }
}
