// TCP ports: free ones, and those that somebody listens on.

import { connect, createServer } from "node:net";

import { PATIENCE_MS } from "./process.mjs";

/**
 * A port that nobody listens on.
 * @param {string} [address]
 * @returns {Promise<number>}
 */
export function freePort(address = "127.0.0.1") {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, address, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until a TCP connection is taken. */
export async function listens(address, port) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isTaken(address, port))) {
    if (Date.now() > deadline) throw new Error(`nothing listens on ${address}:${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isTaken(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
