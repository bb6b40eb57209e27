// Programs of this project as processes: found, started, read line by line, ended.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Where cargo builds to. */
export const TARGET = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");

/** How long anything may take that takes a tenth of it, in milliseconds. */
export const PATIENCE_MS = 30_000;

/**
 * The path of a built program.
 * @param {string} name `express-server` or `examples/publish`
 */
export function program(name) {
  const file = path.join(TARGET, "release", name);
  if (!existsSync(file)) throw new Error(`${file} is not built: make test-browser builds it`);
  return file;
}

/**
 * A temporary folder that goes with the test.
 * @param {import("node:test").TestContext} t
 */
export function workFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "express-browser-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A running program. Its standard error goes to a file, its standard output is kept line by line. */
export class Process {
  #child;
  #log;
  #lines = [];
  #wake = () => {};

  /**
   * @param {string} file the program
   * @param {string[]} args
   * @param {string} log the file that gets its standard error
   */
  constructor(file, args, log) {
    this.#log = log;
    this.#child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr.pipe(createWriteStream(log));
    createInterface(this.#child.stdout).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    /** Resolves with the exit code, or the signal's name. */
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => resolve(code ?? signal));
    });
    this.ended.then(
      () => this.#wake(),
      () => this.#wake(),
    );
  }

  /** Its process id. */
  get pid() {
    return this.#child.pid;
  }

  /** What it wrote to standard error. */
  get log() {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
  }

  /**
   * The next line of standard output that `wanted` likes; others are passed over.
   * @param {string} what for the message of the failure
   * @param {(line: string) => boolean} wanted
   */
  async line(what, wanted) {
    const passed = [];
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      while (this.#lines.length > 0) {
        const line = this.#lines.shift();
        if (wanted(line)) return line;
        passed.push(line);
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`waited for ${what}; lines: ${JSON.stringify(passed)}\nlog: ${this.log}`);
      }
      await this.#something(left);
    }
  }

  /** The lines of standard output that nobody has asked for yet. */
  rest() {
    return this.#lines.splice(0);
  }

  /** A new line, the end of the process, or `ms`. */
  #something(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends it without a word (`kill -9`) and waits until it is gone. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** Asks it to end (SIGTERM), and waits for its exit code. */
  async terminate() {
    this.#child.kill("SIGTERM");
    return this.ended;
  }

  /** Asks it to end, as Ctrl-C does, and waits for its exit code. */
  async interrupt() {
    this.#child.kill("SIGINT");
    return this.ended;
  }
}
