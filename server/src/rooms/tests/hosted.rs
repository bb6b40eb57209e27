//! Users without a socket: WHIP and WHEP as the rooms see them.

use express_messages::ids::RoomId;
use express_signalling::protocol::Heartbeat;
use express_token::Privileges;

use super::words::*;
use super::world::*;
use crate::forwarder::{Credentials, GoneReason, NegotiateError};
use crate::rooms::{HostFault, HostRefusal, HostRequest, HostTicket, Hosted, IfMatch, Offered, ResourceAction, ResourceRequest};

type Outcome = Result<Hosted, HostRefusal>;

/// The client's side of the ICE session number `number`.
pub(super) fn ice(number: usize) -> Credentials {
    Credentials::new(&format!("ufrag{number}"), &format!("passwordpasswordpassword{number}")).unwrap()
}

impl World {
    /// Sends a request; the answer, if there is one already.
    fn post(&mut self, request: HostRequest) -> Option<Outcome> {
        let ticket = HostTicket(self.hosted.len() as u64 + 1000);
        let effects = self.state.on_host(self.at(), ticket, request);
        self.carry_out(effects);
        let (answered, outcome) = self.hosted.last()?;
        (*answered == ticket).then(|| outcome.clone())
    }

    fn host_request(&self, user: &str, room_id: &str, stream_id: &str, publish: bool) -> HostRequest {
        HostRequest {
            publish,
            stream_id: stream(stream_id),
            app_id: Some(APP),
            room_id: Some(RoomId::new(room_id).unwrap()),
            bearer: self.token(user),
            offer: Ok(Offered {
                sdp: "offer".into(),
                credentials: ice(0),
            }),
        }
    }

    pub(super) fn host(&mut self, user: &str, room_id: &str, stream_id: &str, publish: bool) -> Option<Outcome> {
        let request = self.host_request(user, room_id, stream_id, publish);
        self.post(request)
    }

    fn on_resource(&mut self, resource: &str, user: &str, action: ResourceAction) -> Outcome {
        let request = ResourceRequest {
            resource: resource.into(),
            bearer: self.token(user),
            action,
        };
        let ticket = HostTicket(self.hosted.len() as u64 + 1000);
        let effects = self.state.on_resource(self.at(), ticket, request);
        self.carry_out(effects);
        self.hosted.last().unwrap().1.clone()
    }

    pub(super) fn delete(&mut self, resource: &str, user: &str) -> Outcome {
        self.on_resource(resource, user, ResourceAction::Delete)
    }

    pub(super) fn patch(
        &mut self,
        resource: &str,
        user: &str,
        if_match: Option<IfMatch>,
        fragment: Result<Option<Credentials>, String>,
    ) -> Outcome {
        self.on_resource(resource, user, ResourceAction::Patch { if_match, fragment })
    }

    /// Publishes by WHIP and connects: the id of the resource.
    fn whip(&mut self, user: &str, room_id: &str, stream_id: &str) -> String {
        let (resource, _) = created(self.host(user, room_id, stream_id, true));
        let peer = self.last_peer();
        self.connected(peer);
        resource
    }

    fn whep(&mut self, user: &str, room_id: &str, stream_id: &str) -> String {
        let (resource, _) = created(self.host(user, room_id, stream_id, false));
        let peer = self.last_peer();
        self.connected(peer);
        resource
    }
}

/// Id and entity-tag.
fn created(outcome: Option<Outcome>) -> (String, String) {
    match outcome.unwrap().unwrap() {
        Hosted::Created { resource, etag, .. } => (resource, etag),
        other => panic!("{other:?}"),
    }
}

fn refused(outcome: Outcome) -> (HostFault, i32) {
    let refusal = outcome.unwrap_err();
    (refusal.fault, refusal.error.code)
}

#[test]
fn others_see_a_whip_client_come_publish_and_go_as_anybody() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let alice = world.whip("alice", "r", "s");
    assert_eq!(world.news(bob.connection), ["+alice", "+s"]);
    assert_eq!(world.code(bob.connection, play("s")), 0);
    assert_eq!(world.delete(&alice, "alice"), Ok(Hosted::Ended));
    assert_eq!(world.news(bob.connection), ["-s:1", "ended s:play:1004020", "-alice"]);
    assert_eq!(world.ended_resources, [alice.clone()]);
    assert_eq!(refused(world.delete(&alice, "alice")), (HostFault::NotFound, 1002051));
}

#[test]
fn all_resources_of_a_user_in_a_room_share_one_session_which_ends_with_the_last() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "b");
    world.news(bob.connection);
    let publishes = [world.whip("alice", "r", "s1"), world.whip("alice", "r", "s2")];
    // The same stream twice, as from two tabs.
    let plays = [world.whep("alice", "r", "b"), world.whep("alice", "r", "b")];
    assert_eq!(world.news(bob.connection), ["+alice", "+s1", "+s2"]);
    assert_eq!((world.state.counters().sessions, world.media_peers().len()), (2, 5));
    for resource in publishes.iter().chain(&plays[..1]) {
        assert_eq!(world.delete(resource, "alice"), Ok(Hosted::Ended));
    }
    assert_eq!(world.news(bob.connection), ["-s1:1", "-s2:1"]);
    assert_eq!(world.delete(&plays[1], "alice"), Ok(Hosted::Ended));
    assert_eq!(world.news(bob.connection), ["-alice"]);
    world.state.check();
}

#[test]
fn a_hosted_session_needs_no_heartbeat() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.whip("alice", "r", "s");
    world.news(bob.connection);
    world.pass_with_heartbeats(300, &[bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
}

#[test]
fn a_socket_of_the_same_user_ends_them_all_and_each_is_told_why() {
    for room_id in ["r", "elsewhere"] {
        let mut world = World::new();
        let bob = world.login("bob", "r");
        world.publish(bob.connection, "b");
        world.news(bob.connection);
        let resources = [world.whip("alice", "r", "s"), world.whep("alice", "r", "b")];
        world.login("alice", room_id);
        let news = world.news(bob.connection);
        assert_eq!(news[..3], ["+alice", "+s", "-s:3"], "{room_id}");
        assert_eq!(
            news.len(),
            if room_id == "r" { 3 } else { 4 },
            "who stays in the room is not announced anew"
        );
        for resource in resources {
            assert_eq!(refused(world.delete(&resource, "alice")), (HostFault::NotFound, 1002050));
        }
        assert_eq!(world.media_peers().len(), 1);
        world.state.check();
    }
}

#[test]
fn a_whip_request_ends_a_socket_of_the_same_user_and_its_resources_in_another_room() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let first = world.whip("alice", "r", "s1");
    assert_eq!(world.news(alice.connection), ["kick:1002050"]);
    let second = world.whip("alice", "elsewhere", "s2");
    assert_eq!(refused(world.delete(&first, "alice")), (HostFault::NotFound, 1002050));
    assert_eq!(world.delete(&second, "alice"), Ok(Hosted::Ended));
    assert_eq!(world.state.counters().sessions, 0);
}

#[test]
fn a_stream_published_again_by_the_same_user_changes_hands_without_a_gap() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let first = world.whip("alice", "r", "s");
    world.news(bob.connection);
    let (second, _) = created(world.host("alice", "r", "s", true));
    assert!(
        world.ended_resources.is_empty(),
        "the first one serves until the second one is connected"
    );
    let peer = world.last_peer();
    world.connected(peer);
    assert_eq!(world.ended_resources, [first]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
    assert_eq!(world.delete(&second, "alice"), Ok(Hosted::Ended));
    assert_eq!(world.news(bob.connection), ["-s:1", "-alice"]);
}

#[test]
fn the_deleted_one_of_two_publishers_leaves_the_stream_to_the_other() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let first = world.whip("alice", "r", "s");
    let (second, _) = created(world.host("alice", "r", "s", true));
    let next = world.last_peer();
    assert_eq!(world.delete(&first, "alice"), Ok(Hosted::Ended));
    world.state.check();
    world.connected(next);
    world.pass_with_heartbeats(60, &[bob.connection]);
    assert_eq!(world.news(bob.connection), ["+alice", "+s"]);
    assert_eq!(world.delete(&second, "alice"), Ok(Hosted::Ended));
    assert_eq!(world.news(bob.connection), ["-s:1", "-alice"]);
}

#[test]
fn lost_media_ends_stream_resource_and_session_after_the_grace() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "b");
    world.news(bob.connection);
    world.whip("alice", "r", "s");
    let publisher = world.last_peer();
    world.whep("carol", "r", "b");
    let player = world.last_peer();
    world.gone(publisher, GoneReason::ConsentLost);
    world.gone(player, GoneReason::ConsentLost);
    world.pass_with_heartbeats(14, &[bob.connection]);
    assert_eq!(world.news(bob.connection), ["+alice", "+s", "+carol"]);
    world.state.check();
    world.pass_with_heartbeats(2, &[bob.connection]);
    let mut news = world.news(bob.connection);
    news.sort();
    assert_eq!(news, ["-alice", "-carol", "-s:5"]);
    assert_eq!(world.ended_resources.len(), 2);
}

#[test]
fn a_publisher_that_comes_back_within_the_grace_was_never_away() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let lost = world.whip("alice", "r", "s");
    world.news(bob.connection);
    let peer = world.last_peer();
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(10, &[bob.connection]);
    world.whip("alice", "r", "s");
    assert_eq!(world.ended_resources, [lost]);
    world.pass_with_heartbeats(60, &[bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
}

#[test]
fn dtls_teardown_by_the_client_ends_it_at_once() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.whip("alice", "r", "s");
    world.news(bob.connection);
    let peer = world.last_peer();
    world.gone(peer, GoneReason::Closed);
    assert_eq!(world.news(bob.connection), ["-s:1", "-alice"]);
}

#[test]
fn who_never_connects_leaves_nothing_behind() {
    let mut world = World::new();
    created(world.host("alice", "r", "s", true));
    let peer = world.last_peer();
    world.gone(peer, GoneReason::NeverConnected);
    assert!(world.state.is_empty());
}

#[test]
fn a_player_ends_with_its_stream() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "b");
    let alice = world.whep("alice", "other", "b");
    assert_eq!(world.code(bob.connection, unpublish("b")), 0);
    assert_eq!(world.ended_resources, [alice]);
    assert!(world.media_peers().is_empty());
    assert_eq!(world.state.counters().sessions, 1);
}

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

#[test]
fn a_server_that_stops_takes_no_more_requests() {
    let mut world = World::new();
    let effects = world.state.drain();
    world.carry_out(effects);
    assert_eq!(
        refused(world.host("alice", "r", "s", true).unwrap()),
        (HostFault::Busy, 1002099)
    );
}

#[test]
fn a_message_to_a_whip_client_waits_for_nobody() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.whip("alice", "r", "s");
    for _ in 0..300 {
        world.pass_s(1);
        assert_eq!(world.code(bob.connection, broadcast("hello")), 0);
        let _ = world.ask(bob.connection, Heartbeat {}).unwrap();
    }
    world.state.check();
}
