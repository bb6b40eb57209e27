//! A user in several rooms at a time, by logins of one instance.

use express_messages::ids::InstanceId;
use express_signalling::protocol::{Login, Logout};

use super::words::*;
use super::world::*;
use crate::rooms::admin::KickUsers;

impl World {
    /// A login that shows this instance.
    fn login_of(&mut self, instance: u8, user: &str, room_id: &str) -> Client {
        let request = self.request_of(instance, user, room_id);
        self.login_with(request).unwrap()
    }

    fn request_of(&self, instance: u8, user: &str, room_id: &str) -> Login {
        Login {
            instance: Some(InstanceId::new([instance; 16])),
            ..self.login_request(user, room_id)
        }
    }
}

#[test]
fn logins_of_one_instance_coexist_and_leaving_one_room_leaves_the_others() {
    let mut world = World::new();
    let (bob, carol) = (world.login("bob", "r1"), world.login("carol", "r2"));
    let one = world.login_of(1, "alice", "r1");
    let two = world.login_of(1, "alice", "r2");
    world.state.check();
    assert_eq!(world.state.counters().sessions, 4);
    assert_eq!(world.news(bob.connection), ["+alice"]);
    assert_eq!(world.news(carol.connection), ["+alice"]);
    world.publish(one.connection, "a1");
    assert_eq!(
        (world.news(bob.connection), world.news(carol.connection)),
        (vec!["+a1".into()], vec![])
    );
    assert_eq!(world.code(one.connection, Logout {}), 0);
    assert_eq!(world.news(bob.connection), ["-a1:1", "-alice"]);
    assert!(world.news(carol.connection).is_empty() && world.news(two.connection).is_empty());
    assert_eq!(
        (world.closed(two.connection), world.code(two.connection, broadcast("hi"))),
        (None, 0)
    );
    assert_eq!(world.news(carol.connection), ["alice to all: hi"]);
}

#[test]
fn a_login_of_the_same_instance_to_the_same_room_replaces_that_one_alone_and_nobody_notices() {
    let mut world = World::new();
    let bob = world.login("bob", "r1");
    let one = world.login_of(1, "alice", "r1");
    let two = world.login_of(1, "alice", "r2");
    world.publish(one.connection, "a1");
    world.news(bob.connection);
    world.lose(one.connection);
    let again = world.login_of(1, "alice", "r1");
    world.state.check();
    assert_eq!(world.closed(two.connection), None);
    assert!(world.news(bob.connection).is_empty(), "neither the user nor the stream went");
    world.publish(again.connection, "a1");
    assert!(world.news(two.connection).is_empty(), "nobody hears of oneself");
    let (_, late) = world.resume(&one, 0);
    assert_eq!(late.unwrap_err().code, 1002050);
}

#[test]
fn any_other_login_of_the_user_ends_all_rooms() {
    type Other = fn(&mut World);
    let others: [(&str, Other); 3] = [
        ("another instance", |world| drop(world.login_of(2, "alice", "r3"))),
        ("a single room", |world| drop(world.login("alice", "r1"))),
        ("by WHIP", |world| {
            let _ = world.host("alice", "r3", "s", true);
        }),
    ];
    for (what, other) in others {
        let mut world = World::new();
        let one = world.login_of(1, "alice", "r1");
        let two = world.login_of(1, "alice", "r2");
        other(&mut world);
        world.state.check();
        for former in [&one, &two] {
            assert_eq!(world.news(former.connection), ["kick:1002050"], "{what}");
            assert_eq!(world.closed(former.connection), Some(1000), "{what}");
        }
        assert_eq!(world.state.counters().sessions, 1, "{what}");
    }
}

#[test]
fn a_login_of_an_instance_ends_one_without() {
    let mut world = World::new();
    let single = world.login("alice", "r1");
    world.login_of(1, "alice", "r2");
    world.state.check();
    assert_eq!(world.news(single.connection), ["kick:1002050"]);
}

#[test]
fn a_user_may_be_in_five_rooms_and_the_sixth_is_refused_until_one_is_left() {
    let mut world = World::new();
    let rooms: Vec<_> = (0..5).map(|n| world.login_of(1, "alice", &format!("r{n}"))).collect();
    let sixth = world.request_of(1, "alice", "r5");
    let refusal = world.login_with(sixth.clone()).unwrap_err();
    assert_eq!((refusal.code, refusal.retry), (1002037, None));
    let again = world.login_of(1, "alice", "r4");
    assert_eq!(
        world.closed(rooms[4].connection),
        Some(1000),
        "the same room is no further one"
    );
    assert_eq!(world.code(again.connection, Logout {}), 0);
    assert!(world.login_with(sixth).is_ok());
}

#[test]
fn an_app_id_may_refuse_users_in_several_rooms_and_says_so_to_who_has_a_token() {
    let mut world = World::new();
    let mut refused = world.request_of(1, "alice", "r");
    (refused.app_id, refused.token) = (ONE_ROOM_APP, world.token_for(ONE_ROOM_APP, "alice", 60, None));
    let single = Login {
        instance: None,
        ..refused.clone()
    };
    let guess = Login {
        token: "04".into(),
        ..refused.clone()
    };
    assert_eq!(world.login_with(refused).unwrap_err().code, 1002036);
    assert_eq!(world.login_with(guess).unwrap_err().code, 1102016);
    assert!(world.login_with(single).is_ok());
}

#[test]
fn a_stream_belongs_to_one_of_its_users_rooms() {
    let mut world = World::new();
    let one = world.login_of(1, "alice", "r1");
    let two = world.login_of(1, "alice", "r2");
    let bob = world.login("bob", "r1");
    world.publish(one.connection, "a1");
    assert_eq!(world.code(two.connection, publish("a1")), 1003028, "it is in the other room");
    assert_eq!(world.code(two.connection, mute("a1", true)), 1103055);
    world.news(bob.connection);
    // What a login anew has not taken up yet may be taken to the other room.
    world.lose(one.connection);
    let again = world.login_of(1, "alice", "r1");
    world.publish(two.connection, "a1");
    world.state.check();
    assert_eq!(world.news(bob.connection), ["-a1:3"]);
    assert_eq!(world.code(again.connection, publish("a1")), 1003028);
}

#[test]
fn who_plays_a_stream_of_ones_own_other_room_hears_nothing_of_oneself() {
    let mut world = World::new();
    let one = world.login_of(1, "alice", "r1");
    let two = world.login_of(1, "alice", "r2");
    let bob = world.login("bob", "r2");
    world.publish(one.connection, "a1");
    assert_eq!(world.code(one.connection, mute("a1", true)), 0);
    world.play(two.connection, "a1");
    world.play(bob.connection, "a1");
    assert_eq!(world.code(one.connection, mute("a1", false)), 0);
    assert_eq!(world.news(bob.connection), ["mic a1:true", "mic a1:false"]);
    assert!(world.news(two.connection).iter().all(|news| news == "+bob"));
}

#[test]
fn a_kick_and_a_command_concern_the_room_that_they_name() {
    let mut world = World::new();
    let one = world.login_of(1, "alice", "r1");
    let two = world.login_of(1, "alice", "r2");
    let bob = world.login("bob", "r2");
    assert_eq!(world.code(bob.connection, command("sit", &["alice"])), 0);
    let told: Vec<_> = world.news(two.connection).into_iter().filter(|news| news != "+bob").collect();
    assert_eq!((told, world.news(one.connection)), (vec!["bob: sit".to_owned()], vec![]));
    let kick = KickUsers {
        room_id: room("r1"),
        user_ids: vec!["alice".parse().unwrap()],
        reason: String::new(),
    };
    world.admin(kick).unwrap();
    world.state.check();
    assert_eq!(world.news(one.connection), ["kick:1002055"]);
    assert_eq!(world.closed(two.connection), None);
}

#[test]
fn where_rooms_are_kept_apart_a_user_in_two_of_them_plays_the_streams_of_both_and_of_no_room_that_was_left() {
    let mut world = World::new();
    let login = |world: &mut World, instance: u8, user: &str, room_id: &str| {
        let mut request = world.request_of(instance, user, room_id);
        request.app_id = STRICT_APP;
        request.token = world.token_for(STRICT_APP, user, 60, None);
        world.login_with(request).unwrap()
    };
    let alice = login(&mut world, 1, "alice", "r2");
    world.publish(alice.connection, "s");
    let one = login(&mut world, 2, "bob", "r1");
    assert_eq!(world.code(one.connection, play("s")), 1104039);
    let two = login(&mut world, 2, "bob", "r2");
    let peer = world.play(one.connection, "s");
    world.news(one.connection);
    assert_eq!(world.code(two.connection, Logout {}), 0);
    assert_eq!(world.news(one.connection), ["ended s:play:1004020"]);
    assert!(
        !world.media_peers().contains(&peer),
        "who has left a room does not hear it by way of another"
    );
    assert_eq!(world.code(one.connection, play("s")), 1104039);
    world.state.check();
}
