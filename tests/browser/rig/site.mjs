// A web site that is not the server's: the pages of an application, at an origin of their own.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PAGES = fileURLToPath(new URL("../pages/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

/**
 * Serves `tests/browser/pages/` on a free port until the test ends.
 * @param {import("node:test").TestContext} t
 * @param {string} [address] where it listens
 * @returns {Promise<string>} its origin
 */
export async function startSite(t, address = "127.0.0.1") {
  const server = createServer((request, response) => {
    const name = path.basename(new URL(request.url, "http://site").pathname);
    try {
      const body = readFileSync(path.join(PAGES, name));
      response.writeHead(200, { "Content-Type": TYPES[path.extname(name)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, address, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://${address}:${server.address().port}`;
}
