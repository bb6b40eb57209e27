//! renewToken, and tokens that expire.

use express_signalling::protocol::{Heartbeat, RenewToken};

use super::words::*;
use super::world::*;

fn renew(token: String) -> RenewToken {
    RenewToken { token }
}

#[test]
fn a_renewed_token_counts_from_then_on() {
    let mut world = World::new();
    let mut login = world.login_request("alice", "r");
    login.token = world.token_for(APP, "alice", 60, None);
    let alice = world.login_with(login).unwrap();
    world.pass_with_heartbeats(70, &[alice.connection]);
    assert_eq!(world.code(alice.connection, publish("s")), 1102018);
    let token = world.token_for(APP, "alice", 90, None);
    let ok = world.ask(alice.connection, renew(token)).unwrap();
    assert_eq!(ok.token_expires_in_ms, 90_000);
    assert_eq!(world.ask(alice.connection, Heartbeat {}).unwrap().token_expires_in_ms, 90_000);
    assert_eq!(world.code(alice.connection, publish("s")), 0);
}

#[test]
fn a_token_that_is_refused_leaves_the_old_one_in_force() {
    let mut world = World::new();
    let table = [
        ("none", String::new(), 1102016),
        ("another user's", world.token("bob"), 1102016),
        (
            "another room's",
            world.token_for(APP, "alice", 60, Some(privileges("other", true, true, None))),
            1102016,
        ),
        ("an expired one", world.token_for(APP, "alice", 5, None), 1102018),
    ];
    let alice = world.login("alice", "r");
    world.pass_s(5);
    for (what, token, code) in table {
        assert_eq!(world.code(alice.connection, renew(token)), code, "{what}");
        world.pass_s(9);
    }
    world.publish(alice.connection, "s");
    assert_eq!(world.closed(alice.connection), None);
}

#[test]
fn a_stream_that_the_new_token_does_not_permit_is_stopped() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "keep");
    world.publish(alice.connection, "lose");
    assert_eq!(world.code(alice.connection, publish("connecting")), 0);
    world.play(bob.connection, "lose");
    world.news(alice.connection);
    world.news(bob.connection);
    let token = world.token_for(APP, "alice", 60, Some(privileges("r", false, true, Some(&["keep"]))));
    assert_eq!(world.code(alice.connection, renew(token)), 0);
    assert_eq!(
        world.news(alice.connection),
        ["ended lose:publish:1002082", "ended connecting:publish:1002082"]
    );
    assert_eq!(world.news(bob.connection), ["-lose:1", "ended lose:play:1004020"]);
    assert_eq!(world.state.counters().streams, 1);
}

#[test]
fn a_strict_app_id_kicks_a_user_whose_token_expires() {
    let mut world = World::new();
    let login = |world: &World, user: &str, ttl_s| {
        let mut login = world.login_request(user, "r");
        login.app_id = STRICT_APP;
        login.token = world.token_for(STRICT_APP, user, ttl_s, None);
        login
    };
    let request = login(&world, "bob", 600);
    let bob = world.login_with(request).unwrap();
    let request = login(&world, "alice", 60);
    let alice = world.login_with(request).unwrap();
    world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.pass_with_heartbeats(59, &[alice.connection, bob.connection]);
    let longer = world.token_for(STRICT_APP, "alice", 61, None);
    assert_eq!(world.code(alice.connection, renew(longer)), 0);
    world.pass_with_heartbeats(60, &[alice.connection, bob.connection]);
    assert!(world.news(bob.connection).is_empty(), "the renewal moved the deadline");
    world.pass_s(1);
    assert_eq!(world.news(alice.connection), ["kick:1102018"]);
    assert_eq!(world.closed(alice.connection), Some(1000));
    assert_eq!(world.news(bob.connection), ["-s:4", "-alice"]);
    assert_eq!(world.resume(&alice, 0).1.unwrap_err().code, 1102018);
    assert_eq!(world.state.counters().token_kicks, 1);
}
