/** A cloud of several nodes: where a client goes when one is away, sends it on, or leaves. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { MAX_NODES, Nodes } from "../../room/nodes.js";
import { Bench } from "./bench.js";
import { fatal, loginOk, options, snapshot, users } from "./words.js";

/** By the server that the program gave: what a server names, and where that leads. */
const TABLE = new URL("../../../../tests/cases/tables/nodes.json", import.meta.url);

const signal = (host) => `ws://${host}/v1/signal`;
const node = (host) => `ws://${host}`;
const sentOn = (url) => ({ ...fatal(1002099), node: url });
const leaving = (...hosts) => ({ event: "nodeLeaving", nodes: hosts.map(node) });
const cloud = (name, hosts, shown = snapshot(0, ["bob"])) => loginOk(shown, { session: name, nodes: hosts.map(node) });
const hosts = (bench) => bench.urls.map((url) => /^wss?:\/\/([^/]+)\/v1\/signal$/.exec(url)[1]);

/** Logged in at `one` to a room with bob in it; the others are two and three. */
function inACloud() {
  const bench = Bench.started();
  bench.open();
  bench.ok(bench.request().id, cloud("s-one", ["two", "three"]));
  bench.told();
  return bench;
}

/** The login stands at `one`, the socket to `two` is the newest; what comes on the old one is the test's `home`. */
function moving(...others) {
  const bench = inACloud();
  const home = bench.socket;
  bench.event(1, leaving(...others));
  return { bench, home };
}

const say = (socket, frame) => socket.onmessage({ data: JSON.stringify(frame) });

test("a node is a base URL, and what a hostile server names is left out", () => {
  const table = Object.entries(JSON.parse(readFileSync(TABLE, "utf8")));
  assert.equal(table.length, 2);
  for (const [given, rows] of table) {
    const nodes = new Nodes([`${given.slice("given ".length)}/v1/signal`]);
    rows.forEach(([named, url]) => assert.equal(nodes.usable(named) ?? null, url, `${given}: ${named}`));
  }
});

test("TLS is never given up, and no list grows", () => {
  const nodes = new Nodes(["wss://one/v1/signal"]);
  const named = ["ws://two", "http://two", "https://three", "wss://four"];
  assert.deepEqual(nodes.learn(named), ["wss://three/v1/signal", "wss://four/v1/signal"]);
  for (let round = 0; round < 50; round += 1) {
    const many = Array.from({ length: 1000 }, (_, n) => `wss://n${n}-${round}`);
    assert.equal(nodes.learn(many).length, MAX_NODES);
    nodes.standsAt("wss://one/v1/signal");
    assert.equal(nodes.count, MAX_NODES + 1);
  }
});

test("a node that died is tried once, then the next is logged in to, and only differences are told", () => {
  const bench = inACloud();
  bench.lose();
  bench.passUntilConnecting();
  bench.lose();
  assert.deepEqual(hosts(bench), ["one", "one", "two"]);
  bench.open();
  const login = bench.request();
  assert.deepEqual([login.type, login.moved_from, login.redirected], ["login", "s-one", undefined]);
  bench.ok(login.id, cloud("s-two", ["one"], snapshot(0, ["bob", "carol"])));
  assert.ok(bench.seconds < 4.1);
  assert.deepEqual(bench.told(), ["link down", "link moved", "users +carol"]);
});

test("a node that is back before another took over is asked for the session", () => {
  const bench = inACloud();
  bench.lose();
  bench.passUntilConnecting();
  [1, 2, 3].forEach(() => bench.lose());
  bench.passUntilConnecting();
  assert.deepEqual(hosts(bench), ["one", "one", "two", "three", "one"]);
  bench.open();
  assert.equal(bench.request().session, "s-one");
});

test("a node that does not answer costs four seconds where there are others", () => {
  const bench = inACloud();
  bench.lose();
  bench.passUntilConnecting();
  bench.pass(3.9);
  assert.equal(hosts(bench).at(-1), "one");
  bench.pass(0.2);
  assert.equal(hosts(bench).at(-1), "two");
});

test("an old server is never sent a word of nodes", () => {
  const bench = Bench.started({ ...options(), servers: [signal("one"), signal("two")] });
  bench.lose();
  bench.open();
  bench.accept();
  bench.lose();
  bench.passUntilConnecting();
  bench.lose();
  assert.deepEqual(hosts(bench), ["one", "two", "two", "one"]);
  bench.open();
  assert.equal(bench.sent()[0].type, "resume", "two addresses of one server, for all that is known");
  bench.error(3, fatal(1002051));
});

test("a login that is sent on goes there at once and says so", () => {
  const bench = Bench.started();
  bench.open();
  bench.refuse(sentOn("ws://two"));
  assert.deepEqual([hosts(bench), bench.seconds], [["one", "two"], 0]);
  bench.open();
  const login = bench.request();
  assert.deepEqual([login.redirected, login.moved_from], [true, undefined]);
  bench.ok(login.id, loginOk());
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh"]);
  bench.lose();
  bench.passUntilConnecting();
  assert.equal(hosts(bench).at(-1), "two", "it is at home there");
});

test("a resume that is sent on is made there", () => {
  const bench = inACloud();
  bench.lose();
  bench.passUntilConnecting();
  bench.open();
  bench.refuse(sentOn("ws://nine"));
  bench.open();
  bench.resume();
  assert.deepEqual([hosts(bench).at(-1), bench.told().at(-1)], ["nine", "link resumed"]);
});

test("nobody is sent around more than three times in an attempt, or to where nobody should go", () => {
  const bench = Bench.started();
  for (const host of ["two", "three", "four", "five"]) {
    bench.open();
    bench.refuse(sentOn(node(host)));
  }
  bench.passUntilConnecting();
  assert.deepEqual([hosts(bench), bench.seconds], [["one", "two", "three", "four", "one"], 1]);
  for (const url of ["file:///etc/passwd", "ws://user:secret@two", "nonsense"]) {
    const other = Bench.started();
    other.open();
    other.refuse(sentOn(url));
    other.passUntilConnecting();
    assert.deepEqual([hosts(other), other.seconds], [["one", "one"], 1]);
  }
});

test("a client moves while everything stands, and only differences are told", () => {
  const { bench, home } = moving("two", "three");
  assert.deepEqual([hosts(bench), home.closedWith], [["one", "two"], undefined]);
  bench.open();
  const login = bench.request();
  assert.deepEqual([login.moved_from, login.redirected], ["s-one", undefined]);
  say(home, { seq: 2, ...users("+carol") });
  assert.deepEqual(bench.told(), ["users +carol"], "until it is answered the old node is the one");
  bench.ok(login.id, cloud("s-two", ["three"], snapshot(7, ["bob", "dave"], ["s@dave"])));
  home.onclose({ code: 1000 });
  assert.deepEqual(bench.told(), ["link moved", "users -carol", "users +dave", "streams +s"]);
  bench.event(8, users("-bob"));
  bench.passAlive(60, 8);
  assert.deepEqual([bench.told(), hosts(bench).length], [["users -bob"], 2]);
});

test("what the old node still sends is told before what the new one sends", () => {
  const text = (seq, command) => ({ seq, event: "customCommand", from_user: { user_id: "bob", user_name: "bob" }, command });
  for (const closes of [false, true]) {
    const { bench, home } = moving("two");
    bench.open();
    bench.ok(bench.request().id, cloud("s-two", []));
    bench.frame(text(1, "second"));
    say(home, text(2, "first"));
    if (closes) {
      home.onclose({ code: 1000 });
    } else {
      bench.pass(0.5);
      assert.equal(home.closedWith, 1000);
    }
    const commands = bench.calls.filter(([event]) => event === "onCommand").map(([, , command]) => command);
    assert.deepEqual(commands, ["first", "second"]);
    assert.deepEqual(bench.told()[1], "link moved");
  }
});

test("a new node that dies behind its answer is reconnected to", () => {
  const { bench } = moving("two");
  bench.open();
  bench.ok(bench.request().id, cloud("s-two", []));
  bench.lose();
  assert.deepEqual(bench.told(), ["link moved", "link down"]);
  bench.passUntilConnecting();
  bench.open();
  assert.deepEqual([hosts(bench), bench.request().session], [["one", "two", "two"], "s-two"]);
});

test("a request that is out when the client moves is answered, and the next goes to the new node", async () => {
  const bench = inACloud();
  const home = bench.socket;
  const publish = () => bench.room.request("publish", { stream_id: "mine", offer: "offer" });
  const first = publish();
  bench.event(1, leaving("two"));
  bench.open();
  bench.ok(bench.request().id, cloud("s-two", []));
  home.onclose({ code: 1000 });
  await assert.rejects(first, { code: 1000017 });
  publish().catch(() => {});
  assert.equal(bench.request().type, "publish");
});

test("a move goes from node to node, and where none takes the client it stays", () => {
  const { bench, home } = moving("two", "three", "four");
  bench.lose();
  bench.open();
  bench.refuse(fatal(1002034));
  assert.deepEqual(hosts(bench), ["one", "two", "three", "four"]);
  bench.pass(4);
  say(home, { seq: 2, ...users("+carol") });
  assert.deepEqual(bench.told(), ["users +carol"]);
  home.onclose({ code: 1006 });
  bench.passUntilConnecting();
  assert.equal(hosts(bench).at(-1), "two", "the others come first now");
  bench.open();
  assert.equal(bench.request().moved_from, "s-one");
});

test("a link that is lost during a move waits for its end", () => {
  const { bench, home } = moving("two");
  bench.open();
  const login = bench.request();
  home.onclose({ code: 1006 });
  bench.pass(3);
  assert.deepEqual(hosts(bench), ["one", "two"], "two logins would end each other");
  bench.ok(login.id, cloud("s-two", []));
  assert.deepEqual(bench.told(), ["link down", "link moved"]);
});

test("a logout during a move leaves no ghost on the other node", () => {
  const { bench } = moving("two");
  const other = bench.socket;
  bench.open();
  bench.room.logout();
  bench.pass(1);
  assert.deepEqual(other.sent.map((text) => JSON.parse(text).type), ["login", "logout"]);
  assert.deepEqual([other.closedWith, bench.isEnded], [1000, true]);
});

test("a leaving node that names nobody usable is stayed with", () => {
  for (const nodes of [[], ["ws://one"], ["ftp://two", "ws://u@three"]]) {
    const bench = inACloud();
    bench.event(1, { event: "nodeLeaving", nodes });
    bench.passAlive(20, 1);
    assert.deepEqual([hosts(bench), bench.told()], [["one"], []]);
  }
});
