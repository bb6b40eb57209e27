import { parseEvent, parseNotice } from "./events.js";
import { ShapeError, code, exact, object, text, whole } from "./shapes.js";

/** Version of the protocol that this client speaks (docs/protocol.md). */
export const VERSION = 1;
/** Largest frame in bytes that a client takes. */
export const MAX_SERVER_FRAME = 8 * 1024 * 1024;
/** Largest frame in bytes that a server takes. */
export const MAX_CLIENT_FRAME = 64 * 1024;
/** Largest SDP in bytes that a server takes. */
export const MAX_SDP = 16 * 1024;
/** Longest token in bytes that a server takes. */
export const MAX_TOKEN = 8 * 1024;
/** Longest extra info of a stream in bytes (documented limit). */
export const MAX_EXTRA_INFO = 1024;

/**
 * What a server sends, read and checked.
 *
 * @typedef {{ kind: "event", seq: number, event: any } | { kind: "notice", notice: any }
 *   | { kind: "ok", id: number, ok: unknown }
 *   | { kind: "error", id: number, error: { code: number, message: string, retryAfterMs: number | null, node: string | null } }} ServerFrame
 */

/**
 * Reads a frame of the server. Unknown fields are ignored; an unknown event or notice is of kind `"unknown"`.
 *
 * @param {unknown} data What the socket brought.
 * @returns {ServerFrame | undefined} `undefined` for what is no message of the protocol.
 */
export function parseFrame(data) {
  // A character has at least one byte, so more characters than this are more bytes too.
  if (typeof data !== "string" || data.length > MAX_SERVER_FRAME) {
    return undefined;
  }
  try {
    return read(object(JSON.parse(data)));
  } catch (error) {
    if (error instanceof ShapeError || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

function read(frame) {
  if (frame.event !== undefined) {
    return { kind: "event", ...parseEvent(frame) };
  }
  if (frame.notice !== undefined) {
    return { kind: "notice", notice: parseNotice(frame) };
  }
  const id = exact(frame.id);
  if (frame.error !== undefined && frame.error !== null) {
    return { kind: "error", id, error: refusal(object(frame.error)) };
  }
  return { kind: "ok", id, ok: frame.ok };
}

function refusal({ code: number, message, retry, node }) {
  const again = retry === null || retry === undefined ? null : whole(object(retry).after_ms);
  const elsewhere = node === null || node === undefined ? null : text(node);
  return { code: code(number), message: text(message), retryAfterMs: again, node: elsewhere };
}

/**
 * Writes a request.
 *
 * @param {number} id
 * @param {string} type
 * @param {Record<string, unknown>} fields
 * @returns {string}
 */
export function requestText(id, type, fields) {
  return JSON.stringify({ ...fields, id, type }, wellFormed);
}

/** Half a surrogate pair has no UTF-8: a server could not read the frame, and would drop the socket for it. */
function wellFormed(_, value) {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}
