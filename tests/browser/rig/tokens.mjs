// Tokens for tests, made as docs/tokens.md lays them out: a business server that is not written in Rust.

import { createCipheriv, randomBytes, randomInt } from "node:crypto";

/** The AppID of every test server. */
export const APP_ID = 1;
/** Its secret. */
export const SECRET = "0123456789abcdef0123456789abcdef";

const IV_BYTES = 12;
const MODE_GCM = 1;

/**
 * A token04 of `user`.
 * @param {string} user the userID
 * @param {object} [wish]
 * @param {number} [wish.ttl] how long it is good, seconds
 * @param {number} [wish.madeAgo] how many seconds ago it was made
 * @param {string} [wish.room] the only room it opens
 * @param {boolean} [wish.publish] whether it permits to publish
 * @param {string[]} [wish.streams] the only streams it permits to publish
 */
export function token(user, { ttl = 3600, madeAgo = 0, room, publish, streams } = {}) {
  const restricted = room !== undefined || publish !== undefined || streams !== undefined;
  const privileges = {
    room_id: room ?? "r",
    privilege: { 1: 1, 2: publish === false ? 0 : 1 },
    stream_id_list: streams ?? null,
  };
  const ctime = Math.floor(Date.now() / 1000) - madeAgo;
  const expire = ctime + ttl;
  const claims = {
    app_id: APP_ID,
    user_id: user,
    nonce: randomInt(2 ** 31),
    ctime,
    expire,
    payload: restricted ? JSON.stringify(privileges) : "",
  };
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", SECRET, iv);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(claims)), cipher.final(), cipher.getAuthTag()]);
  const head = Buffer.alloc(10);
  head.writeBigInt64BE(BigInt(expire));
  head.writeUInt16BE(iv.length, 8);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sealed.length);
  return "04" + Buffer.concat([head, iv, length, sealed, Buffer.from([MODE_GCM])]).toString("base64");
}
