//! Tables for offers and answers, and hostile text.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const MAX: usize = 32 * 1024;

fn chromium_offer() -> String {
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS stream",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 6f3f.local 50000 typ host generation 0",
        "a=ice-ufrag:4ZcD",
        "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlyz",
        "a=ice-options:trickle",
        concat!(
            "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:",
            "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"
        ),
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        "a=sendrecv",
        "a=msid:stream track",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:126 telephone-event/8000",
        "a=ssrc:1234 cname:abc",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=rtpmap:96 VP8/90000",
        "a=recvonly",
        "",
    ]
    .join("\r\n")
}

fn parse(text: &str, role: Role) -> Result<Offer, NegotiateError> {
    Offer::parse(text, role, MAX)
}

fn answer(offer: &Offer, role: Role, candidates: &[SocketAddr]) -> String {
    write_answer(
        offer,
        &AnswerParts {
            role,
            credentials: &Credentials {
                ufrag: "srvufrag".to_owned(),
                password: "srvpasswordsrvpasswordsrv".to_owned(),
            },
            fingerprint: &[0xab; 32],
            candidates,
            tcp_candidates: &[],
            ssrc: 77,
            cname: "listener",
            session_id: 5,
        },
    )
}

#[test]
fn nack_is_answered_where_it_is_offered_and_no_other_feedback_is() {
    // What the offer says beside transport-cc, whether we use it, and what the answer repeats.
    let table: [(&[&str], bool, &[&str]); 6] = [
        (&[], false, &[]),
        (&["a=rtcp-fb:111 nack"], true, &["a=rtcp-fb:111 nack"]),
        (&["a=rtcp-fb:63 nack"], false, &["a=rtcp-fb:63 nack"]),
        (&["a=rtcp-fb:* nack"], true, &["a=rtcp-fb:111 nack", "a=rtcp-fb:63 nack"]),
        (&["a=rtcp-fb:111 nack pli", "a=rtcp-fb:111 ccm fir"], false, &[]),
        (&["a=rtcp-fb:9 nack"], false, &[]),
    ];
    for (lines, used, answered) in table {
        let mut text = chromium_offer();
        for line in lines {
            text = text.replace("a=rtpmap:9 ", &format!("{line}\r\na=rtpmap:9 "));
        }
        let offer = parse(&text, Role::Player).unwrap();
        assert_eq!(offer.has_nack(), used, "{lines:?}");
        let answer = answer(&offer, Role::Player, &["192.0.2.1:5".parse().unwrap()]);
        let feedback: Vec<_> = answer.lines().filter(|line| line.starts_with("a=rtcp-fb")).collect();
        assert_eq!(feedback, answered, "{lines:?}");
    }
}

#[test]
fn an_offer_of_chromium_is_read() {
    let offer = parse(&chromium_offer(), Role::Publisher).unwrap();
    assert_eq!(offer.credentials.ufrag, "4ZcD");
    assert_eq!(offer.fingerprint[..3], [0, 1, 2]);
    assert_eq!(offer.fingerprint[31], 0x1f);
    let format = LegFormat {
        opus: 111,
        red: Some(63),
        audio_level: Some(1),
        capture_time: Some(7),
    };
    assert_eq!(offer.format, format);
    assert_eq!(offer.extmaps.len(), 3, "level, mid and capture time only");
    assert!(offer.bundled);
}

#[test]
fn the_answer_repeats_opus_and_red_word_for_word_and_drops_the_rest() {
    let offer = parse(&chromium_offer(), Role::Player).unwrap();
    let candidates = ["192.0.2.1:7000".parse().unwrap(), "[2001:db8::1]:7000".parse().unwrap()];
    let text = answer(&offer, Role::Player, &candidates);
    for line in [
        "a=group:BUNDLE 0",
        "m=audio 7000 UDP/TLS/RTP/SAVPF 111 63",
        "c=IN IP4 192.0.2.1",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 7000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 7000 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:srvufrag",
        "a=setup:passive",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=ssrc:77 cname:listener",
        "a=msid:listener listener",
        "m=video 0 UDP/TLS/RTP/SAVPF 96",
        "a=mid:1",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
    }
    for word in ["G722", "telephone", "abs-send-time", "transport-cc", "ice-lite"] {
        assert!(!text.contains(word), "{word} is in\n{text}");
    }
    assert_eq!(text.matches("a=fingerprint:sha-256 AB:AB").count(), 1);
}

#[test]
fn a_publisher_is_told_recvonly_and_no_ssrc() {
    let offer = parse(&chromium_offer(), Role::Publisher).unwrap();
    let text = answer(&offer, Role::Publisher, &[]);
    assert!(text.contains("a=recvonly\r\n") && !text.contains("a=ssrc"));
}

#[test]
fn every_refusal_has_its_own_reason() {
    type Check = fn(&NegotiateError) -> bool;
    let long_line = format!("a=ice-ufrag:{}", "x".repeat(300));
    let cases: [(&str, &str, Role, Check); 14] = [
        ("v=0", "v=1", Role::Player, |e| matches!(e, NegotiateError::Syntax(_))),
        ("m=audio 9", "m=audio 0", Role::Player, |e| {
            matches!(e, NegotiateError::NoAudio)
        }),
        ("opus/48000/2", "opus/44100/2", Role::Player, |e| {
            matches!(e, NegotiateError::NoOpus)
        }),
        ("SAVPF 111", "SAVPF 112", Role::Player, |e| {
            matches!(e, NegotiateError::NoOpus)
        }),
        ("a=ice-ufrag:4ZcD", "a=ice-ufrag:4Z", Role::Player, |e| {
            matches!(e, NegotiateError::IceCredentials)
        }),
        ("a=ice-ufrag:4ZcD", &long_line, Role::Player, |e| {
            matches!(e, NegotiateError::IceCredentials)
        }),
        ("a=ice-pwd:2/1muCWoOi3uLifh0NuRHlyz", "a=x:y", Role::Player, |e| {
            matches!(e, NegotiateError::IceCredentials)
        }),
        ("sha-256 00", "sha-1 00", Role::Player, |e| {
            matches!(e, NegotiateError::Fingerprint)
        }),
        ("sha-256 00:", "sha-256 ", Role::Player, |e| {
            matches!(e, NegotiateError::Fingerprint)
        }),
        ("sha-256 00", "sha-256 +0", Role::Player, |e| {
            matches!(e, NegotiateError::Fingerprint)
        }),
        ("a=setup:actpass", "a=setup:passive", Role::Player, |e| {
            matches!(e, NegotiateError::Setup)
        }),
        ("a=rtcp-mux", "a=rtcp-mix", Role::Player, |e| {
            matches!(e, NegotiateError::NoRtcpMux)
        }),
        ("a=sendrecv", "a=sendonly", Role::Player, |e| {
            matches!(e, NegotiateError::Direction)
        }),
        ("a=sendrecv", "a=recvonly", Role::Publisher, |e| {
            matches!(e, NegotiateError::Direction)
        }),
    ];
    for (from, to, role, expected) in cases {
        let offer = chromium_offer();
        assert!(offer.contains(from), "{from}");
        let error = parse(&offer.replace(from, to), role).unwrap_err();
        assert!(expected(&error), "{from} → {to}: {error:?}");
    }
    let error = Offer::parse(&chromium_offer(), Role::Player, 100).unwrap_err();
    assert!(matches!(error, NegotiateError::TooLong(100)));
}

#[test]
fn red_around_another_codec_is_not_taken() {
    let offer = chromium_offer().replace("a=fmtp:63 111/111", "a=fmtp:63 111/9");
    let offer = parse(&offer, Role::Player).unwrap();
    assert_eq!(offer.format.red, None);
    assert_eq!(offer.codecs.len(), 1);
}

/// What real stacks offered to publish and to play, word for word, and the number that each has for Opus.
const REAL: [(&str, &str, u8); 5] = [
    (
        include_str!("offers/aiortc-publish.sdp"),
        include_str!("offers/aiortc-play.sdp"),
        96,
    ),
    (
        include_str!("offers/chromium-publish.sdp"),
        include_str!("offers/chromium-play.sdp"),
        111,
    ),
    (
        include_str!("offers/firefox-publish.sdp"),
        include_str!("offers/firefox-play.sdp"),
        109,
    ),
    (
        include_str!("offers/gstreamer-publish.sdp"),
        include_str!("offers/gstreamer-play.sdp"),
        97,
    ),
    (
        include_str!("offers/libdatachannel-publish.sdp"),
        include_str!("offers/libdatachannel-play.sdp"),
        109,
    ),
];

#[test]
fn offers_of_real_stacks_are_read_and_answered() {
    for (publish, play, opus) in REAL {
        for (text, role, direction) in [(publish, Role::Publisher, "recvonly"), (play, Role::Player, "sendonly")] {
            let offer = parse(text, role).unwrap_or_else(|error| panic!("{error}:\n{text}"));
            assert_eq!(offer.format.opus, opus, "{text}");
            assert!(offer.bundled);
            let answer = answer(&offer, role, &["192.0.2.1:7000".parse().unwrap()]);
            assert!(answer.contains(&format!("a={direction}\r\n")), "{answer}");
            let mid = text.lines().find(|line| line.starts_with("a=mid:")).unwrap();
            assert!(answer.contains(mid.trim_end()), "{answer}");
            let wrong = if role == Role::Publisher {
                Role::Player
            } else {
                Role::Publisher
            };
            assert!(matches!(parse(text, wrong), Err(NegotiateError::Direction)), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn a_mutated_offer_never_panics_and_an_accepted_one_is_answered(
        edits in prop::collection::vec((0usize..4000, any::<u8>(), 0u8..3), 1..12),
    ) {
        let mut bytes = chromium_offer().into_bytes();
        for (at, byte, kind) in edits {
            let at = at % bytes.len();
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(offer) = parse(&text, Role::Publisher) {
            let text = answer(&offer, Role::Publisher, &[]);
            prop_assert!(text.contains("m=audio"));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,300}") {
        let _ = parse(&text, Role::Player);
    }
}

#[test]
fn tcp_candidates_are_passive_and_below_those_of_udp() {
    let offer = parse(&chromium_offer(), Role::Publisher).unwrap();
    let udp: SocketAddr = "192.0.2.1:7000".parse().unwrap();
    let text = write_answer(
        &offer,
        &AnswerParts {
            role: Role::Publisher,
            credentials: &Credentials {
                ufrag: "srvufrag".to_owned(),
                password: "srvpasswordsrvpasswordsrv".to_owned(),
            },
            fingerprint: &[0xab; 32],
            candidates: &[udp],
            tcp_candidates: &["192.0.2.1:7443".parse().unwrap(), "[2001:db8::1]:7443".parse().unwrap()],
            ssrc: 77,
            cname: "listener",
            session_id: 5,
        },
    );
    let candidates: Vec<&str> = text.lines().filter(|line| line.starts_with("a=candidate")).collect();
    assert_eq!(
        candidates,
        [
            "a=candidate:1 1 udp 2130706431 192.0.2.1 7000 typ host",
            "a=candidate:2 1 tcp 1520435199 192.0.2.1 7443 typ host tcptype passive",
            "a=candidate:3 1 tcp 1520434943 2001:db8::1 7443 typ host tcptype passive",
        ]
    );
}
