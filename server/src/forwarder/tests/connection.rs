//! Connecting, staying and going.

use std::time::Duration;

use dimpl::Dtls;

use super::super::core::Command;
use super::super::dtls::ClientCertificates;
use super::super::sdp::{Credentials, Role};
use super::super::{ForwarderEvent, GoneReason, PeerId};
use super::client::{TestClient, USUAL};
use super::world::World;

#[test]
fn a_client_connects_without_time_passing() {
    let mut world = World::new();
    let (client, peer) = world.publisher(1);
    assert_eq!(world.events, [ForwarderEvent::Connected { peer }]);
    assert_eq!(world.clients[client].responses, 1);
    assert_eq!(world.clients[client].refused, 0);
    assert_eq!(world.counters().peers_connected, 1);
    assert!(world.stray.is_empty(), "something went where only the sdp points");
}

#[test]
fn a_client_hello_that_overtakes_the_answer_to_our_check_is_not_lost() {
    let mut world = World::new();
    let (client, peer) = world.add(Role::Player, 1, USUAL);
    world.clients[client].answers_checks = false;
    world.connect(client);
    assert!(world.events.is_empty());
    world.clients[client].answers_checks = true;
    world.pass(Duration::from_millis(50));
    assert_eq!(world.events, [ForwarderEvent::Connected { peer }]);
}

#[test]
fn dtls_is_ignored_from_who_never_proved_an_address() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    let now = world.now;
    for hello in world.clients[client].start_dtls(now) {
        world.send(client, &hello);
    }
    assert_eq!(world.counters().dtls_ignored, 1);
    assert_eq!(world.counters().datagrams_received, 1);
    assert!(world.stray.is_empty() && world.clients[client].refused == 0);
    assert!(!world.clients[client].connected);
}

#[test]
fn a_certificate_that_the_offer_does_not_name_is_refused_before_any_key_is_used() {
    let mut world = World::new();
    let address = "203.0.113.5:1000".parse().unwrap();
    let (honest, thief) = (
        TestClient::new(address, USUAL, world.now),
        TestClient::new(address, USUAL, world.now),
    );
    let offer = honest.offer("sendonly");
    let (client, peer) = world.add_client(Role::Publisher, 1, thief, Some(offer));
    world.connect(client);
    let reason = GoneReason::WrongCertificate;
    assert_eq!(world.events, [ForwarderEvent::Gone { peer, reason }]);
    assert_eq!(world.counters().fingerprint_mismatches, 1);
    assert_eq!(world.counters().peers_connected, 0);
    assert!(!world.clients[client].connected);
}

/// What the server answers to a ClientHello of DTLS 1.2 that was changed on its way, from an address that is proved.
fn answers_to_hello(change: impl Fn(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut world = World::new();
    let address = "203.0.113.5:1000".parse().unwrap();
    let client = TestClient::with(address, USUAL, world.now, Dtls::new_12);
    let (client, _) = world.add_client(Role::Player, 1, client, None);
    let request = world.clients[client].request(true);
    world.send(client, &request);
    let now = world.now;
    let mut hello = world.clients[client].start_dtls(now).remove(0);
    change(&mut hello);
    world.core.handle(&hello, address.into(), now);
    std::iter::from_fn(|| world.poll_transmit())
        .map(|transmit| transmit.data.to_vec())
        .collect()
}

/// A handshake record whose first message is a ServerHello: RFC 6347 section 4.1 and 4.2.2.
fn is_server_hello(datagram: &[u8]) -> bool {
    (datagram.first(), datagram.get(13)) == (Some(&22), Some(&2))
}

#[test]
fn a_client_that_knows_dtls_1_0_alone_is_not_answered_with_a_handshake() {
    let good = answers_to_hello(|_| ());
    assert!(good.iter().any(|datagram| is_server_hello(datagram)));
    let old = answers_to_hello(|hello| {
        // In the record and as the newest that the client knows.
        for at in [1, 25] {
            hello[at..at + 2].copy_from_slice(&[0xfe, 0xff]);
        }
    });
    assert!(!old.iter().any(|datagram| is_server_hello(datagram)));
}

#[test]
fn srtp_without_encryption_is_never_chosen_though_the_client_offers_nothing_else() {
    let use_srtp = |hello: &[u8]| {
        let number = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        // RFC 5764 section 4.1.1: profiles, and a length of the MKI behind them.
        (27..hello.len() - 6).find(|at| number(*at) == 14 && number(at + 2) == number(at + 4) + 3)
    };
    let chosen = [0, 14, 0, 5, 0, 2, 0, 5, 0];
    let answers = answers_to_hello(|hello| {
        let at = use_srtp(hello).unwrap();
        let profiles = usize::from(hello[at + 5]);
        // SRTP_NULL_HMAC_SHA1_80
        hello[at + 6..at + 6 + profiles]
            .chunks_mut(2)
            .for_each(|profile| profile.copy_from_slice(&[0, 5]));
    });
    let chooses_it = |datagram: &Vec<u8>| datagram.windows(chosen.len()).any(|bytes| bytes == chosen);
    assert!(!answers.iter().any(chooses_it));
}

#[test]
fn lost_handshake_datagrams_are_repeated_at_20_and_70_ms() {
    let mut world = World::new();
    let (client, peer) = world.add(Role::Player, 1, USUAL);
    let request = world.clients[client].request(true);
    world.send(client, &request);
    let now = world.now;
    let hello = world.clients[client].start_dtls(now).remove(0);
    // The first flight is lost on the way.
    let address = world.clients[client].address;
    world.core.handle(&hello, address.into(), world.now);
    let mut lost = 0;
    while world.poll_transmit().is_some() {
        lost += 1;
    }
    assert!(lost > 0);
    world.pass(Duration::from_millis(21));
    assert_eq!(world.events, [ForwarderEvent::Connected { peer }]);
}

#[test]
fn who_never_connects_is_gone_after_the_connect_timeout() {
    let mut world = World::new();
    let (_, peer) = world.add(Role::Player, 1, USUAL);
    world.pass(Duration::from_secs(30));
    let reason = GoneReason::NeverConnected;
    assert_eq!(world.events, [ForwarderEvent::Gone { peer, reason }]);
}

#[test]
fn a_client_that_says_close_notify_is_gone_at_once_and_ours_reaches_it_by_either_library() {
    for certificates in [ClientCertificates::Ecdsa, ClientCertificates::Any] {
        let mut world = World::new();
        world.certificates = certificates;
        let (client, peer) = world.player(1);
        world.events.clear();
        for datagram in world.clients[client].close() {
            world.send(client, &datagram);
        }
        let reason = GoneReason::Closed;
        assert_eq!(world.events, [ForwarderEvent::Gone { peer, reason }]);
        let (client, peer) = world.player(1);
        world.command(Command::Remove(peer));
        assert!(world.clients[client].closed);
    }
}

#[test]
fn a_removed_peer_gets_bye_and_close_notify_and_no_event() {
    let mut world = World::new();
    let (client, peer) = world.player(1);
    world.events.clear();
    world.command(Command::Remove(peer));
    assert!(world.clients[client].closed, "close_notify");
    let bye = world.clients[client].rtcp.last().unwrap();
    let packets = rtc_rtcp::packet::unmarshal(&mut &bye[..]).unwrap();
    let bye = packets.last().unwrap().as_any().downcast_ref::<rtc_rtcp::goodbye::Goodbye>();
    assert_eq!(bye.unwrap().sources, [world.clients[client].server_ssrc.unwrap()]);
    assert_eq!(world.events, []);
    world.command(Command::Remove(peer));
    assert_eq!(world.counters().peers_removed, 1);
}

#[test]
fn a_client_that_moves_to_another_address_gets_its_media_there() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.speak(publisher, 5, 1, 960);
    let moved = "203.0.113.77:5555".parse().unwrap();
    world.clients[player].address = moved;
    world.speak(publisher, 5, 2, 1920);
    assert_eq!(world.stray.len(), 1, "nobody said that it moved");
    let request = world.clients[player].request(true);
    world.send(player, &request);
    world.speak(publisher, 5, 3, 2880);
    assert_eq!(world.heard(player), [1, 3]);
}

/// The client gets new credentials, and its old requests count no more.
fn restart(world: &mut World, client: usize, peer: PeerId) -> Vec<u8> {
    let old = world.clients[client].request(true);
    let local = Credentials::new("newserver", "newserverpasswordnewserver").unwrap();
    let remote = Credentials::new("newclient", "newclientpasswordnewclient").unwrap();
    let client = &mut world.clients[client];
    client.ufrag = remote.ufrag().into();
    client.password = remote.password().into();
    client.server_ufrag = local.ufrag().into();
    client.server_password = local.password().into();
    world.command(Command::RestartIce(peer, Box::new((local, remote))));
    old
}

#[test]
fn an_ice_restart_keeps_dtls_and_media_and_needs_the_new_credentials() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, peer) = world.player(1);
    world.speak(publisher, 5, 1, 960);
    world.events.clear();
    let old = restart(&mut world, player, peer);
    world.speak(publisher, 5, 2, 1920);
    assert_eq!(world.heard(player), [1, 2], "media goes on while ICE begins anew");
    let refused = world.counters().stun_refused;
    world.send(player, &old);
    assert_eq!(world.counters().stun_refused, refused + 1);
    let moved = "203.0.113.78:5555".parse().unwrap();
    world.clients[player].address = moved;
    let request = world.clients[player].request(true);
    world.send(player, &request);
    assert_eq!(
        world.clients[player].refused, 0,
        "our checks are made with the new credentials"
    );
    world.speak(publisher, 5, 3, 2880);
    assert_eq!(world.heard(player), [1, 2, 3], "at the new address, by the old keys");
    assert_eq!(world.events, []);
    assert_eq!(world.counters().ice_restarts, 1);
}

#[test]
fn an_ice_restart_at_the_same_address_is_proved_again_by_a_check_of_ours() {
    let mut world = World::new();
    let (client, peer) = world.publisher(1);
    let checks = world.clients[client].checks.len();
    restart(&mut world, client, peer);
    let request = world.clients[client].request(true);
    world.send(client, &request);
    assert_eq!(world.clients[client].checks.len(), checks + 1);
    world.speak(client, 5, 1, 960);
    assert_eq!(world.counters().rtp_received, 1);
}

#[test]
fn a_client_that_does_not_use_its_new_credentials_is_gone_after_the_consent_timeout() {
    let mut world = World::new();
    let (client, peer) = world.publisher(1);
    world.events.clear();
    let old = restart(&mut world, client, peer);
    for _ in 0..15 {
        world.pass(Duration::from_secs(1));
        world.send(client, &old);
    }
    let reason = GoneReason::ConsentLost;
    assert_eq!(world.events, [ForwarderEvent::Gone { peer, reason }]);
    world.command(Command::RestartIce(
        peer,
        Box::new((
            Credentials::new("ours", "passwordpasswordpassword").unwrap(),
            Credentials::new("theirs", "passwordpasswordpassword").unwrap(),
        )),
    ));
    assert_eq!(world.counters().ice_restarts, 1, "there is nobody to begin anew with");
}

#[test]
fn a_controlled_client_is_nominated_by_us() {
    let mut world = World::new();
    let (client, peer) = world.add(Role::Player, 1, USUAL);
    let client_ref = &mut world.clients[client];
    let username = format!("{}:{}", client_ref.server_ufrag, client_ref.ufrag);
    let password = client_ref.server_password.clone();
    let request = client_ref.request_as(&username, &password, false, false);
    world.send(client, &request);
    let use_candidate = [0x00, 0x25, 0x00, 0x00];
    let check = &world.clients[client].checks[0];
    assert!(check.windows(4).any(|window| window == use_candidate));
    let now = world.now;
    for hello in world.clients[client].start_dtls(now) {
        world.send(client, &hello);
    }
    assert_eq!(world.events, [ForwarderEvent::Connected { peer }]);
}

#[test]
fn a_client_with_dtls_1_3_connects_and_hears() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let address = "203.0.113.5:1000".parse().unwrap();
    for version in [Dtls::new_13, Dtls::new_auto] {
        let client = TestClient::with(address, USUAL, world.now, version);
        let (client, peer) = world.add_client(Role::Player, 1, client, None);
        world.connect(client);
        assert_eq!(world.events.last(), Some(&ForwarderEvent::Connected { peer }));
        world.speak(publisher, 5, 1 + u16::try_from(client).unwrap(), 960);
        assert_eq!(world.clients[client].rtp.len(), 1);
        world.command(Command::Remove(peer));
        assert!(world.clients[client].closed);
        world.clients[client].address = "203.0.113.6:1".parse().unwrap();
    }
}

#[test]
fn peers_that_come_and_go_leave_no_timers_behind_that_wait_for_their_time() {
    let mut world = World::new();
    for _ in 0..400 {
        let (_, peer) = world.add(Role::Player, 1, USUAL);
        world.command(Command::Remove(peer));
        world.clients.clear();
    }
    assert!(world.core.timers_kept() <= 256, "{}", world.core.timers_kept());
}
