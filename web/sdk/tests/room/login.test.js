import assert from "node:assert/strict";
import test from "node:test";

import { Bench, outcome } from "./bench.js";
import { fatal, kick, later, loginOk, snapshot, users } from "./words.js";

test("a login tells LOGINING, then LOGINED, then users, then streams, and resolves", async () => {
  const bench = Bench.started();
  assert.deepEqual(bench.told(), ["LOGINING 0"]);
  assert.equal(bench.room.state, "CONNECTING");
  bench.open();
  bench.accept(snapshot(4, ["a", "b"], ["s1@a", "s2@b"]));
  assert.deepEqual(bench.told(), ["LOGINED 0", "link fresh", "users +a,b", "streams +s1,s2"]);
  assert.equal(await bench.login, true);
  assert.equal(bench.room.state, "CONNECTED");
  assert.equal(bench.room.isUp, true);
});

test("the login shows what the page gave", () => {
  const bench = Bench.started({ maxMemberCount: 3 });
  bench.open();
  assert.deepEqual(bench.request(), {
    id: 1,
    type: "login",
    versions: [1],
    app_id: 1,
    room_id: "room",
    user_id: "me",
    user_name: "Me",
    token: "token-1",
    user_update: true,
    max_member_count: 3,
  });
  assert.deepEqual(bench.urls, ["ws://one/v1/signal"]);
});

test("a login says of how many loudest streams the room's players hear, if it says so", () => {
  const login = (options) => {
    const bench = Bench.started(options);
    bench.open();
    return bench.request();
  };
  assert.equal(login({ loudestStreams: 3 }).loudest_streams, 3);
  assert.ok(!("loudest_streams" in login({ loudestStreams: 0 })));
});

test("a login shows the instance of an engine that may be in several rooms, and else none", () => {
  const login = (options) => {
    const bench = Bench.started(options);
    bench.open();
    return bench.request();
  };
  assert.equal(login({ instance: "0".repeat(32) }).instance, "0".repeat(32));
  assert.ok(!("instance" in login({ instance: undefined })));
});

test("an empty room tells no lists", () => {
  const bench = Bench.started();
  bench.open();
  bench.accept();
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh"]);
});

test("without userUpdate no users are told", () => {
  const bench = Bench.started({ userUpdate: false });
  bench.open();
  bench.accept(snapshot(0, ["a"], ["s@a"]));
  bench.event(1, users("+b"));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "streams +s"]);
  assert.deepEqual(bench.room.users, []);
});

test("the client itself is in no list", () => {
  const bench = Bench.started();
  bench.open();
  bench.accept(snapshot(0, ["me", "a"], ["mine@me", "s@a"]));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "users +a", "streams +s"]);
});

test("a refusal for good is LOGIN_FAILED with the server's code, and so is the rejection", async () => {
  for (const code of [1102016, 1102018, 1002034, 1002066, 1002086, 1001004, 1002099]) {
    const bench = Bench.started();
    bench.open();
    bench.refuse(fatal(code));
    assert.deepEqual(bench.told(), ["LOGINING 0", `end ${code}`, `LOGIN_FAILED ${code}`]);
    assert.equal((await outcome(bench.login)).code, code);
    assert.equal(bench.isEnded, true);
    assert.equal(bench.env.nextTimer(), Infinity);
  }
});

test("a refusal for now is tried again when the server says", async () => {
  const bench = Bench.started();
  bench.open();
  bench.refuse(later(1002073, 2500));
  bench.pass(2.4);
  assert.deepEqual(bench.connectedAt, [0]);
  bench.pass(0.2);
  assert.deepEqual(bench.connectedAt, [0, 2.5]);
  bench.open();
  bench.accept();
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh"]);
});

test("transport faults are tried again with growing waits until the budget of 5 minutes ends in 1002031", async () => {
  const bench = Bench.started();
  while (!bench.isEnded) {
    if (bench.socket) {
      bench.lose();
    }
    bench.passUntilConnecting();
  }
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1002031", "LOGIN_FAILED 1002031"]);
  assert.equal((await outcome(bench.login)).code, 1002031);
  assert.equal(bench.seconds, 300);
  const [first, ...rest] = bench.connectedAt.slice(1).map((at, index) => at - bench.connectedAt[index]);
  assert.ok(first >= 1 && first < 4.001, `${first}`);
  assert.deepEqual(rest.slice(0, 7).map(Math.round), [4, 8, 8, 16, 16, 32, 32]);
  assert.ok(rest.slice(7).every((wait) => Math.round(wait) === 32));
});

test("a server that does not answer is left after 10 seconds", () => {
  for (const isOpened of [false, true]) {
    const bench = Bench.started();
    if (isOpened) {
      bench.open();
    }
    bench.pass(9.9);
    assert.ok(bench.socket);
    bench.pass(0.2);
    assert.equal(bench.socket, undefined);
    assert.equal(bench.counter("failedAttempts"), 1);
  }
});

test("fallback servers are tried in order without a wait, and all before the first wait", () => {
  const bench = Bench.started({ servers: ["ws://one", "ws://two", "ws://three"] });
  bench.lose();
  bench.lose();
  bench.lose();
  assert.deepEqual(bench.urls, ["ws://one", "ws://two", "ws://three"]);
  assert.deepEqual(bench.connectedAt, [0, 0, 0]);
  bench.passUntilConnecting();
  assert.equal(bench.urls[3], "ws://one");
  assert.ok(bench.seconds >= 1 && bench.seconds < 4.001);
});

test("without a server the login fails at once", async () => {
  const bench = Bench.started({ servers: [] });
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1100001", "LOGIN_FAILED 1100001"]);
  assert.equal((await outcome(bench.login)).code, 1100001);
});

test("an address that the browser forbids is one more attempt that failed, and the next server is tried", () => {
  const bench = new Bench({ servers: ["ws://forbidden", "wss://two"] });
  const { WebSocket } = bench.env;
  bench.env.WebSocket = class {
    constructor(url) {
      if (url === "ws://forbidden") {
        throw new DOMException("insecure", "SecurityError");
      }
      return new WebSocket(url);
    }
  };
  bench.room.login();
  bench.pass(0);
  assert.deepEqual(bench.urls, ["wss://two"]);
  assert.deepEqual(bench.told(), ["LOGINING 0"]);
});

test("a kick-out during the login is KICKOUT, and rejects the login", async () => {
  const bench = Bench.started();
  bench.open();
  bench.event(1, kick(1002055));
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1002055", "KICKOUT 1002055"]);
  assert.equal((await outcome(bench.login)).code, 1002055);
});

test("a version that the client did not name fails the login", () => {
  const bench = Bench.started();
  bench.open();
  bench.ok(bench.request().id, loginOk(snapshot(), { version: 2 }));
  assert.deepEqual(bench.told(), ["LOGINING 0", "end 1100999", "LOGIN_FAILED 1100999"]);
});

test("what comes before the answer to the login is counted and ignored", () => {
  const bench = Bench.started();
  bench.alive();
  bench.open();
  bench.event(1, users("+a"));
  bench.ok(99, {});
  assert.equal(bench.counter("earlyFrames"), 2);
  assert.equal(bench.counter("strayReplies"), 1);
  bench.accept(snapshot(1, ["a"]));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "users +a"]);
});

test("a link that was hung up is heard no more", () => {
  const bench = Bench.started();
  bench.open();
  const old = bench.socket;
  bench.lose();
  assert.deepEqual([old.onopen, old.onmessage, old.onclose], [null, null, null]);
  assert.equal(old.closedWith, 1000);
});

test("a Room is for one login", async () => {
  const bench = Bench.started();
  assert.equal((await outcome(bench.room.login())).code, 1102015);
  assert.deepEqual(bench.told(), ["LOGINING 0"]);
  assert.equal(bench.urls.length, 1);
});

test("the count of users is told with the login, unless it is 0", () => {
  const bench = Bench.started();
  bench.open();
  bench.ok(bench.request().id, loginOk(snapshot(0, ["a"]), { online_count: 2 }));
  assert.deepEqual(bench.told(), ["LOGINING 0", "LOGINED 0", "link fresh", "users +a", "online 2"]);
});
