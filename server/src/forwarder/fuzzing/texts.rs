//! SDP and signalling.

use std::io::Cursor;
use std::net::SocketAddr;

use express_signalling::protocol::{ClientFrame, ServerFrame};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rtc_sdp::SessionDescription;

use super::super::negotiate::{Terms, negotiate};
use super::super::sdp::Role;
use super::super::{PeerId, StreamKey};

/// An offer, whose first byte says whose.
pub fn sdp(data: &[u8]) {
    let Some((&first, offer)) = data.split_first() else {
        return;
    };
    let Ok(offer) = std::str::from_utf8(offer) else {
        return;
    };
    let role = if first & 1 == 0 { Role::Publisher } else { Role::Player };
    let candidates = [
        SocketAddr::from(([127, 0, 0, 1], 7000)),
        SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 7000)),
    ];
    let terms = Terms {
        offer_bytes: 32 * 1024,
        fingerprint: &[7; 32],
        candidates: &candidates,
        tcp_candidates: &candidates[..1],
        shard: 0,
    };
    let mut rng = StdRng::seed_from_u64(7);
    if let Ok((_, answer)) = negotiate(offer, role, (PeerId(1), StreamKey(1)), terms, &mut rng) {
        let read = SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes()));
        assert!(read.is_ok(), "an answer that is no SDP: {answer:?}");
    }
}

/// A text frame of a client.
pub fn frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(frame) = ClientFrame::parse(text) {
        let again = ClientFrame::parse(&frame.to_text());
        assert_eq!(
            again.ok().as_ref(),
            Some(&frame),
            "a request reads otherwise when it is written again"
        );
    }
}

/// A text frame of a server, which a client reads: what it answers or announces stays that when it is written again.
pub fn reply(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(frame) = ServerFrame::parse(text) else {
        return;
    };
    let kind = std::mem::discriminant(&frame);
    if let Ok(again) = ServerFrame::parse(&frame.to_text()) {
        assert_eq!(
            std::mem::discriminant(&again),
            kind,
            "a frame is another when it is written again"
        );
    }
}
