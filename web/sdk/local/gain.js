/**
 * A gain between a captured track and what is sent.
 */
export class Gain {
  #context;
  #gain;
  #source;
  #destination;

  /**
   * @param {typeof AudioContext} AudioContext
   * @param {number} channels
   * @param {() => void} onState It runs now, or does not any more.
   */
  constructor(AudioContext, channels, onState) {
    this.#context = new AudioContext();
    this.#context.addEventListener("statechange", onState);
    this.#gain = this.#context.createGain();
    this.#destination = this.#context.createMediaStreamDestination();
    this.#destination.channelCount = channels;
    this.#gain.connect(this.#destination);
  }

  /** Whether sound comes out. A browser without any sound device may never run it. */
  get isRunning() {
    return this.#context.state === "running";
  }

  /** What comes out. */
  get track() {
    return this.#destination.stream.getAudioTracks()[0];
  }

  /**
   * Takes its sound from `stream` from now on.
   *
   * @param {MediaStream} stream
   */
  feed(stream) {
    this.#source?.disconnect();
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#gain);
    // A page that captures may play, so this is allowed without a gesture.
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /** @param {number} percent 100 changes nothing */
  set(percent) {
    this.#gain.gain.value = percent / 100;
  }

  /** Ends it. */
  close() {
    this.track.stop();
    this.#context.close().catch(() => {});
  }
}
