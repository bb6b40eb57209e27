/** A browser's tracks, streams and media elements. */

export class FakeTrack extends EventTarget {
  kind = "audio";
  enabled = true;
  readyState = "live";

  constructor(label = "fake") {
    super();
    this.label = label;
  }

  getSettings() {
    return { deviceId: this.label };
  }

  clone() {
    return new FakeTrack(`${this.label} copy`);
  }

  stop() {
    this.readyState = "ended";
  }
}

export class FakeStream extends EventTarget {
  #tracks;

  constructor(tracks = []) {
    super();
    this.#tracks = new Set(tracks);
  }

  getTracks() {
    return [...this.#tracks];
  }

  getAudioTracks() {
    return this.getTracks().filter(({ kind }) => kind === "audio");
  }

  getVideoTracks() {
    return this.getTracks().filter(({ kind }) => kind === "video");
  }

  addTrack(track) {
    this.#tracks.add(track);
  }

  removeTrack(track) {
    this.#tracks.delete(track);
  }
}

/** A stream of one track with this label. */
export function streamOf(label) {
  return new FakeStream([new FakeTrack(label)]);
}

export class FakeAudio {
  volume = 1;
  srcObject = null;

  constructor(world) {
    this.world = world;
    world.elements.push(this);
  }

  async play() {
    if (this.world.blocked) throw Object.assign(new Error("gesture"), { name: "NotAllowedError" });
  }

  pause() {}
}
