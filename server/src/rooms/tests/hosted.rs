//! Users without a socket: WHIP and WHEP as the rooms see them.

use express_messages::ids::RoomId;
use express_signalling::protocol::Heartbeat;

use super::words::*;
use super::world::*;
use crate::forwarder::{Credentials, GoneReason};
use crate::rooms::{HostFault, HostRefusal, HostRequest, HostTicket, Hosted, IfMatch, Offered, ResourceAction, ResourceRequest};

pub(super) type Outcome = Result<Hosted, HostRefusal>;

/// The client's side of the ICE session number `number`.
pub(super) fn ice(number: usize) -> Credentials {
    Credentials::new(&format!("ufrag{number}"), &format!("passwordpasswordpassword{number}")).unwrap()
}

impl World {
    /// Sends a request; the answer, if there is one already.
    pub(super) fn post(&mut self, request: HostRequest) -> Option<Outcome> {
        let ticket = HostTicket(self.hosted.len() as u64 + 1000);
        let effects = self.state.on_host(self.at(), ticket, request);
        self.carry_out(effects);
        let (answered, outcome) = self.hosted.last()?;
        (*answered == ticket).then(|| outcome.clone())
    }

    pub(super) fn host_request(&self, user: &str, room_id: &str, stream_id: &str, publish: bool) -> HostRequest {
        HostRequest {
            publish,
            stream_id: stream(stream_id),
            app_id: Some(APP),
            room_id: Some(RoomId::new(room_id).unwrap()),
            bearer: self.token(user),
            from: Some(ADDRESS),
            loudest: None,
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
    pub(super) fn whip(&mut self, user: &str, room_id: &str, stream_id: &str) -> String {
        let (resource, _) = created(self.host(user, room_id, stream_id, true));
        let peer = self.last_peer();
        self.connected(peer);
        resource
    }

    pub(super) fn whep(&mut self, user: &str, room_id: &str, stream_id: &str) -> String {
        let (resource, _) = created(self.host(user, room_id, stream_id, false));
        let peer = self.last_peer();
        self.connected(peer);
        resource
    }
}

/// Id and entity-tag.
pub(super) fn created(outcome: Option<Outcome>) -> (String, String) {
    match outcome.unwrap().unwrap() {
        Hosted::Created { resource, etag, .. } => (resource, etag),
        other => panic!("{other:?}"),
    }
}

pub(super) fn refused(outcome: Outcome) -> (HostFault, i32) {
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
    assert_eq!(world.ended_resources, std::slice::from_ref(&alice));
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
