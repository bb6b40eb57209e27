// A browser on a machine of its own behind a firewall, and what may stand beside the server: coturn, a certificate.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { CHROMIUM, startBrowser } from "./browsers.mjs";
import { listens } from "./ports.mjs";
import { Process, ROOT } from "./process.mjs";

const NETNS = path.join(ROOT, "tests/tools/netns.sh");

/** A machine behind a firewall (tests/tools/netns.sh), which goes with the test. */
export class Inside {
  #name;
  /** This machine's address, as seen from inside. */
  outside;

  /**
   * @param {import("node:test").TestContext} t
   * @param {string} name
   */
  constructor(t, name) {
    this.#name = `${name}-${process.pid}`;
    t.after(() => this.#run("down"));
    this.outside = /OUTSIDE=(\S+)/.exec(this.#run("up"))[1];
  }

  #run(action, ...args) {
    try {
      return execFileSync(NETNS, [action, this.#name, ...args.map(String)], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (error) {
      throw new Error(`a network namespace is needed for this test: ${error.stderr}`);
    }
  }

  /**
   * Drops all of a protocol, or what goes to or comes from a port out here.
   * @param {"udp" | "tcp"} protocol
   * @param {number} [port]
   */
  block(protocol, port) {
    this.#run("block", protocol, ...(port === undefined ? [] : [port]));
  }

  /**
   * Starts Chromium inside.
   * @param {import("node:test").TestContext} t
   * @param {string} folder for the script that starts it
   * @param {object} options as those of `startBrowser`
   */
  startChromium(t, folder, options) {
    const script = path.join(folder, "chromium-inside");
    writeFileSync(script, `#!/bin/sh\nexec "${NETNS}" exec "${this.#name}" "${CHROMIUM}" "$@"\n`);
    chmodSync(script, 0o755);
    // The driver is out here and reaches no port in there: it talks through a pipe.
    return startBrowser(t, "chromium", { ...options, program: script, pipe: true });
  }
}

/**
 * Starts coturn with the turnserver.conf of docs/reverse-proxy.md, without its TLS listener.
 * @param {import("node:test").TestContext} t
 * @param {string} folder for its files
 * @param {{address: string, port: number, secret: string}} wish where it listens, and which server alone it relays to
 */
export async function startCoturn(t, folder, { address, port, secret }) {
  const page = readFileSync(path.join(ROOT, "docs/reverse-proxy.md"), "utf8");
  const [, shown] = /^```conf turnserver\.conf\n(.*?)^```$/ms.exec(page);
  const ours = {
    "listening-port": port,
    "listening-ip": address,
    "relay-ip": address,
    "static-auth-secret": secret,
    "allowed-peer-ip": address,
  };
  const lines = shown
    .split("\n")
    .filter((line) => line !== "" && !/^(#|tls-listening-port|cert|pkey|syslog|external-ip)/.test(line));
  const changed = lines.map((line) => {
    const [key] = line.split("=");
    return key in ours ? `${key}=${ours[key]}` : line;
  });
  const state = path.join(folder, "coturn");
  mkdirSync(state);
  const added = ["no-tls", "no-dtls", "log-file=stdout", "simple-log", `pidfile=${state}/pid`, `userdb=${state}/db`];
  const file = path.join(state, "turnserver.conf");
  writeFileSync(file, [...changed, ...added, ""].join("\n"));
  const coturn = new Process("turnserver", ["-c", file], `${file}.log`);
  t.after(() => coturn.kill());
  await listens(address, port);
}

/**
 * Makes a certificate that nobody signed but itself.
 * @param {string} folder
 * @returns {{certificate: string, key: string}} PEM files
 */
export function selfSigned(folder) {
  const [certificate, key] = ["certificate.pem", "key.pem"].map((name) => path.join(folder, name));
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...kind, "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key],
    {
      stdio: "pipe",
    },
  );
  return { certificate, key };
}
