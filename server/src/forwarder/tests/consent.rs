//! Who is still there, and where: consent, moving, time-outs of addresses, TCP beside UDP.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::tuple::{TcpLink, Tuple, Via};
use super::super::{ForwarderEvent, GoneReason};
use super::client::{TestClient, USUAL};
use super::world::World;
use crate::forwarder::sdp::Role;

const SECOND: Duration = Duration::from_secs(1);

fn moved() -> SocketAddr {
    "203.0.113.77:5555".parse().unwrap()
}

#[test]
fn a_silent_peer_is_asked_each_second_from_the_fifth_on_and_gone_after_fifteen() {
    let mut world = World::new();
    let (client, peer) = world.publisher(1);
    world.events.clear();
    world.clients[client].answers_checks = false;
    let before = world.clients[client].checks.len();
    world.pass(Duration::from_millis(4_999));
    assert_eq!(world.clients[client].checks.len(), before);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.clients[client].checks.len(), before + 1);
    world.pass(Duration::from_millis(9_999));
    let asked = world.clients[client].checks.len() - before;
    assert!((8..=13).contains(&asked), "{asked} times in ten seconds");
    assert_eq!(world.events, []);
    world.pass(Duration::from_millis(1));
    let reason = GoneReason::ConsentLost;
    assert_eq!(world.events, [ForwarderEvent::Gone { peer, reason }]);
    let counters = world.counters();
    assert_eq!(counters.peers_added, counters.peers_removed);
    assert_eq!(world.core.next_timeout(), None, "nothing is left of it");
}

#[test]
fn a_peer_that_sends_nothing_by_itself_lives_by_answering() {
    let mut world = World::new();
    let (client, _) = world.player(1);
    world.events.clear();
    let before = world.clients[client].checks.len();
    world.pass(600 * SECOND);
    assert_eq!(world.events, []);
    let asked = world.clients[client].checks.len() - before;
    assert!((110..=130).contains(&asked), "once in five seconds: {asked}");
}

#[test]
fn a_peer_that_sends_is_asked_about_every_ten_seconds_only() {
    let mut world = World::new();
    let (client, _) = world.publisher(1);
    let before = world.clients[client].checks.len();
    for second in 0..120u16 {
        world.speak(client, 5, second, u32::from(second) * 48_000);
        world.pass(SECOND);
    }
    let asked = world.clients[client].checks.len() - before;
    assert!((9..=16).contains(&asked), "{asked} times in two minutes");
}

#[test]
fn an_answer_that_is_lost_now_and_then_ends_nobody() {
    let mut world = World::new();
    let (client, _) = world.player(1);
    world.events.clear();
    world.loss = 30;
    world.pass(600 * SECOND);
    assert_eq!(world.events, []);
    assert!(!world.clients[client].closed);
}

#[test]
fn media_follows_a_client_whose_nat_gave_it_another_address_within_one_check() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.pass(2 * SECOND);
    world.clients[player].address = moved();
    // A keep-alive of a client that does not know it moved: nothing is nominated.
    let request = world.clients[player].request(false);
    world.send(player, &request);
    world.speak(publisher, 5, 1, 960);
    assert_eq!(world.heard(player), [1]);
    assert!(world.stray.is_empty(), "nothing went to the old address");
}

#[test]
fn media_does_not_follow_to_an_address_that_does_not_answer_our_check() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.pass(2 * SECOND);
    let request = world.clients[player].request(true);
    world.send_from(moved(), &request);
    world.speak(publisher, 5, 1, 960);
    assert_eq!(world.heard(player), [1], "at the address that it proved");
}

#[test]
fn media_returns_to_the_nominated_address_when_the_other_was_only_tried() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    let home = world.clients[player].address;
    world.pass(2 * SECOND);
    world.clients[player].address = moved();
    let request = world.clients[player].request(false);
    world.send(player, &request);
    world.clients[player].address = home;
    let request = world.clients[player].request(true);
    world.send(player, &request);
    world.speak(publisher, 5, 1, 960);
    assert_eq!(world.heard(player), [1]);
}

#[test]
fn an_address_that_was_left_is_forgotten_and_a_stranger_there_is_one() {
    let mut world = World::new();
    let (player, _) = world.player(1);
    let old = world.clients[player].address;
    world.pass(2 * SECOND);
    world.clients[player].address = moved();
    let request = world.clients[player].request(true);
    world.send(player, &request);
    assert!(world.core.knows(old.into()));
    world.pass(31 * SECOND);
    assert!(!world.core.knows(old.into()) && world.core.knows(moved().into()));
    let strangers = world.counters().unauthenticated;
    world.send_from(old, &[0x80; 40]);
    assert_eq!(world.counters().unauthenticated, strangers + 1);
}

/// A client that is reached over TCP as well: frames of its connection, put in by hand.
fn over_tcp(client: &TestClient) -> Tuple {
    Tuple {
        address: client.address,
        via: Via::Tcp(TcpLink(1)),
    }
}

/// RTP packets that went over TCP since the last look.
fn media_over_tcp(world: &mut World) -> usize {
    let is_rtp = |datagram: &[u8]| datagram[0] >> 6 == 2 && !(192..=223).contains(&datagram[1]);
    world.core.poll_links().filter(|(_, datagram)| is_rtp(datagram)).count()
}

/// A check over TCP, and all that follows of it there.
fn check_over_tcp(world: &mut World, index: usize, nominate: bool) {
    let from = over_tcp(&world.clients[index]);
    let request = world.clients[index].request(nominate);
    world.core.handle(&request, from, world.now);
    let server = world.server();
    loop {
        let sent: Vec<_> = world.core.poll_links().collect();
        if sent.is_empty() {
            return;
        }
        for (_, datagram) in sent {
            for answer in world.clients[index].handle(&datagram, server, world.now) {
                world.core.handle(&answer, from, world.now);
            }
        }
    }
}

#[test]
fn udp_is_kept_while_it_lives_and_tcp_takes_over_when_it_is_silent() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    check_over_tcp(&mut world, player, true);
    world.speak(publisher, 5, 1, 960);
    assert_eq!(world.heard(player), [1], "over udp, though tcp was nominated as well");
    // UDP is blocked from now on.
    world.clients[player].answers_checks = false;
    for _ in 0..8 {
        world.pass(SECOND);
        world.clients[player].answers_checks = true;
        check_over_tcp(&mut world, player, false);
        world.clients[player].answers_checks = false;
    }
    world.speak(publisher, 5, 2, 1920);
    assert_eq!(world.heard(player), [1], "no longer over udp");
    assert_eq!(media_over_tcp(&mut world), 1);
}

#[test]
fn udp_that_was_silent_is_used_again_when_it_answers_and_not_when_it_is_only_heard() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.clients[player].answers_checks = false;
    world.pass(4 * SECOND);
    world.clients[player].answers_checks = true;
    check_over_tcp(&mut world, player, false);
    world.speak(publisher, 5, 1, 960);
    assert_eq!((media_over_tcp(&mut world), world.heard(player)), (1, vec![]));
    // UDP lets out what the client says, and nothing in.
    world.clients[player].answers_checks = false;
    for sequence in 2..6 {
        let request = world.clients[player].request(true);
        world.send(player, &request);
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
        assert_eq!(media_over_tcp(&mut world), 1);
        world.pass(SECOND);
    }
    world.clients[player].answers_checks = true;
    let request = world.clients[player].request(false);
    world.send(player, &request);
    world.speak(publisher, 5, 6, 5_760);
    assert_eq!((media_over_tcp(&mut world), world.heard(player)), (0, vec![6]));
}

#[test]
fn who_gets_the_address_of_somebody_dead_gets_nothing_that_was_meant_for_the_dead() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (dead, peer) = world.player(1);
    world.speak(publisher, 5, 1, 960);
    let address = world.clients[dead].address;
    world.clients[dead].address = moved();
    world.clients[dead].answers_checks = false;
    let (heir, _) = world.add_client(Role::Player, 1, TestClient::new(address, USUAL, world.now), None);
    world.connect(heir);
    world.events.clear();
    for sequence in 2..5 {
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
    }
    assert_eq!(world.heard(heir), [2, 3, 4]);
    assert_eq!(world.clients[heir].refused, 0);
    world.pass(20 * SECOND);
    let reason = GoneReason::ConsentLost;
    assert!(world.events.contains(&ForwarderEvent::Gone { peer, reason }));
    world.speak(publisher, 5, 5, 4_800);
    assert_eq!(world.heard(heir), [2, 3, 4, 5], "whose address it stays");
}

#[test]
fn a_closed_tcp_connection_is_a_path_less_and_its_peer_lives_by_the_others() {
    let mut world = World::new();
    let (player, _) = world.player(1);
    check_over_tcp(&mut world, player, false);
    let tcp = over_tcp(&world.clients[player]);
    assert!(world.core.knows(tcp));
    world.core.lose_path(tcp);
    assert!(!world.core.knows(tcp));
    assert_eq!(world.core.poll_closed_links().collect::<Vec<_>>(), [TcpLink(1)]);
    world.pass(60 * SECOND);
    assert_eq!(world.counters().peers_removed, 0);
}

#[test]
fn media_goes_on_over_tcp_when_that_is_what_is_left_and_over_nothing_when_nothing_is() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    check_over_tcp(&mut world, player, false);
    let udp = world.clients[player].address.into();
    world.core.lose_path(udp);
    world.speak(publisher, 5, 1, 960);
    assert_eq!(media_over_tcp(&mut world), 1);
    let tcp = over_tcp(&world.clients[player]);
    world.core.lose_path(tcp);
    world.speak(publisher, 5, 2, 1920);
    assert_eq!((media_over_tcp(&mut world), world.heard(player)), (0, vec![]));
    assert_eq!(world.counters().rtp_not_forwarded, 1);
}

#[test]
fn the_connection_of_a_peer_that_is_gone_is_of_no_use_any_more() {
    let mut world = World::new();
    let (player, _) = world.add(Role::Player, 1, USUAL);
    check_over_tcp(&mut world, player, true);
    assert!(world.core.poll_closed_links().next().is_none());
    world.clients[player].answers_checks = false;
    world.pass(31 * SECOND);
    assert_eq!(world.core.poll_closed_links().collect::<Vec<_>>(), [TcpLink(1)]);
}
