import { streamOf } from "./fake-media.js";

/**
 * A browser's Web Audio. What runs in its audio thread is the real thing.
 * @module
 */

/** A node of an audio graph: what it hears, and how much of that it lets through. */
class FakeNode {
  inputs = new Set();
  #outputs = new Set();
  gain = { value: 1 };
  delayTime = { value: 0 };

  /** @param {MediaStreamTrack} [track] Of a source. */
  constructor(track) {
    this.track = track;
  }

  connect(node) {
    this.#outputs.add(node);
    node.inputs.add(this);
  }

  disconnect() {
    this.#outputs.forEach((node) => node.inputs.delete(this));
  }

  /** Every track that is heard here, by its label, with the gains on its way. */
  hears() {
    const own = this.track?.enabled ? [[this.track.label, 1]] : [];
    const heard = [...this.inputs].flatMap((node) => Object.entries(node.hears()));
    return Object.fromEntries([...own, ...heard.map(([label, gain]) => [label, gain * this.gain.value])]);
  }
}

/** An audio graph in which every source has the loudness that the test gave its track. */
export class FakeContext extends EventTarget {
  state = "running";
  destination = new FakeNode();
  /** What comes out where the graph gives a MediaStream. */
  out = [];
  delays = [];
  shapers = [];

  constructor(world, { sampleRate } = {}) {
    super();
    world.contexts.push(this);
    this.world = world;
    this.sampleRate = sampleRate;
  }

  /** The module that gathers frames runs in Node as it does in an audio thread. */
  audioWorklet = { addModule: (url) => this.world.addModule(url) };

  createMediaStreamSource(stream) {
    return new FakeNode(stream.getAudioTracks()[0]);
  }

  createMediaElementSource(element) {
    if (!element.track) throw new TypeError("no media element");
    return new FakeNode(element.track);
  }

  createAnalyser() {
    const { peaks, sounds } = this.world;
    return Object.assign(new FakeNode(), {
      getFloatTimeDomainData(samples) {
        const [{ track }] = this.inputs;
        samples.fill(0);
        if (track.enabled) sounds.get(track)?.(samples);
        if (peaks.has(track)) samples[samples.length - 7] = track.enabled ? -peaks.get(track) : 0;
      },
    });
  }

  createGain() {
    return new FakeNode();
  }

  createDelay() {
    this.delays.push(new FakeNode());
    return this.delays.at(-1);
  }

  createWaveShaper() {
    this.shapers.push(new FakeNode());
    return this.shapers.at(-1);
  }

  createMediaStreamDestination() {
    const node = Object.assign(new FakeNode(), { stream: streamOf("amplified") });
    this.out.push(node);
    return node;
  }

  async resume() {}

  async close() {
    this.state = "closed";
  }
}

/** Loads the processors of a module of the audio thread, each once. */
const processors = new Map();
export async function addModule(url) {
  globalThis.AudioWorkletProcessor ??= class {
    port = globalThis.workletPort;
  };
  globalThis.registerProcessor ??= (name, Processor) => processors.set(name, Processor);
  await import(url);
}

/** The two ends of a port; what is posted arrives at once. */
function ports() {
  const [page, thread] = [{}, {}];
  page.postMessage = (data) => thread.onmessage?.({ data });
  thread.postMessage = (data) => page.onmessage?.({ data });
  return { page, thread };
}

export class FakeWorkletNode extends FakeNode {
  constructor(world, context, name, options) {
    super();
    const { page, thread } = ports();
    globalThis.workletPort = thread;
    this.context = context;
    this.port = page;
    this.options = options;
    this.processor = new (processors.get(name))(options);
    world.worklets.push(this);
  }

  /** The audio thread runs for so many samples, a hundred at a time; sample n of channel c is as `sample` says. */
  hear(samples, sample) {
    const { channelCount } = this.options;
    for (let start = 0; start < samples; start += 100) {
      const channel = (c) => Float32Array.from({ length: 100 }, (_, n) => sample(start + n, c));
      this.processor.process([this.inputs.size > 0 ? Array.from({ length: channelCount }, (_, c) => channel(c)) : []]);
    }
  }
}
