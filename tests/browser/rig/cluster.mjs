// Several nodes of the server, and the real nats-server by which they know each other.

import { mkdirSync } from "node:fs";
import path from "node:path";

import { freePort, listens } from "./ports.mjs";
import { PATIENCE_MS, Process } from "./process.mjs";
import { Server } from "./server.mjs";

/**
 * Starts so many nodes, which end with the test, and waits until they know each other. Each is a region of its own, so that clients
 * stay where they are put.
 * @param {import("node:test").TestContext} t
 * @param {string} folder
 * @param {number} count
 * @param {object} options as those of `Server.start`
 * @returns {Promise<Server[]>}
 */
export async function startCluster(t, folder, count, options) {
  const nats = await startNats(t, folder);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const nodes = await Promise.all(numbers.map((number) => startNode(t, folder, number, nats, options)));
  await Promise.all(nodes.map((node) => reaches(node, "express_cluster_nodes", count)));
  return nodes;
}

/** Waits until a metric of a node has this value. */
export async function reaches(node, name, value) {
  const deadline = Date.now() + PATIENCE_MS;
  let seen;
  while ((seen = await node.metric(name)) !== value) {
    if (Date.now() > deadline) throw new Error(`${name} is ${seen} at ${node.url}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function startNats(t, folder) {
  const port = await freePort();
  const store = path.join(folder, "nats");
  const args = ["--jetstream", "--addr=127.0.0.1", `--port=${port}`, `--store_dir=${store}`];
  const nats = new Process("nats-server", args, `${store}.log`);
  t.after(() => nats.kill());
  await listens("127.0.0.1", port);
  return `nats://127.0.0.1:${port}`;
}

async function startNode(t, folder, number, nats, options) {
  const port = await freePort();
  const own = path.join(folder, `n${number}`);
  mkdirSync(own);
  const cluster = `[cluster]\nnats = ["${nats}"]\nname = "n${number}"\nregion = "r${number}"\nurl = "ws://127.0.0.1:${port}"\n`;
  return Server.start(t, own, { ...options, port, more: cluster });
}
