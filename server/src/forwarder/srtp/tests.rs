use proptest::prelude::*;
use rtc_rtp::header::Header;
use rtc_shared::marshal::Marshal;

use super::*;

const AEAD: [SrtpProfile; 2] = [SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AEAD_AES_256_GCM];

fn keys(profile: SrtpProfile) -> SrtpKeys {
    let material: Vec<u8> = (0..profile.keying_material_len()).map(|n| n as u8).collect();
    SrtpKeys::from_exporter(&material, profile).unwrap()
}

/// What the client sends with, by `rtc-srtp`, and the server.
fn pair(profile: SrtpProfile) -> (Context, SrtpSession) {
    let client = keys(profile).swapped().outbound().unwrap();
    (client, SrtpSession::new(keys(profile)).unwrap())
}

fn packet(ssrc: u32, sequence_number: u16) -> (Header, Vec<u8>) {
    let header = Header {
        version: 2,
        ssrc,
        sequence_number,
        ..Header::default()
    };
    let mut bytes = header.marshal().unwrap().to_vec();
    bytes.extend_from_slice(b"speech");
    (header, bytes)
}

fn opened(server: &mut SrtpSession, packet: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0xee; 3];
    let view = RtpView::parse(packet).unwrap();
    server.unprotect_rtp(packet, &view, &mut out)?;
    Some(out)
}

fn sealed(sealer: &mut Sealer, packet: &[u8], index: u64) -> Vec<u8> {
    let view = RtpView::parse(packet).unwrap();
    // Something stands before it, as in the send queue.
    let mut bytes = [b"before", packet].concat();
    sealer.seal(&mut bytes, 6, view.header_len, view.ssrc, index).unwrap();
    assert_eq!(bytes[..6], *b"before");
    bytes.split_off(6)
}

#[test]
fn every_profile_carries_a_packet_and_refuses_it_twice() {
    for profile in SrtpProfile::ALL {
        let (mut client, mut server) = pair(*profile);
        let (_, bytes) = packet(1, 5);
        let sent = client.encrypt_rtp(&bytes).unwrap();
        assert_eq!(opened(&mut server, &sent), Some(bytes), "{profile}");
        assert_eq!(opened(&mut server, &sent), None, "replayed, {profile}");
    }
}

#[test]
fn every_profile_seals_what_rtc_srtp_opens_and_twice_alike() {
    for profile in SrtpProfile::ALL {
        let mut client = keys(*profile).swapped().inbound().unwrap();
        let mut sealer = SrtpSession::new(keys(*profile)).unwrap().sealer().unwrap();
        let (_, bytes) = packet(1, 5);
        let sent = sealed(&mut sealer, &bytes, 5);
        let (_, next) = packet(1, 6);
        sealed(&mut sealer, &next, 6);
        assert_eq!(sealed(&mut sealer, &bytes, 5), sent, "{profile}");
        // The client's keys, swapped, name the server's as the client's: what the server sends comes in there.
        assert_eq!(client.decrypt_rtp(&sent).unwrap()[..], bytes[..], "{profile}");
    }
}

#[test]
fn a_forged_first_packet_does_not_move_the_window() {
    for profile in SrtpProfile::ALL {
        let (mut client, mut server) = pair(*profile);
        for sequence in [40_000, 300, 65_000, 6] {
            let (_, forged) = packet(1, sequence);
            assert_eq!(opened(&mut server, &[forged, vec![0; 16]].concat()), None);
        }
        let (_, bytes) = packet(1, 5);
        let sent = client.encrypt_rtp(&bytes).unwrap();
        assert_eq!(opened(&mut server, &sent), Some(bytes), "{profile}");
    }
}

#[test]
fn forged_sources_leave_nothing_behind_and_authentic_ones_are_limited() {
    for profile in SrtpProfile::ALL {
        let (mut client, mut server) = pair(*profile);
        for ssrc in 0..1000 {
            let (_, forged) = packet(ssrc, 1);
            assert_eq!(opened(&mut server, &[forged, vec![0; 16]].concat()), None);
        }
        assert!(server.trial.as_ref().is_none_or(|(_, failed)| *failed < TRIALS));
        let accepted = (0..20)
            .filter(|ssrc| {
                let (_, bytes) = packet(*ssrc, 1);
                opened(&mut server, &client.encrypt_rtp(&bytes).unwrap()).is_some()
            })
            .count();
        assert_eq!(accepted, MAX_SOURCES, "{profile}");
    }
}

#[test]
fn an_old_packet_is_refused_and_one_from_before_a_rollover_is_not() {
    for profile in AEAD {
        let (mut client, mut server) = pair(profile);
        let sent: Vec<Vec<u8>> = (65_400..=65_535u16)
            .chain(0..100)
            .map(|sequence| client.encrypt_rtp(&packet(1, sequence).1).unwrap().to_vec())
            .collect();
        let held_back = [0, 130];
        for (n, packet) in sent.iter().enumerate() {
            if !held_back.contains(&n) {
                assert!(opened(&mut server, packet).is_some(), "{n}");
            }
        }
        assert!(opened(&mut server, &sent[130]).is_some(), "late over a rollover");
        assert!(opened(&mut server, &sent[130]).is_none(), "and again");
        assert!(opened(&mut server, &sent[0]).is_none(), "beyond the window");
    }
}

proptest! {
    /// Both ways against `rtc-srtp`: whatever the header, the order and the rollovers.
    #[test]
    fn sealed_and_opened_as_rtc_srtp_does(
        profile in proptest::sample::select(&AEAD[..]),
        steps in proptest::collection::vec(-40i64..3000, 1..60),
        first in 200u64..30_000,
        extension in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..5)),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        ssrc in any::<u32>(),
    ) {
        let (mut client, mut server) = pair(profile);
        let mut theirs = keys(profile).outbound().unwrap();
        let mut sealer = keys(profile).sealer().unwrap();
        let mut index = first;
        let mut seen = std::collections::HashSet::new();
        for step in steps {
            index = index.saturating_add_signed(step).max(first);
            let mut bytes = vec![0x80, 111];
            bytes.extend_from_slice(&((index & 0xffff) as u16).to_be_bytes());
            bytes.extend_from_slice(&[1, 2, 3, 4]);
            bytes.extend_from_slice(&ssrc.to_be_bytes());
            if let Some(words) = &extension {
                bytes[0] |= 0x10;
                bytes.extend_from_slice(&[0xbe, 0xde, 0, u8::try_from(words.len()).unwrap()]);
                bytes.extend(words.iter().flat_map(|word| [0x10, *word, 0, 0]));
            }
            bytes.extend_from_slice(&payload);
            let expected = theirs.encrypt_rtp(&bytes).unwrap();
            prop_assert_eq!(&sealed(&mut sealer, &bytes, index)[..], &expected[..]);
            let sent = client.encrypt_rtp(&bytes).unwrap();
            if seen.insert(index) {
                prop_assert_eq!(opened(&mut server, &sent), Some(bytes));
            } else {
                prop_assert_eq!(opened(&mut server, &sent), None);
            }
        }
    }

    #[test]
    fn a_changed_bit_is_found(profile in proptest::sample::select(&AEAD[..]), at in 0usize..34, bit in 0u8..8) {
        let (mut client, mut server) = pair(profile);
        let (_, bytes) = packet(1, 5);
        let sent = client.encrypt_rtp(&bytes).unwrap();
        let mut forged = sent.to_vec();
        forged[at] ^= 1 << bit;
        if RtpView::parse(&forged).is_some() {
            prop_assert_eq!(opened(&mut server, &forged), None);
        }
        prop_assert_eq!(opened(&mut server, &sent), Some(bytes));
    }
}
