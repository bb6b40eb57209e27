// What a page hears: of a MediaStream, measured by Web Audio.

const RATE = 48_000;
const WINDOW = 16_384;

let context;

/** The page's one AudioContext, running. */
async function running() {
  context ??= new AudioContext({ sampleRate: RATE });
  await context.resume();
  return context;
}

/**
 * Waits until `good` likes what is heard, or `ms` are over.
 * @param {MediaStream} stream
 * @param {(samples: Float32Array) => boolean} good judges the newest 0.34 s
 * @param {number} ms
 * @returns {Promise<Float32Array>} what was judged last
 */
async function listen(stream, good, ms) {
  const audio = await running();
  const source = audio.createMediaStreamSource(stream);
  const analyser = audio.createAnalyser();
  analyser.fftSize = WINDOW;
  source.connect(analyser);
  const samples = new Float32Array(WINDOW);
  const deadline = performance.now() + ms;
  try {
    do {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatTimeDomainData(samples);
    } while (!good(samples) && performance.now() < deadline);
  } finally {
    source.disconnect();
  }
  return samples;
}

/** Amplitude of a tone of `hz` in `samples`, `rate` of them a second (Goertzel). */
export function toneAmplitude(samples, hz, rate = RATE) {
  const step = (2 * Math.PI * hz) / rate;
  let [re, im] = [0, 0];
  samples.forEach((sample, n) => {
    re += sample * Math.cos(step * n);
    im -= sample * Math.sin(step * n);
  });
  return (2 * Math.hypot(re, im)) / samples.length;
}

/** Root mean square of `samples`. */
export function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/**
 * Waits for a tone.
 * @param {MediaStream} stream
 * @param {number} hz
 * @param {number} ms how long at most
 * @param {number} [least] the amplitude that counts
 * @returns {Promise<number>} the amplitude at the end; less than `least` where it never came
 */
export async function hearTone(stream, hz, ms, least = 0.2) {
  const samples = await listen(stream, (samples) => toneAmplitude(samples, hz) >= least, ms);
  return toneAmplitude(samples, hz);
}

/**
 * Waits for any sound.
 * @param {MediaStream} stream
 * @param {number} ms how long at most
 * @param {number} [least] the root mean square that counts
 * @returns {Promise<number>} the root mean square at the end
 */
export async function hearAnything(stream, ms, least = 0.01) {
  return rms(await listen(stream, (samples) => rms(samples) >= least, ms));
}

/** A MediaStream that is a tone, of amplitude 0.5 as the engine's own. */
export async function toneStream(hz) {
  const audio = await running();
  const tone = new OscillatorNode(audio, { frequency: hz });
  const gain = new GainNode(audio, { gain: 0.5 });
  const out = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
  tone.connect(gain).connect(out);
  tone.start();
  return out.stream;
}

/** A media element that plays a tone over and over, of amplitude 0.5; a whole number of `hz` has no seam. */
export async function toneElement(hz) {
  const file = new DataView(new ArrayBuffer(44 + 2 * RATE));
  const text = (at, word) => [...word].forEach((letter, n) => file.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  file.setUint32(4, file.byteLength - 8, true);
  text(8, "WAVEfmt ");
  // 16 bytes follow: PCM, one channel, its rates, 2 bytes for a sample of 16 bits.
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, RATE, true);
  file.setUint32(28, 2 * RATE, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  text(36, "data");
  file.setUint32(40, 2 * RATE, true);
  for (let n = 0; n < RATE; n += 1) file.setInt16(44 + 2 * n, 16_384 * Math.sin((2 * Math.PI * hz * n) / RATE), true);
  const element = new Audio(URL.createObjectURL(new Blob([file], { type: "audio/wav" })));
  element.loop = true;
  await element.play();
  return element;
}

/**
 * Records what comes, sample by sample.
 * @param {MediaStream} stream
 * @param {number} seconds
 * @returns {Promise<string>} mono, 48 kHz, 16 bit little-endian, base64
 */
export async function record(stream, seconds) {
  const audio = await running();
  await audio.audioWorklet.addModule("recorder-worklet.js");
  const source = audio.createMediaStreamSource(stream);
  const recorder = new AudioWorkletNode(audio, "recorder", {
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  const pcm = new Int16Array(seconds * RATE);
  let length = 0;
  await new Promise((resolve) => {
    recorder.port.onmessage = ({ data }) => {
      for (const sample of data) {
        if (length === pcm.length) return resolve();
        pcm[length++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
      }
    };
    source.connect(recorder);
  });
  source.disconnect();
  return base64(new Uint8Array(pcm.buffer));
}

function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000)
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}
