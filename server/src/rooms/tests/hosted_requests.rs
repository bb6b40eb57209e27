//! What a request of WHIP or WHEP is answered with, and whose it must be.

use express_token::Privileges;

use super::hosted::{created, ice, refused};
use super::words::*;
use super::world::*;
use crate::forwarder::{Credentials, NegotiateError};
use crate::rooms::{HostFault, HostRequest, HostTicket, Hosted, IfMatch, ResourceAction, ResourceRequest};

#[test]
fn who_is_refused_is_told_why_and_nobody_in_the_room_notices() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "b");
    let with = |world: &World, change: &dyn Fn(&World, &mut HostRequest)| {
        let mut request = world.host_request("alice", "r", "s", true);
        change(world, &mut request);
        request
    };
    let rights = |login, publish, streams: Option<&[&str]>| -> Privileges { privileges("r", login, publish, streams) };
    let for_rights = |world: &World, privileges| world.token_for(APP, "alice", 60, Some(privileges));
    type Change<'a> = &'a dyn Fn(&World, &mut HostRequest);
    let table: [(Change<'_>, HostFault, i32); 14] = [
        (&|_, r| r.bearer = "no token".into(), HostFault::NotAuthenticated, 1102016),
        (
            &|w, r| r.bearer = w.token_for(99, "alice", 60, None),
            HostFault::NotAuthenticated,
            1102016,
        ),
        (&|_, r| r.app_id = Some(99), HostFault::NotAuthenticated, 1001004),
        (&|_, r| r.room_id = None, HostFault::Malformed, 1002011),
        (
            &|w, r| {
                r.bearer = for_rights(w, rights(true, true, None));
                r.room_id = Some(room("r2"));
            },
            HostFault::Forbidden,
            1102016,
        ),
        (
            &|w, r| r.bearer = for_rights(w, rights(false, true, None)),
            HostFault::Forbidden,
            1102016,
        ),
        (
            &|w, r| r.bearer = for_rights(w, rights(true, false, None)),
            HostFault::Forbidden,
            1002082,
        ),
        (
            &|w, r| r.bearer = for_rights(w, rights(true, true, Some(&["t"]))),
            HostFault::Forbidden,
            1002082,
        ),
        (&|_, r| r.stream_id = stream("b"), HostFault::Taken, 1003028),
        (&|_, r| r.publish = false, HostFault::NotFound, 1104039),
        (
            &|_, r| r.offer = Err(NegotiateError::TooLong(9)),
            HostFault::TooLarge,
            1103022,
        ),
        (
            &|_, r| r.offer = Err(NegotiateError::Syntax("x".into())),
            HostFault::Malformed,
            1103022,
        ),
        (&|_, r| r.offer = Err(NegotiateError::NoOpus), HostFault::Unusable, 1103022),
        (&|_, r| r.offer = Err(NegotiateError::Busy), HostFault::Busy, 1003099),
    ];
    for (row, (change, fault, code)) in table.into_iter().enumerate() {
        let request = with(&world, change);
        let outcome = world.post(request).unwrap();
        assert_eq!(refused(outcome), (fault, code), "row {row}");
    }
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
    let expired = world.token_for(APP, "alice", 60, None);
    world.pass_with_heartbeats(61, &[bob.connection]);
    let request = with(&world, &|_, r| r.bearer = expired.clone());
    let outcome = world.post(request).unwrap();
    assert_eq!(refused(outcome), (HostFault::NotAuthenticated, 1102018));
    assert_eq!(world.state.counters().sessions, 1);
}

#[test]
fn the_room_is_the_tokens_and_the_app_id_is_found_by_its_secret() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let request = HostRequest {
        app_id: None,
        room_id: None,
        bearer: world.token_for(APP, "alice", 60, Some(privileges("r", true, true, None))),
        ..world.host_request("alice", "r", "s", true)
    };
    created(world.post(request));
    assert_eq!(world.news(bob.connection), ["+alice"]);
}

#[test]
fn what_the_media_plane_has_no_room_for_leaves_nothing_behind() {
    let mut world = World::new();
    world.refuse = Some(|| NegotiateError::TooManyPeers);
    let refusal = world.host("alice", "r", "s", true).unwrap().unwrap_err();
    assert_eq!((refusal.fault, refusal.error.code), (HostFault::Busy, 1003099));
    assert_eq!(refusal.error.retry.unwrap().after_ms, 1000);
    assert!(world.state.is_empty());
}

#[test]
fn limits_of_a_user_count_resources() {
    let mut world = World::with(|config| {
        config.limits.streams_per_user = 1;
        config.limits.plays_per_user = 1;
    });
    let alice = world.whip("alice", "r", "s");
    assert_eq!(
        refused(world.host("alice", "r", "t", true).unwrap()),
        (HostFault::Forbidden, 1003099)
    );
    world.whep("bob", "r", "s");
    assert_eq!(
        refused(world.host("bob", "r", "s", false).unwrap()),
        (HostFault::Forbidden, 1104045)
    );
    assert_eq!(world.state.counters().hosted, 2);
    assert_eq!(world.delete(&alice, "alice"), Ok(Hosted::Ended));
    assert!(world.state.is_empty(), "bob had nothing left to play");
}

#[test]
fn the_same_user_asks_again_before_the_first_answer_and_the_later_request_counts() {
    let mut world = World::new();
    world.hold = true;
    assert_eq!(world.host("alice", "r", "s", true), None);
    assert_eq!(world.host("alice", "r", "s", true), None);
    world.release();
    let (_, first) = world.hosted.pop().unwrap();
    assert_eq!(refused(first), (HostFault::Taken, 1003099));
    world.release();
    let (resource, _) = created(world.hosted.pop().map(|(_, outcome)| outcome));
    assert_eq!(world.delete(&resource, "alice"), Ok(Hosted::Ended));
    assert!(world.state.is_empty());
}

#[test]
fn candidates_are_noted_and_other_credentials_begin_ice_anew_under_another_tag() {
    let mut world = World::new();
    let (resource, etag) = created(world.host("alice", "r", "s", true));
    let tag = |tag: &str| Some(IfMatch::Tags(vec![tag.into()]));
    let restart = Ok(Some(ice(1)));
    assert_eq!(
        refused(world.patch(&resource, "alice", None, Ok(None))),
        (HostFault::NotConditional, 1100001)
    );
    let stale = world.patch(&resource, "alice", tag("other"), Ok(None));
    assert_eq!(refused(stale), (HostFault::NotCurrent, 1100001));
    let bad = world.patch(&resource, "alice", tag(&etag), Err("bad".into()));
    assert_eq!(refused(bad), (HostFault::Malformed, 1100001));
    for fragment in [Ok(None), Ok(Some(ice(0)))] {
        assert_eq!(world.patch(&resource, "alice", tag(&etag), fragment), Ok(Hosted::Noted));
    }
    let Ok(Hosted::Restarted { etag: newer, local }) = world.patch(&resource, "alice", Some(IfMatch::Any), restart.clone())
    else {
        panic!("not restarted");
    };
    assert_ne!(newer, etag);
    assert_eq!(local, ice(1), "what the media plane said");
    let late = world.patch(&resource, "alice", tag(&etag), Ok(Some(ice(0))));
    assert_eq!(
        refused(late),
        (HostFault::NotCurrent, 1100001),
        "candidates of the former session"
    );
    assert_eq!(world.patch(&resource, "alice", tag(&newer), restart), Ok(Hosted::Noted));
    let half = Credentials::new("ufrag1", ice(2).password()).unwrap();
    let half = world.patch(&resource, "alice", Some(IfMatch::Any), Ok(Some(half)));
    assert_eq!(refused(half), (HostFault::Malformed, 1100001));
    world.refuse = Some(|| NegotiateError::Busy);
    let busy = world.patch(&resource, "alice", Some(IfMatch::Any), Ok(Some(ice(3))));
    assert_eq!(refused(busy).0, HostFault::Busy);
    assert_eq!(world.state.counters().ice_restarts, 1);
}

#[test]
fn a_resource_is_its_users_also_when_the_token_it_was_made_with_expired() {
    let mut world = World::new();
    let request = HostRequest {
        bearer: world.token_for(APP, "alice", 60, None),
        ..world.host_request("alice", "r", "s", true)
    };
    let bearer = request.bearer.clone();
    let (resource, _) = created(world.post(request));
    assert_eq!(refused(world.delete(&resource, "bob")), (HostFault::Forbidden, 1102016));
    world.pass_s(61);
    let peer = world.last_peer();
    world.connected(peer);
    let action = ResourceAction::Patch {
        if_match: Some(IfMatch::Any),
        fragment: Ok(Some(ice(1))),
    };
    let request = ResourceRequest {
        resource: resource.clone(),
        bearer,
        action,
    };
    let effects = world.state.on_resource(world.at(), HostTicket(1), request);
    world.carry_out(effects);
    assert!(matches!(world.hosted.last().unwrap().1, Ok(Hosted::Restarted { .. })));
    // A newer token of the same user will do.
    assert_eq!(world.delete(&resource, "alice"), Ok(Hosted::Ended));
}

#[test]
fn where_expiry_kicks_the_newest_token_counts() {
    let mut world = World::new();
    let bob = world.login_with(express_signalling::protocol::Login {
        app_id: STRICT_APP,
        token: world.token_for(STRICT_APP, "bob", 1000, None),
        ..world.login_request("bob", "r")
    });
    let bob = bob.unwrap().connection;
    for (stream_id, ttl_s) in [("s1", 60), ("s2", 120), ("s3", 30)] {
        let request = HostRequest {
            app_id: Some(STRICT_APP),
            bearer: world.token_for(STRICT_APP, "alice", ttl_s, None),
            ..world.host_request("alice", "r", stream_id, true)
        };
        created(world.post(request));
        let peer = world.last_peer();
        world.connected(peer);
    }
    world.news(bob);
    world.pass_with_heartbeats(119, &[bob]);
    assert_eq!(world.news(bob), Vec::<String>::new());
    world.pass_with_heartbeats(2, &[bob]);
    assert_eq!(world.news(bob), ["-s1:4", "-s2:4", "-s3:4", "-alice"]);
}
