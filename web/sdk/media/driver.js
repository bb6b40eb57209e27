/**
 * Carries out what a publisher's or player's state decides: one timer, one connection, and each result back under the number of
 * its try.
 *
 * A subclass has `makePeer(onEvent)`, `exchange(offer)` (a Promise of the answer), `withdraw()`, and `report(peer, attempt)`.
 */
export class StreamDriver {
  #env;
  #timer;
  #peer;
  /** The connection that is kept until there is another. */
  #former;
  #onState;

  /**
   * @param {import("./machine.js").StreamMachine} state
   * @param {import("../base/env.js").Env} env
   * @param {(state: string, code: number, text: string) => void} onState The documented states, each change once.
   */
  constructor(state, env, onState) {
    this.state = state;
    this.#env = env;
    this.#onState = onState;
  }

  /** The present connection; undefined between two. */
  get peer() {
    return this.#peer;
  }

  /** The connection that is kept beside it, where the login moved to another node. */
  get former() {
    return this.#former;
  }

  /** Begins with the first try. */
  begin() {
    this.carryOut(this.state.begin(this.now()));
  }

  /** The signalling link is back; without `resumed` the server has forgotten the stream; `moved`: to another node. */
  restore(resumed, moved = false) {
    this.carryOut(this.state.onLinkRestored(resumed, this.now(), moved));
  }

  /** The signalling link is away, and no media is wanted without it. */
  suspend() {
    this.carryOut(this.state.onLinkLost(this.now()));
  }

  /** Ends it with `code`; NO_PUBLISH or NO_PLAY is told. */
  stop(code, text) {
    this.carryOut(this.state.onStop(code, text));
  }

  /** The clock. */
  now() {
    return this.#env.now();
  }

  /** @param {object[]} effects */
  carryOut(effects) {
    for (const effect of effects) this.perform(effect);
    this.#arm();
  }

  /** Carries out one effect; a subclass adds its own. */
  perform(effect) {
    switch (effect.do) {
      case "emit":
        this.#onState(effect.state, effect.code, effect.text);
        break;
      case "open":
        this.#open(effect.attempt);
        break;
      case "exchange":
        this.#settle(this.exchange(effect.offer), "onAnswer", effect.attempt);
        break;
      case "apply":
        this.#apply(effect.attempt, effect.answer);
        break;
      case "report":
        this.look(effect.attempt, (report) => this.report(report, effect.attempt));
        break;
      case "close":
        this.closePeer();
        this.retirePeer();
        break;
      case "keep":
        this.keepPeer();
        break;
      case "discard":
        this.closePeer();
        break;
      case "retire":
        this.retirePeer();
        break;
      case "withdraw":
        this.withdraw();
        break;
      default:
    }
  }

  #open(attempt) {
    const onEvent = (event) => this.carryOut(this.state.onTransport(attempt, event, this.now(), this.#env.random()));
    this.#settle(this.#offer(onEvent), "onOffer", attempt);
  }

  /** Async for the sake of what it throws; the connection is there when it returns. */
  async #offer(onEvent) {
    this.#peer = this.makePeer(onEvent);
    return this.#peer.offer();
  }

  #apply(attempt, answer) {
    const applied = this.#peer.apply(answer);
    const feed = (error) => this.carryOut(this.state.onApplied(attempt, error, this.now(), this.#env.random()));
    applied.then(() => feed(undefined), feed);
  }

  /** Gives the end of `promise` to the state's method `name(attempt, value, error, now, random)`. */
  #settle(promise, name, attempt) {
    const feed = (value, error) => this.carryOut(this.state[name](attempt, value, error, this.now(), this.#env.random()));
    promise.then(
      (value) => feed(value, undefined),
      (error) => feed(undefined, error),
    );
  }

  /** Gives `use` the statistics of try `attempt`, unless that try is over by then. */
  look(attempt, use) {
    const peer = this.#peer;
    const current = () => peer === this.#peer && attempt === this.state.attempt && !this.state.hasEnded;
    // A connection that is closed meanwhile has no statistics, and nobody wants them.
    peer?.stats().then(
      (report) => current() && use(report),
      () => {},
    );
  }

  /** Closes the connection, if there is one. */
  closePeer() {
    this.#peer?.close();
    this.#peer = undefined;
  }

  /** Keeps the connection beside the next one. */
  keepPeer() {
    this.retirePeer();
    this.#former = this.#peer;
    this.#peer = undefined;
  }

  /** Closes the connection that is kept, if there is one. */
  retirePeer() {
    this.#former?.close();
    this.#former = undefined;
  }

  #arm() {
    this.#env.clearTimeout(this.#timer);
    const due = this.state.nextDeadline();
    if (due === undefined) return;
    const fire = () => this.carryOut(this.state.onTime(this.now(), this.#env.random()));
    this.#timer = this.#env.setTimeout(fire, Math.max(0, due - this.now()));
  }
}
