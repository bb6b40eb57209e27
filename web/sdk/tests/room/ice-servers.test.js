import assert from "node:assert/strict";
import test from "node:test";

import { iceServers } from "../../room/wire/ice-servers.js";
import { Bench } from "./bench.js";
import { heartbeatOk, loginOk, resumeOk, snapshot } from "./words.js";

const turn = (username) => ({ urls: ["turn:turn.example.com:3478?transport=tcp"], username, credential: "c" });

/** Logged in, with a heartbeat that is far away unless a link is silent. */
const up = (servers) => Bench.up(snapshot(), { heartbeat_ms: 3_600_000, ice_servers: servers });

test("the newest list of ICE servers counts: of the login, of a resume, of a heartbeat that has one", () => {
  const bench = up([turn("login")]);
  assert.deepEqual(bench.room.iceServers, [turn("login")]);
  bench.pass(5);
  bench.ok(bench.request().id, heartbeatOk());
  assert.deepEqual(bench.room.iceServers, [turn("login")], "a heartbeat without a list changes nothing");
  bench.pass(5);
  bench.ok(bench.request().id, heartbeatOk(0, { ice_servers: [turn("renewed")] }));
  assert.deepEqual(bench.room.iceServers, [turn("renewed")]);
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.ok(bench.request().id, resumeOk([], null, { ice_servers: [turn("resumed")] }));
  assert.deepEqual(bench.room.iceServers, [turn("resumed")]);
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.ok(bench.request().id, resumeOk([]));
  assert.deepEqual(bench.room.iceServers, [], "a resume without a list says that there are none");
});

test("what a browser cannot use is left out and does not fail the login", () => {
  const login = { username: "u", credential: "c" };
  const long = "x".repeat(513);
  const table = [
    [{ urls: ["stun:a", "stuns:[2001:db8::1]:5349"] }, ["stun:a", "stuns:[2001:db8::1]:5349"]],
    [{ urls: ["turn:a", "turns:a:443?transport=tcp"], ...login }, ["turn:a", "turns:a:443?transport=tcp"]],
    [{ urls: ["turn:a", "stun:a"] }, ["stun:a"]],
    [{ urls: ["turn:a"], username: "u", credential: null }, []],
    [{ urls: ["turn:a"], username: long, credential: "c" }, []],
    [{ urls: [`turn:${long}`, "http://a", "turn:", "turn:a:0", "turn:a:65536", "turn:a?transport=sctp"], ...login }, []],
    [{ urls: ["stun:a?transport=udp", "quic:a", "turn:a b", "turn:a:65535"], ...login }, ["turn:a:65535"]],
    [{ urls: Array(9).fill("stun:a") }, Array(8).fill("stun:a")],
  ];
  for (const [server, urls] of table) {
    assert.deepEqual(
      iceServers([server]).flatMap((each) => each.urls),
      urls,
      JSON.stringify(server),
    );
  }
  assert.equal(iceServers(Array(9).fill(turn("u"))).length, 8);
  assert.deepEqual(iceServers([{ urls: ["stun:a"], ...login, credentialType: "x" }]), [{ urls: ["stun:a"], ...login }]);
});

test("a list that is none makes the answer unreadable, as any field does", () => {
  for (const servers of [{}, "turn:a", [null], [{ urls: "stun:a" }], [{ urls: [7] }], [{ urls: ["stun:a"], username: 7 }]]) {
    const bench = Bench.started();
    bench.open();
    bench.ok(bench.request().id, loginOk(snapshot(), { ice_servers: servers }));
    assert.equal(bench.counter("unreadableResults"), 1, JSON.stringify(servers));
    assert.equal(bench.room.isUp, false);
  }
});
