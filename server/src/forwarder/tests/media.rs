//! What listeners get.

use std::time::Duration;

use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_shared::marshal::Marshal;

use super::super::ForwarderEvent;
use super::super::core::Command;
use super::super::sdp::Role;
use super::client::{Numbers, USUAL};
use super::world::World;

#[test]
fn two_listeners_hear_one_publisher_each_with_numbers_of_its_own() {
    let mut world = World::new();
    let (publisher, peer) = world.publisher(1);
    let (first, _) = world.player(1);
    let other = Numbers {
        opus: 96,
        red: None,
        audio_level: Some(7),
    };
    let (second, _) = world.join(Role::Player, 1, other);
    for n in 0..5u16 {
        world.speak(publisher, 5, 65_533u16.wrapping_add(n), u32::from(n) * 960);
    }
    assert!(world.events.contains(&ForwarderEvent::MediaStarted { peer }));
    for (listener, numbers) in [(first, USUAL), (second, other)] {
        assert_eq!(world.heard(listener), [65_533, 65_534, 65_535, 0, 1]);
        let client = &world.clients[listener];
        let headers: Vec<_> = client.rtp.iter().map(|(header, _)| header).collect();
        for pair in headers.windows(2) {
            assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(960));
        }
        let first = headers[0];
        assert_eq!(Some(first.ssrc), client.server_ssrc);
        assert_eq!(first.payload_type, numbers.opus);
        assert!(first.marker && !headers[1].marker);
        assert_eq!(first.get_extension(numbers.audio_level.unwrap()).unwrap()[..], [0x85]);
        assert_eq!(client.refused, 0);
    }
    assert_eq!(world.counters().rtp_forwarded, 10);
}

#[test]
fn a_player_may_come_before_its_publisher_and_a_late_one_hears_the_next_packet() {
    let mut world = World::new();
    let (early, _) = world.player(1);
    let (publisher, _) = world.publisher(1);
    world.speak(publisher, 5, 10, 0);
    let (late, _) = world.player(1);
    world.speak(publisher, 5, 11, 960);
    assert_eq!(world.heard(early), [10, 11]);
    assert_eq!(world.heard(late), [11]);
}

#[test]
fn streams_do_not_mix() {
    let mut world = World::new();
    let (one, _) = world.publisher(1);
    let (two, _) = world.publisher(2);
    let (player, _) = world.player(2);
    world.speak(one, 5, 100, 0);
    world.speak(two, 5, 200, 0);
    assert_eq!(world.heard(player), [200]);
}

#[test]
fn a_paused_player_gets_nothing_and_goes_on_without_a_gap() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, peer) = world.player(1);
    world.speak(publisher, 5, 1, 0);
    world.command(Command::SetPaused(peer, true));
    world.speak(publisher, 5, 2, 960);
    world.speak(publisher, 5, 3, 1920);
    world.command(Command::SetPaused(peer, false));
    world.speak(publisher, 5, 4, 2880);
    assert_eq!(world.heard(player), [1, 4]);
    let [(before, _), (after, _)] = &world.clients[player].rtp[..] else {
        panic!("two packets");
    };
    assert_eq!(after.sequence_number, before.sequence_number.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(2880));
    assert!(after.marker);
    assert_eq!(world.counters().rtp_not_forwarded, 2);
}

#[test]
fn a_publisher_that_restarts_keeps_its_listeners() {
    let mut world = World::new();
    let (publisher, old) = world.publisher(1);
    let (player, _) = world.player(1);
    world.speak(publisher, 5, 1, 0);
    // The new connection stands before the old one is gone; it takes over with its first packet.
    let (again, _) = world.publisher(1);
    world.speak(publisher, 5, 2, 960);
    world.now += Duration::from_millis(500);
    world.speak(again, 99, 40_000, 123_456);
    world.speak(publisher, 5, 3, 1920);
    world.command(Command::Remove(old));
    world.speak(again, 99, 40_001, 124_416);
    assert_eq!(world.heard(player), [1, 2, 40_000, 40_001]);
    let headers: Vec<_> = world.clients[player].rtp.iter().map(|(header, _)| header).collect();
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
    }
    assert_eq!(headers[2].timestamp.wrapping_sub(headers[1].timestamp), 24_000);
    assert_eq!(world.counters().rtp_unexpected, 1, "the packet of the one that was replaced");
}

#[test]
fn padding_alone_is_not_media_and_leaves_no_gap() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.speak(publisher, 5, 1, 0);
    for sequence in [2, 3] {
        let padding = world.clients[publisher].rtp_as(111, (5, sequence, 0), &[], &[], 200);
        world.send(publisher, &padding);
    }
    let padded = world.clients[publisher].rtp_as(111, (5, 4, 960), &[], &[0, 4, 9], 7);
    world.send(publisher, &padded);
    assert_eq!(world.heard(player), [1, 4]);
    let [(before, _), (after, payload)] = &world.clients[player].rtp[..] else {
        panic!("two packets");
    };
    assert_eq!(after.sequence_number, before.sequence_number.wrapping_add(1));
    assert_eq!((payload.as_slice(), after.padding), (&[0, 4, 9][..], false));
    assert_eq!(world.counters().rtp_without_media, 2);
}

#[test]
fn loss_before_us_stays_visible_behind_us() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    for sequence in [1, 2, 5, 4] {
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
    }
    let numbers: Vec<_> = world.clients[player]
        .rtp
        .iter()
        .map(|(header, _)| header.sequence_number)
        .collect();
    let first = numbers[0];
    let steps: Vec<_> = numbers.iter().map(|number| number.wrapping_sub(first)).collect();
    assert_eq!(steps, [0, 1, 4, 3]);
}

#[test]
fn red_reaches_listeners_with_red_whole_and_others_as_opus() {
    let mut world = World::new();
    let with_red = Numbers {
        opus: 111,
        red: Some(63),
        audio_level: None,
    };
    let (publisher, _) = world.join(Role::Publisher, 1, with_red);
    let (red, _) = world.join(
        Role::Player,
        1,
        Numbers {
            opus: 100,
            red: Some(101),
            audio_level: None,
        },
    );
    let (plain, _) = world.player(1);
    let payload = [0x80 | 111, 0x0f, 0x00, 0x01, 111, 0xaa, 0xbb, 0xcc];
    let packet = world.clients[publisher].rtp_as(63, (5, 1, 960), &[], &payload, 0);
    world.send(publisher, &packet);
    let (header, got) = &world.clients[red].rtp[0];
    assert_eq!(header.payload_type, 101);
    assert_eq!(got[..], [0x80 | 100, 0x0f, 0x00, 0x01, 100, 0xaa, 0xbb, 0xcc]);
    let (header, got) = &world.clients[plain].rtp[0];
    assert_eq!(header.payload_type, 111);
    assert_eq!(got[..], [0xbb, 0xcc]);
}

#[test]
fn publishers_get_receiver_reports_with_their_loss() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    for sequence in [1, 2, 4, 5] {
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
    }
    world.pass(Duration::from_millis(500));
    let packet = &world.clients[publisher].rtcp[0];
    let packets = rtc_rtcp::packet::unmarshal(&mut &packet[..]).unwrap();
    let report = packets[0].as_any().downcast_ref::<ReceiverReport>().unwrap();
    assert_eq!(report.reports.len(), 1);
    let block = &report.reports[0];
    assert_eq!((block.ssrc, block.total_lost, block.fraction_lost), (5, 1, 51));
    assert_eq!(block.last_sequence_number, 5);
    world.pass(Duration::from_millis(1500));
    assert_eq!(world.clients[publisher].rtcp.len(), 4);
}

#[test]
fn sender_reports_reach_listeners_on_their_own_clock() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (player, _) = world.player(1);
    world.speak(publisher, 5, 1, 48_000);
    let report = SenderReport {
        ssrc: 5,
        ntp_time: 0x1234_5678_9abc_def0,
        rtp_time: 48_960,
        packet_count: 1,
        octet_count: 8,
        ..SenderReport::default()
    };
    let report = world.clients[publisher].rtcp_packet(&report.marshal().unwrap());
    world.send(publisher, &report);
    world.now += Duration::from_secs(1);
    world.speak(publisher, 5, 2, 96_000);
    let client = &world.clients[player];
    let packets = rtc_rtcp::packet::unmarshal(&mut &client.rtcp.last().unwrap()[..]).unwrap();
    let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
    assert_eq!(Some(report.ssrc), client.server_ssrc);
    // A second later on both clocks of the publisher.
    assert_eq!(report.ntp_time, 0x1234_5679_9abc_def0);
    assert_eq!(report.rtp_time, client.rtp[0].0.timestamp.wrapping_add(960 + 48_000));
    assert_eq!((report.packet_count, report.octet_count), (2, 16));
}

#[test]
fn receiver_reports_of_listeners_are_counted_when_they_are_about_us() {
    let mut world = World::new();
    let (player, _) = world.player(1);
    let about = |ssrc| {
        let block = rtc_rtcp::reception_report::ReceptionReport {
            ssrc,
            ..Default::default()
        };
        let report = ReceiverReport {
            ssrc: 3,
            reports: vec![block],
            ..Default::default()
        };
        report.marshal().unwrap()
    };
    let ours = world.clients[player].server_ssrc.unwrap();
    for ssrc in [ours, ours.wrapping_add(1)] {
        let report = world.clients[player].rtcp_packet(&about(ssrc));
        world.send(player, &report);
    }
    assert_eq!(world.counters().rtcp_received, 2);
    assert_eq!(world.counters().receiver_reports, 1);
}
