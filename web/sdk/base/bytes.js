const encoder = new TextEncoder();

/**
 * How many bytes a text has in UTF-8; documented limits of lengths are in bytes.
 *
 * @param {string} text
 * @returns {number}
 */
export function byteLength(text) {
  return encoder.encode(text).length;
}
