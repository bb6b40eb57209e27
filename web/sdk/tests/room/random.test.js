import assert from "node:assert/strict";
import test from "node:test";

import { Bench } from "./bench.js";
import { seeded } from "./fake-env.js";
import { Application, Server } from "./model.js";
import { fatal, kick, later } from "./words.js";

const WORLDS = 400;
const STEPS = 60;

/** What may happen next, as often as the number says. */
const HAPPENINGS = [
  [6, "pass"],
  [6, "user"],
  [6, "stream"],
  [3, "mute"],
  [3, "text"],
  [2, "loseEvent"],
  [1, "repeatEvent"],
  [1, "rubbish"],
  [4, "loseLink"],
  [2, "down"],
  [1, "offline"],
  [2, "forgetSession"],
  [2, "forgetEvents"],
  [1, "refuseLater"],
  [1, "sendOn"],
  [0.3, "refuseForGood"],
  [1, "kickToRelogin"],
  [0.3, "kick"],
  [2, "publish"],
  [2, "unpublish"],
  [1, "message"],
  [1, "renew"],
  [1, "deaf"],
  [0.5, "logout"],
  [0.5, "stop"],
];

/** One room, one server, and what fate makes of them. */
class World {
  server = new Server();
  application = new Application();
  /** An event was lost, and the client cannot know yet. */
  isBehind = false;
  wantsToPublish = false;
  pending = new Set();

  constructor(seed) {
    this.server.nodes = ["wss://two.example", "wss://three.example"].slice(0, seed % 3);
    this.fate = seeded(seed);
    this.bench = Bench.started({ servers: ["wss://voice.example.com/v1/signal"] }, seed);
  }

  pick(items) {
    return items[Math.floor(this.fate() * items.length)];
  }

  /** Lets client and server talk until both are silent. */
  settle() {
    const { bench, server } = this;
    for (let round = 0; round < 100; round += 1) {
      if (bench.socket && bench.room.state !== "DISCONNECTED" && bench.socket.sent.length === 0 && !bench.socket.isOpen) {
        if (server.down > 0) {
          server.down -= 1;
          bench.lose();
          continue;
        }
        bench.socket.isOpen = true;
        bench.open();
      }
      const sent = bench.sent();
      if (sent.length === 0) {
        break;
      }
      sent.filter(() => !server.isDeaf).forEach((frame) => server.answer(bench, frame));
    }
    this.check();
  }

  check() {
    const { bench, server } = this;
    this.isBehind &&= bench.room.isUp;
    this.application.check(bench);
    if (bench.room.isUp && !this.isBehind && !server.isDeaf) {
      this.application.agreesWith(server);
      assert.ok(this.wantsToPublish || !server.isPublishing, "a stream that nobody wants goes on at the server");
    }
  }

  /** Lets time pass in small pieces; a living server says something each second. */
  pass(seconds) {
    for (let passed = 0; passed < seconds && !this.bench.isEnded; passed += 1) {
      this.bench.pass(1);
      if (!this.server.isDeaf && this.bench.room.isUp) {
        this.bench.alive();
      }
      this.settle();
    }
  }

  bring(events) {
    events.filter(() => this.bench.room.isUp).forEach(({ seq, ...event }) => this.bench.event(seq, event));
  }

  request(type, fields) {
    const asked = this.bench.room.request(type, fields);
    this.pending.add(asked);
    const settled = () => this.pending.delete(asked);
    asked.then(settled, settled);
  }

  take(happening) {
    const { bench, server } = this;
    const name = this.pick(["u0", "u1", "u2", "u3"]);
    const stream = `${name}_${this.pick(["a", "b"])}`;
    switch (happening) {
      case "pass":
        return this.pass(Math.floor(this.fate() * 20));
      case "user":
        return this.bring(server.toggleUser(name));
      case "stream":
        return this.bring(server.toggleStream(name, stream));
      case "mute":
        return this.bring(server.change(stream, "muted"));
      case "text":
        return this.bring(server.change(stream, "text"));
      case "loseEvent":
        server.toggleUser(name);
        this.isBehind = bench.room.isUp;
        return undefined;
      case "repeatEvent":
        return this.bring(this.isBehind ? [] : server.log.slice(-1));
      case "rubbish":
        return bench.receive("rubbish");
      case "loseLink":
        return bench.socket && bench.lose();
      case "down":
        server.down = 1 + Math.floor(this.fate() * 4);
        return undefined;
      case "offline":
        return bench.env.setOnline(!bench.env.online);
      case "forgetSession":
        server.hasSession = false;
        return undefined;
      case "forgetEvents":
        server.forgotten = server.seq;
        return undefined;
      case "refuseLater":
        server.refusal = later(1002073, 2_000);
        return undefined;
      case "sendOn":
        server.refusal = { ...fatal(1002099), node: this.pick(["wss://two.example", "https://four.example", "ws://no-tls.example"]) };
        return undefined;
      case "refuseForGood":
        server.refusal = fatal(this.pick([1102016, 1002066, 1002050]));
        return undefined;
      case "kickToRelogin":
      case "kick":
        return this.kick(happening === "kickToRelogin");
      case "publish":
        this.wantsToPublish = true;
        return this.request("publish", { stream_id: "mine", offer: "" });
      case "unpublish":
        this.wantsToPublish = false;
        return this.request("unpublish", { stream_id: "mine" });
      case "message":
        return this.request("sendBroadcastMessage", { message: "hello" });
      case "renew":
        return bench.room.renewToken(this.pick(["token-1", "token-2", "token-3"]));
      case "deaf":
        server.isDeaf = this.fate() < 0.5;
        return undefined;
      default:
        return bench.room[happening]();
    }
  }

  kick(needRelogin) {
    if (this.bench.room.isUp) {
      this.server.hasSession = false;
      this.bench.event(this.server.seq + 1, kick(1002055, needRelogin));
    }
  }

  /** The server and the network are well again. */
  async heal() {
    Object.assign(this.server, { down: 0, isDeaf: false, refusal: null });
    this.bench.env.setOnline(true);
    this.pass(200);
    assert.ok(this.bench.isEnded || this.bench.room.isUp, `${this.bench.room.state} with a well server`);
    assert.ok(!this.isBehind, "a lost event was not noticed");
    assert.ok(
      this.bench.urls.every((url) => url.startsWith("wss:")),
      "TLS was given up",
    );
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(this.pending.size, 0, "a request that is never answered");
  }
}

function nextHappening(fate) {
  const all = HAPPENINGS.reduce((sum, [often]) => sum + often, 0);
  let left = fate() * all;
  return HAPPENINGS.find(([often]) => (left -= often) < 0)[1];
}

test("no server and no network makes what is told illegal, or the lists wrong, or a request hang", async () => {
  const ends = {};
  for (let seed = 0; seed < WORLDS; seed += 1) {
    const world = new World(seed);
    const steps = [];
    try {
      world.settle();
      for (let step = 0; step < STEPS && !world.bench.isEnded; step += 1) {
        steps.push(nextHappening(world.fate));
        world.take(steps.at(-1));
        world.settle();
        if (["logout", "stop"].includes(steps.at(-1))) {
          world.bench.pass(1);
          assert.ok(world.bench.isEnded, "a logout takes at most a second");
        }
      }
      await world.heal();
    } catch (error) {
      error.message += `\nseed ${seed}: ${steps.join(" ")}`;
      throw error;
    }
    ends[world.application.told] = (ends[world.application.told] ?? 0) + 1;
  }
  assert.ok(Object.keys(ends).length >= 5, `too little happens: ${JSON.stringify(ends)}`);
});
