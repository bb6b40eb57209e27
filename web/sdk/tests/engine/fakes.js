import { WORLD } from "../../engine/world.js";
import { ZegoError } from "../../base/errors.js";
import { ZegoExpressEngine } from "../../express.js";
import { addModule, FakeContext, FakeWorkletNode } from "./fake-audio-graph.js";
import { FakeAudio, FakeStream, FakeTrack, streamOf } from "./fake-media.js";

export { FakeStream, streamOf };

/** A clock that stands still until `pass`; timers fire in their order. */
export class FakeTime {
  #now = 0;
  #timers = new Map();
  #lastID = 0;

  now = () => this.#now;
  random = () => 0.5;

  setTimeout = (fn, ms) => {
    this.#lastID += 1;
    this.#timers.set(this.#lastID, { fn, due: this.#now + ms });
    return this.#lastID;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  /** Timers that run. */
  get pending() {
    return this.#timers.size;
  }

  async pass(ms) {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const [id, timer] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [];
      if (!timer || timer.due > until) break;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.due);
      timer.fn();
    }
    this.#now = until;
    await settle();
  }
}

/** Everything that is ready has happened. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

class FakePeerConnection extends EventTarget {
  iceGatheringState = "complete";
  connectionState = "new";
  packets = 0;
  played = 0;
  energy = 0;
  closed = false;

  constructor(world, config) {
    super();
    this.world = world;
    this.config = config;
    world.peers.push(this);
  }

  addTransceiver(what, { direction, sendEncodings }) {
    this.direction = direction;
    this.sent = typeof what === "string" ? undefined : what;
    this.maxBitrate = sendEncodings?.[0].maxBitrate;
    const sender = {
      transport: null,
      replaceTrack: async (track) => (this.sent = track),
      getParameters: () => ({ encodings: [{ maxBitrate: this.maxBitrate }] }),
      setParameters: async ({ encodings }) => (this.maxBitrate = encodings[0].maxBitrate),
    };
    this.receiver = { transport: null, track: new FakeTrack("remote"), ...this.world.receiver };
    return { sender, receiver: this.receiver };
  }

  async createOffer() {
    return { type: "offer", sdp: "v=0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n" };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description;
    if (this.world.connects) this.become("connected");
  }

  become(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  async getStats() {
    this.packets += this.world.flowing ? 1 : 0;
    return new Map([["i", { type: "inbound-rtp", kind: "audio", packetsReceived: this.packets, ...this.#sound() }]]);
  }

  /** What is played of a whole stream of `world.level`; nothing where the test has none. */
  #sound() {
    const { level, env } = this.world;
    if (level === undefined) return {};
    const seconds = env.now() / 1000;
    this.energy += (seconds - this.played) * level ** 2;
    this.played = seconds;
    const heard = { totalSamplesReceived: 48_000 * seconds, totalSamplesDuration: seconds, totalAudioEnergy: this.energy };
    return { packetsReceived: (1000 / this.world.frameMs) * seconds, ...heard };
  }

  close() {
    this.closed = true;
  }
}

/** A room whose server says what the test wants. */
class FakeRoom {
  isUp = false;
  streams = [];
  iceServers = [];
  /** The types of requests of this room. */
  asked = [];

  constructor(world, options, listener) {
    Object.assign(this, { world, options, listener });
    world.room = this;
    world.rooms.set(options.roomID, this);
  }

  login() {
    this.listener.onState("LOGINING", 0, "");
    const answer = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    if (this.world.accepts) this.accept();
    return answer;
  }

  accept() {
    this.isUp = true;
    this.listener.onState("LOGINED", 0, "");
    this.listener.onLink(true, { fresh: true, publishing: [], playing: [] });
    this.resolve(true);
  }

  /** The login is over. */
  end(reason, code, text = "") {
    this.isUp = false;
    this.listener.onEnd(code);
    this.listener.onState(reason, code, text);
    this.reject(new ZegoError(code, text));
  }

  logout() {
    this.end("LOGOUT", 0);
  }

  stop() {
    this.isUp = false;
  }

  /** The publisher of another user's stream mutes it, or opens it. */
  mute(streamID, muted) {
    this.muted = muted && streamID;
    this.listener.onStreamMic(streamID, muted);
  }

  streamIsMuted(streamID) {
    return this.muted === streamID;
  }

  renewToken(token) {
    this.world.requests.push(["renewToken", token]);
  }

  async request(type, fields) {
    this.world.requests.push([type, fields]);
    this.asked.push(type);
    const refusal = this.world.refusals.get(type);
    if (refusal) throw refusal;
    if (type === "publish" || type === "play") return { answer: this.world.answer };
    return this.world.results.get(type) ?? {};
  }
}

/** A browser that a test can shape. */
export class FakeWorld {
  env = new FakeTime();
  document = new EventTarget();
  location = { protocol: "http:", host: "page.example:8080" };
  MediaStream = FakeStream;
  /** The newest room, and the newest of each name. */
  room = undefined;
  rooms = new Map();
  instanceID = () => "0".repeat(32);
  requests = [];
  refusals = new Map();
  results = new Map();
  peers = [];
  elements = [];
  microphones = [];
  contexts = [];
  worklets = [];
  addModule = addModule;
  /** By track: its loudest sample, or what fills the samples that it is asked for. */
  peaks = new Map();
  sounds = new Map();
  /** The SDP that the server answers with, and what receivers have beside the usual. */
  answer = "v=0\r\n";
  receiver = {};
  /** How loud a stream is that is played as a whole; without it only packets are counted. */
  level = undefined;
  frameMs = 20;
  accepts = true;
  connects = true;
  flowing = true;
  blocked = false;
  captureError = undefined;
  defaultMicrophone = "mic";

  constructor() {
    const world = this;
    this.RTCPeerConnection = function RTCPeerConnection(config) {
      return new FakePeerConnection(world, config);
    };
    this.Room = function Room(options, listener) {
      return new FakeRoom(world, options, listener);
    };
    this.Audio = function Audio() {
      return new FakeAudio(world);
    };
    this.AudioContext = function AudioContext(options) {
      return new FakeContext(world, options);
    };
    this.AudioWorkletNode = function AudioWorkletNode(...args) {
      return new FakeWorkletNode(world, ...args);
    };
    this.mediaDevices = Object.assign(new EventTarget(), {
      devices: [{ kind: "audioinput", deviceId: "mic", label: "Microphone" }],
      enumerateDevices: async () => [...this.mediaDevices.devices],
      getUserMedia: async ({ audio }) => {
        if (this.captureError) throw Object.assign(new Error("no"), { name: this.captureError });
        this.microphones.push(audio);
        return streamOf(audio.deviceId?.exact ?? this.defaultMicrophone);
      },
    });
  }

  engine(server = "", options = {}) {
    return new ZegoExpressEngine(1, server, { ...options, [WORLD]: this });
  }

  /** The types of requests made since it was last asked. */
  asked() {
    return this.requests.splice(0).map(([type]) => type);
  }
}

const EVENTS = {
  roomStateChanged: (roomID, reason, code) => `room ${reason} ${code}`,
  publisherStateUpdate: ({ streamID, state, errorCode }) => `${streamID} ${state} ${errorCode}`,
  playerStateUpdate: ({ streamID, state, errorCode }) => `${streamID} ${state} ${errorCode}`,
  roomStreamUpdate: (roomID, update, list) => `streams ${update} ${list.map(({ streamID }) => streamID)}`,
  remoteMicStatusUpdate: (streamID, status) => `mic ${streamID} ${status}`,
};

/** The events of an engine since it was last asked, as short texts. */
export class Told {
  #lines = [];

  constructor(zg) {
    for (const [name, line] of Object.entries(EVENTS)) zg.on(name, (...args) => this.#lines.push(line(...args)));
  }

  take() {
    return this.#lines.splice(0);
  }
}

/** The answer of a server that takes Opus and RED around it. */
export const RED_ANSWER = [
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "",
].join("\r\n");

/** The form of a token04; the fake room asks no more of it. */
export const TOKEN = "04AAAAAGVT";

/** An engine that is logged in to room "r". */
export async function loggedIn(world) {
  const zg = world.engine();
  const told = new Told(zg);
  await zg.loginRoom("r", TOKEN, { userID: "alice" }, { userUpdate: true });
  told.take();
  return { zg, told };
}

/** The code that a call throws or rejects with; 0 where it does neither. */
export async function codeOf(call) {
  try {
    await call();
    return 0;
  } catch (error) {
    return error.code ?? error;
  }
}
