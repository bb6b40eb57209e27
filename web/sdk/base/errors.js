/**
 * What a documented call throws, rejects with or resolves to when it fails.
 *
 * The documented calls fail in four shapes: `{code, msg}`, `{code, message}`, `{errorCode, extendedData}`, or both of the
 * last. This one has all of them, so whatever a program looks at is there. All fields are enumerable: they survive
 * `JSON.stringify` and spreading.
 */
export class ZegoError extends Error {
  /**
   * @param {number} code The documented code, see `codes.js`.
   * @param {string} message For people: what was wrong and what to do about it.
   * @param {number | null} [retryAfterMs] Of a request to the server: after how many milliseconds at the earliest the same
   *   request may be made again; `null` for never (the answer would be the same). Left out where the request did not get
   *   through, or for an error that is no answer of a server.
   */
  constructor(code, message, retryAfterMs) {
    super(message);
    this.name = "ZegoError";
    /** The documented code. */
    this.code = code;
    /** The same as `code`. */
    this.errorCode = code;
    Object.defineProperty(this, "message", { value: message, enumerable: true, writable: true, configurable: true });
    /** The same as `message`. */
    this.msg = message;
    /** The same as `message`. */
    this.extendedData = message;
    /** See the constructor. */
    this.retryAfterMs = retryAfterMs;
  }
}
