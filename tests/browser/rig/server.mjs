// The real server, and the native programs that meet it.

import { writeFileSync } from "node:fs";
import path from "node:path";

import { Process, program } from "./process.mjs";
import { APP_ID, SECRET, token } from "./tokens.mjs";

/** An express-server on free ports, of the loopback interface unless said. */
export class Server {
  #config;
  #process;
  /** `http://127.0.0.1:port` */
  url;

  /**
   * Starts one, which ends with the test.
   * @param {import("node:test").TestContext} t
   * @param {string} folder for its configuration and log
   * @param {object} [options]
   * @param {string[]} [options.allowedOrigins] pages of these origins may connect
   * @param {string} [options.listen] the address of HTTP
   * @param {number} [options.port] its port, instead of a free one
   * @param {{certificate: string, key: string}} [options.tls] PEM files, for HTTPS
   * @param {string} [options.media] the address that receives media
   * @param {string} [options.mediaMore] more TOML for `[media]`
   * @param {string} [options.more] more TOML
   * @param {string} [options.app] more TOML for its AppID
   * @param {boolean} [options.configured] false: no AppID is configured, so that there are development tokens
   */
  static async start(t, folder, options = {}) {
    const { allowedOrigins = [], listen = "127.0.0.1", port = 0, tls, media = "127.0.0.1", mediaMore = "" } = options;
    const { app = "", configured = true, more = "" } = options;
    const server = new Server();
    const files = tls ? `tls_certificate = "${tls.certificate}"\ntls_key = "${tls.key}"\n` : "";
    server.#config = (listen) =>
      `[http]\nlisten = "${listen}"\nallowed_origins = ${JSON.stringify(allowedOrigins)}\n${files}` +
      `[media]\nudp = "${media}:0"\n${mediaMore}\n${more}` +
      (configured ? `[[apps]]\nid = ${APP_ID}\nsecret = "${SECRET}"\n${app}` : "");
    server.file = path.join(folder, "server.toml");
    t.after(() => server.kill());
    await server.#run(`${listen}:${port}`);
    return server;
  }

  async #run(listen) {
    writeFileSync(this.file, this.#config(listen));
    this.#process = new Process(program("express-server"), ["serve", "--config", this.file], `${this.file}.log`);
    const ready = await this.#process.line("the server's ready line", (line) => line.startsWith("ready "));
    this.url = ready.split(/\s+/)[1];
  }

  /** `ws://127.0.0.1:port`, what a program gives its engine. */
  get signalling() {
    return this.url.replace("http", "ws");
  }

  /** `127.0.0.1:port` */
  get address() {
    return new URL(this.url).host;
  }

  /** Ends it without a word. */
  async kill() {
    await this.#process?.kill();
  }

  /** Asks it to stop, as a system does that updates it, and waits for its exit code. */
  async stop() {
    return this.#process.terminate();
  }

  /** A metric without labels. */
  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  }

  /** Starts again at the same address. */
  async restart() {
    await this.kill();
    await this.#run(this.address);
  }

  /**
   * Starts express-call in a room, which ends with the test: it says a WAV file over and over and tells events as lines of JSON.
   * @param {import("node:test").TestContext} t
   * @param {{room: string, user: string, folder: string}} who
   * @param {string} wav what is said
   * @param {...string} more further arguments
   */
  call(t, { room, user, folder }, wav, ...more) {
    const usual = ["--script", "--server", this.signalling, "--app-id", String(APP_ID), "--token", token(user)];
    const args = [...usual, "--room", room, "--user", user, "--wav", wav, "--loop", ...more];
    const call = new Process(program("express-call"), args, path.join(folder, `call-${user}.log`));
    t.after(() => call.kill());
    return call;
  }

  /**
   * Starts the example `publish`, `play` or `member` in a room, which ends with the test.
   * @param {import("node:test").TestContext} t
   * @param {"publish" | "play" | "member"} name
   * @param {{room: string, user: string, stream: string, folder: string, pass?: string}} who `pass`: its token, where ours is none
   * @param {...string} more further arguments
   */
  native(t, name, { room, user, stream, folder, pass = token(user) }, ...more) {
    const usual = ["--server", this.signalling, "--app-id", String(APP_ID), "--token", pass, "--room", room];
    const args = [...usual, "--user", user, "--stream", stream, "--json", ...more];
    const native = new Process(program(`examples/${name}`), args, path.join(folder, `${name}-${user}.log`));
    t.after(() => native.kill());
    return native;
  }
}
