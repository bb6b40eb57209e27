/** A track as a source of sound in an audio graph. */
export class TrackSource {
  #node;
  #element;

  /**
   * @param {import("../engine/world.js").World} world
   * @param {AudioContext} context
   * @param {MediaStreamTrack} track
   * @param {boolean} isRemote Whether it is, or may be, a stream that is played.
   */
  constructor(world, context, track, isRemote) {
    const stream = new world.MediaStream([track]);
    this.#node = context.createMediaStreamSource(stream);
    if (isRemote) this.#element = silentElement(world, stream);
  }

  /** @param {AudioNode} node Where the sound goes. */
  connect(node) {
    this.#node.connect(node);
  }

  /** Gives no more sound. */
  close() {
    this.#node.disconnect();
    if (this.#element) this.#element.srcObject = null;
  }
}

/** Chromium gives a remote track to the audio graph only while a media element plays it too (issue 40094084). */
function silentElement(world, stream) {
  const element = new world.Audio();
  element.muted = true;
  element.srcObject = stream;
  // A muted element may always play.
  element.play().catch(() => {});
  return element;
}
