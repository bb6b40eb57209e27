// HTTP as no well-behaved client sends it.

import { connect } from "node:net";

/**
 * Sends exactly this and reads until the server closes.
 * @param {string} address `host:port`
 * @param {string[]} head the request's lines, without `Connection`
 * @param {string} [body]
 * @returns {Promise<{status: number, text: string}>} the status, and all that was answered
 */
export function rawRequest(address, head, body = "") {
  const [host, port] = address.split(":");
  const length = body ? [`Content-Length: ${Buffer.byteLength(body)}`] : [];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (data) => (text += data));
    // A server that refuses a body may close before all of it was sent.
    socket.on("error", (error) => (text ? undefined : reject(error)));
    socket.on("close", () => resolve({ status: Number(text.split(" ")[1]), text }));
    socket.write([...head, ...length, "Connection: close", "", body].join("\r\n"));
  });
}
