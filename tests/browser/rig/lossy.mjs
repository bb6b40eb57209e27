// A network that loses packets between the server and a page.

import { createSocket } from "node:dgram";

/**
 * Losses in bursts (Gilbert's model), the same for the same seed.
 * @param {number} share how many of all packets, 0 to 1
 * @param {number} run the mean length of a burst, in packets
 * @param {() => number} random
 * @returns {() => boolean} whether the next packet is lost
 */
export function burstyLoss(share, run, random) {
  const begins = share / (1 - share) / run;
  let isBad = false;
  return () => (isBad = isBad ? random() >= 1 / run : random() < begins);
}

/** RTP and not RTCP, by RFC 5761 section 4; STUN and DTLS begin with smaller bytes (RFC 7983). */
function isRtp(packet) {
  const type = packet[1] & 0x7f;
  return packet[0] >> 6 === 2 && (type < 64 || type > 95);
}

/** A way to a UDP port of this machine on which RTP gets lost, and nothing else. */
export class LossyLink {
  #near = createSocket("udp4");
  /** By the address of a client, for a browser tries several: the socket that it has toward the server. */
  #far = new Map();
  #port;
  #losses;
  /** RTP packets on their way to the server and back: how many, how many of them were lost, bytes, how many of each payload type. */
  counted = { up: { rtp: 0, lost: 0, bytes: 0, types: {} }, down: { rtp: 0, lost: 0, bytes: 0, types: {} } };

  /**
   * Opens one, which ends with the test; it leads nowhere until `leadTo`.
   * @param {import("node:test").TestContext} t
   * @param {{up?: () => boolean, down?: () => boolean}} losses asked for each packet of RTP to the server, and back
   */
  static async open(t, losses) {
    const link = new LossyLink();
    link.#losses = losses;
    link.#near.on("message", (packet, from) => link.#up(packet, from));
    t.after(() => [link.#near, ...link.#far.values()].forEach((socket) => socket.close()));
    await new Promise((resolve) => link.#near.bind(0, "127.0.0.1", resolve));
    return link;
  }

  /**
   * Says where it leads.
   * @param {number} port
   * @returns {number} where a client reaches it
   */
  leadTo(port) {
    this.#port = port;
    return this.#near.address().port;
  }

  #up(packet, { address, port }) {
    const from = `${address}:${port}`;
    if (!this.#far.has(from)) {
      const far = createSocket("udp4", (back) => this.#isLost("down", back) || this.#near.send(back, port, address));
      this.#far.set(from, far);
    }
    if (!this.#isLost("up", packet)) this.#far.get(from).send(packet, this.#port, "127.0.0.1");
  }

  #isLost(way, packet) {
    if (!isRtp(packet)) return false;
    const isLost = this.#losses[way]?.() ?? false;
    const counted = this.counted[way];
    const type = packet[1] & 0x7f;
    counted.rtp += 1;
    counted.lost += isLost ? 1 : 0;
    counted.bytes += packet.length;
    counted.types[type] = (counted.types[type] ?? 0) + 1;
    return isLost;
  }
}
