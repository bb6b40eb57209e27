/**
 * What `setEngineConfig` changes. Keys that it does not know are left alone, values out of range brought into it, as documented.
 * @module
 */

/** What is mixed in may be held back so long, ms. */
const MOST_MIX_DELAY = 1000;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const NUMBERS = {
  roomRetryTime: (seconds, settings) => {
    settings.timings = { ...settings.timings, roomRetryMs: clamp(seconds, 1, 3600) * 1000 };
  },
  streamRetryTime: (seconds, settings) => {
    settings.timings = { ...settings.timings, streamRetryMs: clamp(seconds, 1, 3600) * 1000 };
  },
  maxChannels: (count, settings) => {
    settings.maxChannels = clamp(Math.trunc(count), 1, 50);
  },
  publishQualityInterval: (ms, settings) => {
    settings.publishQualityMs = Math.max(ms, 1000);
  },
  playQualityInterval: (ms, settings) => {
    settings.playQualityMs = Math.max(ms, 1000);
  },
  mixingAudioDelay: (ms, settings) => {
    settings.mixDelayMs = clamp(ms, 0, MOST_MIX_DELAY);
  },
};

const FLAGS = {
  keepRtcWhenSignalDisconnected: (isOn, settings) => {
    settings.keepsRtc = isOn;
  },
  switchRoomNotStopPlay: (isOn, settings) => {
    settings.keepsPlayingOnSwitch = isOn;
  },
};

/**
 * @param {object} settings Of the core; changed.
 * @param {unknown} config
 */
export function applyConfig(settings, config) {
  for (const [key, value] of Object.entries(config ?? {})) {
    if (Object.hasOwn(NUMBERS, key) && Number.isFinite(value)) NUMBERS[key](value, settings);
    if (Object.hasOwn(FLAGS, key) && typeof value === "boolean") FLAGS[key](value, settings);
  }
}
