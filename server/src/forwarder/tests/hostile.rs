//! Forged, replayed, spoofed and broken datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use dimpl::Dtls;
use proptest::prelude::*;

use super::super::ForwarderLimits;
use super::super::ice::OFFER_CREDIT;
use super::super::sdp::Role;
use super::client::{TestClient, USUAL};
use super::world::World;

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 1000 + u16::from(n)))
}

#[test]
fn a_check_with_a_wrong_password_or_user_name_is_not_answered() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    let good = {
        let client = &world.clients[client];
        (
            format!("{}:{}", client.server_ufrag, client.ufrag),
            client.server_password.clone(),
        )
    };
    let cases = [
        (good.0.as_str(), "wrongwrongwrongwrongwrong"),
        ("nobody:nobody", good.1.as_str()),
        (&format!("{}x", good.0), &good.1),
        ("nocolon", &good.1),
    ];
    for (username, password) in cases {
        let request = world.clients[client].request_as(username, password, true, true);
        world.send(client, &request);
    }
    assert_eq!(world.counters().stun_refused, 4);
    assert_eq!(world.clients[client].responses + world.clients[client].checks.len(), 0);
}

#[test]
fn attributes_behind_message_integrity_are_not_believed() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    let request = world.clients[client].request(false);
    // USE-CANDIDATE in front of FINGERPRINT, with the CRC and length put right.
    let mut message = rtc_stun::message::Message::default();
    let cut = request.len() - 8;
    let mut forged = request[..cut].to_vec();
    let length = u16::try_from(cut - 20).unwrap();
    forged[2..4].copy_from_slice(&length.to_be_bytes());
    message.unmarshal_binary(&forged).unwrap();
    message.add(rtc_stun::attributes::ATTR_USE_CANDIDATE, &[]);
    rtc_stun::message::Setter::add_to(&rtc_stun::fingerprint::FINGERPRINT, &mut message).unwrap();
    world.send(client, &message.raw);
    assert_eq!(world.counters().malformed, 1);
    assert_eq!(world.clients[client].responses, 0);
}

#[test]
fn an_answer_to_a_check_counts_only_from_where_the_check_went_and_with_its_transaction() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    world.clients[client].answers_checks = false;
    let request = world.clients[client].request(true);
    world.send(client, &request);
    let check = world.clients[client].checks[0].clone();
    let password = world.clients[client].password.clone();
    let answer =
        |transaction: [u8; 12]| super::client::stun(rtc_stun::message::BINDING_SUCCESS, transaction, &password, Vec::new());
    let mut transaction: [u8; 12] = check[8..20].try_into().unwrap();
    world.send_from(address(1), &answer(transaction));
    transaction[11] ^= 1;
    world.send(client, &answer(transaction));
    assert_eq!(world.counters().stun_refused, 2);
    let now = world.now;
    for hello in world.clients[client].start_dtls(now) {
        world.send(client, &hello);
    }
    assert!(!world.clients[client].connected);
}

#[test]
fn a_fifth_address_is_refused_until_another_is_stale() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    for n in 1..=5 {
        let request = world.clients[client].request(false);
        world.send_from(address(n), &request);
    }
    assert_eq!(world.counters().addresses_refused, 1);
    assert!(world.stray.iter().all(|transmit| transmit.to != address(5)));
    world.pass(Duration::from_secs(4));
    let request = world.clients[client].request(false);
    world.send_from(address(5), &request);
    assert_eq!(world.counters().addresses_refused, 1);
    assert!(world.stray.iter().any(|transmit| transmit.to == address(5)));
}

/// Bytes that went to an address where no client is.
fn sent_to(world: &World, victim: SocketAddr) -> usize {
    let sent = world.stray.iter().filter(|transmit| transmit.to == victim);
    sent.map(|transmit| transmit.data.len()).sum()
}

#[test]
fn an_unproved_address_gets_no_more_than_was_sent_for_it() {
    let credit = usize::try_from(OFFER_CREDIT).unwrap();
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    assert!(
        world.clients[client].offer("recvonly").len() >= credit,
        "the offer is part of what was sent"
    );
    let victims = [address(7), address(8), address(9)];
    let mut paid = credit;
    // Checks in the names of several victims, whatever follows of them in time, and the beginning of handshakes.
    for round in 0..20 {
        for victim in victims {
            let request = world.clients[client].request(round % 2 == 0);
            world.send_from(victim, &request);
            let hello = vec![22; 200];
            world.send_from(victim, &hello);
            paid += request.len() + hello.len();
        }
        world.pass(Duration::from_millis(500));
    }
    let got: usize = victims.iter().map(|victim| sent_to(&world, *victim)).sum();
    assert!(got > 0 && got <= paid, "{got} for {paid}");
}

#[test]
fn one_check_in_somebody_elses_name_has_no_more_sent_there_than_it_and_the_offer_had() {
    let mut world = World::new();
    let (client, _) = world.add(Role::Player, 1, USUAL);
    let (victim, offer) = (address(9), world.clients[client].offer("recvonly").len());
    let request = world.clients[client].request(true);
    world.send_from(victim, &request);
    world.pass(Duration::from_secs(20));
    let got = sent_to(&world, victim);
    assert!(
        got > 0 && got <= request.len() + offer,
        "{got} for {} and {offer}",
        request.len()
    );
    assert!(got as u64 <= request.len() as u64 + OFFER_CREDIT);
    assert!(world.counters().amplification_refused > 0);
}

#[test]
fn a_replayed_or_forged_packet_is_not_forwarded() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    let packet = world.clients[publisher].rtp_packet((5, 7, 0), &[], &[0, 7]);
    world.send(publisher, &packet);
    world.send(publisher, &packet);
    let mut forged = world.clients[publisher].rtp_packet((5, 8, 0), &[], &[0, 8]);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    world.send(publisher, &forged);
    // The right packet from a wrong place.
    let stolen = world.clients[publisher].rtp_packet((5, 9, 0), &[], &[0, 9]);
    world.send_from(address(1), &stolen);
    assert_eq!(world.heard(player), [7]);
    assert_eq!(world.counters().srtp_refused, 2);
}

#[test]
fn a_player_that_sends_media_is_not_a_publisher() {
    let mut world = World::new();
    let (player, _) = world.player(1);
    let (other, _) = world.player(1);
    let packet = world.clients[player].rtp_packet((5, 7, 0), &[], &[0, 7]);
    world.send(player, &packet);
    assert_eq!(world.counters().rtp_unexpected, 1);
    assert!(world.heard(other).is_empty());
}

#[test]
fn strangers_are_policed_and_proved_addresses_are_not() {
    let limits = ForwarderLimits {
        unauthenticated_per_source: 10,
        ..ForwarderLimits::default()
    };
    let mut world = World::with(limits);
    let (publisher, _) = world.publisher(1);
    let before = world.counters();
    for _ in 0..1000 {
        world.send_from(address(1), &[0x80; 100]);
    }
    let counters = world.counters();
    assert_eq!(counters.unauthenticated - before.unauthenticated, 1000);
    assert_eq!(counters.policed, 980);
    for sequence in 0..1000 {
        world.speak(publisher, 5, sequence, 0);
    }
    assert_eq!(world.counters().rtp_received, 1000);
    assert_eq!(world.counters().policed, 980);
}

#[test]
fn a_publisher_that_floods_is_cut_to_its_rate_and_others_are_not() {
    let limits = ForwarderLimits {
        publisher_packets: 100,
        ..ForwarderLimits::default()
    };
    let mut world = World::with(limits);
    let (flooding, _) = world.publisher(1);
    let (victim, _) = world.player(1);
    let (quiet, _) = world.publisher(2);
    let (happy, _) = world.player(2);
    for step in 0..1000u16 {
        for packet in 0..4 {
            world.speak(flooding, 5, 4 * step + packet, u32::from(step) * 480);
        }
        if step % 2 == 0 {
            world.speak(quiet, 6, step / 2, u32::from(step) * 480);
        }
        world.pass(Duration::from_millis(10));
    }
    assert!(
        (1190..=1200).contains(&world.heard(victim).len()),
        "{}",
        world.heard(victim).len()
    );
    assert_eq!(world.heard(happy), (0..500).collect::<Vec<u16>>());
    let counters = world.counters();
    assert_eq!(counters.rtp_flooding, 4000 - world.heard(victim).len() as u64);
}

#[test]
fn nobody_unauthenticated_gets_an_answer() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let real = world.clients[publisher].rtp_packet((5, 1, 0), &[], &[0, 1]);
    let bare_request = {
        let mut message = rtc_stun::message::Message::new();
        message.set_type(rtc_stun::message::BINDING_REQUEST);
        message.write_header();
        message.raw
    };
    for datagram in [&real[..], &bare_request, &[], &[22; 300], &[64; 10], &[255; 10]] {
        world.send_from(address(1), datagram);
    }
    assert!(world.stray.is_empty());
}

/// Everything a client ever sends, to be broken by the property below.
fn samples(world: &mut World, client: usize) -> Vec<Vec<u8>> {
    let now = world.now;
    let mut samples = vec![
        world.clients[client].request(true),
        world.clients[client].rtp_packet((5, 70, 0), &[0x10, 1], b"speech"),
        world.clients[client].rtcp_packet(&[0x80, 201, 0, 1, 0, 0, 0, 5]),
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0],
    ];
    let address = "203.0.113.200:9".parse().unwrap();
    let mut other = TestClient::new(address, USUAL, now);
    samples.extend(other.start_dtls(now));
    samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn broken_datagrams_never_panic_and_never_end_a_session(
        seeds in prop::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), 0u8..4), 1..200),
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..50),
    ) {
        let mut world = World::new();
        let (publisher, _) = world.publisher(1);
        let (player, _) = world.player(1);
        let samples = samples(&mut world, publisher);
        for (which, at, byte, kind) in seeds {
            let mut datagram = samples[usize::from(which) % samples.len()].clone();
            let at = usize::from(at) % datagram.len();
            match kind {
                0 => datagram[at] = byte,
                1 => datagram.truncate(at),
                2 => datagram.insert(at, byte),
                _ => datagram.extend_from_slice(&[byte; 40]),
            }
            // DTLS in the clear can be forged by whoever sees the path; everything else must be refused.
            let is_dtls = matches!(datagram.first(), Some(20..=63));
            let from = if is_dtls { address(3) } else { world.clients[publisher].address };
            world.send_from(from, &datagram);
        }
        for datagram in noise.iter().filter(|noise| !matches!(noise.first(), Some(20..=63))) {
            world.send(publisher, datagram);
            world.send_from(address(2), datagram);
        }
        world.speak(publisher, 5, 90, 0);
        let heard = world.heard(player);
        prop_assert_eq!(heard.last(), Some(&90));
    }

    #[test]
    fn broken_dtls_from_a_proved_address_never_panics(
        seeds in prop::collection::vec((any::<u16>(), any::<u8>()), 1..60),
    ) {
        let mut world = World::new();
        let (client, _) = world.add(Role::Player, 1, USUAL);
        let request = world.clients[client].request(true);
        world.send(client, &request);
        let now = world.now;
        let hello = world.clients[client].start_dtls(now).remove(0);
        for (at, byte) in seeds {
            let mut broken = hello.clone();
            let at = usize::from(at) % broken.len();
            broken[at] = byte;
            world.send(client, &broken);
        }
        // Whatever state it is in, it is gone when it falls silent.
        world.clients[client].answers_checks = false;
        world.pass(Duration::from_secs(60));
        let counters = world.counters();
        prop_assert_eq!(counters.peers_added, counters.peers_removed);
    }

    #[test]
    fn a_handshake_broken_at_any_point_never_panics_and_leaves_nothing(
        edits in prop::collection::vec((any::<u16>(), any::<u8>(), 0u8..4), 1..40),
        version in 0u8..2,
    ) {
        let mut world = World::new();
        let address = "203.0.113.5:1000".parse().unwrap();
        let dtls = if version == 0 { Dtls::new_12 } else { Dtls::new_13 };
        let client = TestClient::with(address, USUAL, world.now, dtls);
        let (client, _) = world.add_client(Role::Player, 1, client, None);
        let request = world.clients[client].request(true);
        world.send(client, &request);
        let (now, server) = (world.now, world.server());
        let mut on_the_way = world.clients[client].start_dtls(now);
        for (at, byte, kind) in edits {
            let Some(datagram) = on_the_way.pop() else {
                break;
            };
            let mut broken = datagram.clone();
            let at = usize::from(at) % broken.len();
            match kind {
                0 => broken[at] = byte,
                1 => broken.truncate(at),
                2 => broken.insert(at, byte),
                _ => {}
            }
            for datagram in [broken, datagram] {
                world.core.handle(&datagram, address.into(), world.now);
                while let Some(transmit) = world.poll_transmit() {
                    on_the_way.extend(world.clients[client].handle(&transmit.data, server, now));
                }
            }
        }
        world.clients[client].answers_checks = false;
        world.pass(Duration::from_secs(90));
        let counters = world.counters();
        prop_assert_eq!(counters.peers_added, counters.peers_removed);
    }
}
