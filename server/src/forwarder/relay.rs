//! Relays: a stream on its way from the forwarder of one node to that of another.
//!
//! ```text
//!   node A, where it is published                     node B, where it is heard
//!     1.                                ◄── terms ────  take_relay: address, SSRCs, fresh keys
//!     2. send_relay: a player peer      ──  source ──►  set_relay_source: a publisher peer
//!     3. SRTP, reports, repairs         ── UDP ──────►
//!                                       ◄── UDP ──────  NACKs, reports
//! ```
//!
//! To the sending node a relay is a listener like others, to the taking node a publisher like others: numbering, repair, copies,
//! ranking and takeover are theirs. Only how it connects is its own: the terms come over a connection of the nodes that is authenticated
//! and encrypted, so there is neither ICE nor DTLS. Both sides' sockets are the shards'. All relays of two nodes share one
//! address, so a datagram is told by its SSRC, which the claiming side keeps unique ([`RelayNames`]).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::peer::Placement;
use super::reception::{middle_of, units_65536};
use super::rtp::LegFormat;
use super::sdp::Role;
use super::srtp::SrtpKeys;
use super::{NegotiateError, PeerId, StreamKey};

/// The form of [`RelayTerms`] that this forwarder speaks.
const VERSION: u8 = 1;
/// Each side says something so often, whatever the stream does.
pub(crate) const SAY_EVERY: Duration = Duration::from_secs(1);
/// Longer round trips are clocks that went wrong.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);
/// The numbers of a relay's packets: nothing is negotiated.
pub(crate) const RELAY_FORMAT: LegFormat = LegFormat {
    opus: 111,
    red: Some(63),
    audio_level: Some(1),
    capture_time: Some(2),
};

/// What the node that takes a stream tells the node that sends it. It holds keys: only for connections that nobody else reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayTerms {
    /// The form of these terms and of the packets.
    version: u8,
    /// Where the stream is taken.
    address: SocketAddr,
    /// Of the stream's packets; no other relay to that shard has it.
    ssrc: u32,
    /// Of the reports about it, which go the other way.
    feedback_ssrc: u32,
    keys: RelayKeys,
}

/// Master keys and salts of AEAD_AES_128_GCM, one pair for each direction. RFC 7714 §12.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RelayKeys {
    media: ([u8; 16], [u8; 12]),
    feedback: ([u8; 16], [u8; 12]),
}

impl std::fmt::Debug for RelayKeys {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayKeys").finish_non_exhaustive()
    }
}

impl RelayTerms {
    /// Terms with fresh keys and SSRCs, for a stream that is taken at `address`.
    pub fn fresh(address: SocketAddr) -> Self {
        let mut rng = rand::rng();
        Self {
            version: VERSION,
            address,
            ssrc: rng.random_range(1..=u32::MAX),
            feedback_ssrc: rng.random_range(1..=u32::MAX),
            keys: RelayKeys {
                media: rng.random(),
                feedback: rng.random(),
            },
        }
    }

    /// The same each time.
    #[cfg(any(test, feature = "fuzzing", feature = "chaos"))]
    pub fn known(address: SocketAddr, number: u8) -> Self {
        Self {
            version: VERSION,
            address,
            ssrc: 2000 + u32::from(number),
            feedback_ssrc: 3000 + u32::from(number),
            keys: RelayKeys {
                media: ([number; 16], [number; 12]),
                feedback: ([!number; 16], [!number; 12]),
            },
        }
    }

    /// Where the stream is taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The SSRC of the stream's packets.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The SSRC of the reports about it.
    pub(crate) fn feedback_ssrc(&self) -> u32 {
        self.feedback_ssrc
    }

    /// Whether this forwarder can send by them.
    ///
    /// # Errors
    /// [`NegotiateError::RelayTerms`]: they are of another version, or name no place or no SSRC.
    pub(crate) fn check(&self) -> Result<(), NegotiateError> {
        let names = [self.ssrc, self.feedback_ssrc];
        let good = self.version == VERSION
            && self.address.port() != 0
            && !self.address.ip().is_unspecified()
            && !names.contains(&0)
            && self.ssrc != self.feedback_ssrc;
        good.then_some(()).ok_or(NegotiateError::RelayTerms)
    }

    /// The keys as one side uses them.
    fn keys_of(&self, role: Role) -> SrtpKeys {
        let RelayKeys { media, feedback } = &self.keys;
        let part = |(key, salt): &([u8; 16], [u8; 12])| (key.to_vec(), salt.to_vec());
        match role {
            Role::Publisher => SrtpKeys::of_relay(part(media), part(feedback)),
            Role::Player => SrtpKeys::of_relay(part(feedback), part(media)),
        }
    }
}

/// The SSRCs by which one shard tells its relays apart. Taken and given back when a relay comes and goes, never for a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct RelayNames(Arc<Mutex<HashSet<u32>>>);

/// An SSRC that is one relay's until this is dropped.
#[derive(Debug)]
pub(crate) struct RelayName {
    ssrc: u32,
    names: RelayNames,
}

impl RelayNames {
    /// Takes an SSRC; `None`: another relay has it.
    pub(crate) fn claim(&self, ssrc: u32) -> Option<RelayName> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(ssrc);
        is_free.then(|| RelayName {
            ssrc,
            names: self.clone(),
        })
    }
}

impl RelayName {
    /// The SSRC that the other side's packets have: media to a publisher peer, reports to a player peer.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

impl Drop for RelayName {
    fn drop(&mut self) {
        let mut names = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.ssrc);
    }
}

/// What a shard is told about one side of a relay.
#[derive(Debug)]
pub(crate) struct NewRelay {
    pub(crate) id: PeerId,
    pub(crate) stream: StreamKey,
    pub(crate) place: Placement,
    /// Publisher: the stream is taken here; player: it is sent from here.
    pub(crate) role: Role,
    pub(crate) terms: RelayTerms,
    pub(crate) name: RelayName,
}

impl NewRelay {
    /// What this side sends as.
    pub(crate) fn own_ssrc(&self) -> u32 {
        match self.role {
            Role::Publisher => self.terms.feedback_ssrc,
            Role::Player => self.terms.ssrc,
        }
    }

    pub(crate) fn keys(&self) -> SrtpKeys {
        self.terms.keys_of(self.role)
    }
}

/// What a relay's peer has instead of a client's handshakes.
#[derive(Debug)]
pub(crate) struct RelaySide {
    pub(crate) name: RelayName,
    /// Whether the rest of the server was told that it works.
    pub(crate) is_connected: bool,
    /// When this side says something at the latest.
    pub(crate) next_say: Instant,
    /// The other side's clock, in the middle 32 bits of its NTP time, and when it told it.
    heard: Option<(u32, Instant)>,
    /// What was sent of the stream when it was counted last; both wrap.
    counted: (u32, u32),
}

impl RelaySide {
    pub(crate) fn new(name: RelayName, now: Instant) -> Self {
        Self {
            name,
            is_connected: false,
            next_say: now,
            heard: None,
            counted: (0, 0),
        }
    }

    /// The other side told its clock. RFC 3611 §4.4.
    pub(crate) fn hear_reference(&mut self, ntp: u64, now: Instant) {
        self.heard = Some((middle_of(ntp), now));
    }

    /// What is told of the other side's clock: its own time, and for how long it was kept. RFC 3611 §4.5.
    pub(crate) fn echo(&self, now: Instant) -> Option<(u32, u32)> {
        let (reference, at) = self.heard?;
        Some((reference, units_65536(now.saturating_duration_since(at))))
    }

    /// Packets sent since the last call, and their octets, out of what was sent in all.
    pub(crate) fn take_sent(&mut self, packets: u32, octets: u32) -> (u32, u32) {
        let (packets_before, octets_before) = std::mem::replace(&mut self.counted, (packets, octets));
        (packets.wrapping_sub(packets_before), octets.wrapping_sub(octets_before))
    }
}

/// The round-trip time by an echo of our own clock, whose NTP time is `ntp` now; `None`: it is nonsense. RFC 3611 §4.5.
pub(crate) fn round_trip((reference, kept): (u32, u32), ntp: u64) -> Option<Duration> {
    let units = middle_of(ntp).wrapping_sub(reference).wrapping_sub(kept);
    let time = Duration::from_micros(u64::from(units) * 1_000_000 / 65_536);
    (time <= MAX_ROUND_TRIP).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> RelayTerms {
        RelayTerms::fresh("192.0.2.1:7000".parse().unwrap())
    }

    #[test]
    fn terms_survive_the_wire_and_show_no_key() {
        let terms = terms();
        let text = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<RelayTerms>(&text).unwrap(), terms);
        assert!(terms.check().is_ok());
        let shown = format!("{terms:?}");
        assert!(
            shown.contains("192.0.2.1") && shown.ends_with("keys: RelayKeys { .. } }"),
            "{shown}"
        );
        assert_ne!(terms, self::terms());
    }

    #[test]
    fn terms_that_nobody_can_send_by_are_refused() {
        let text = serde_json::to_string(&terms()).unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("192.0.2.1:7000", "192.0.2.1:0"),
            ("192.0.2.1", "0.0.0.0"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            let terms: RelayTerms = serde_json::from_str(&changed).unwrap();
            assert!(matches!(terms.check(), Err(NegotiateError::RelayTerms)), "{to}");
        }
        let mut shorter = serde_json::to_value(terms()).unwrap();
        shorter["keys"]["media"][0].as_array_mut().unwrap().pop();
        assert!(serde_json::from_value::<RelayTerms>(shorter).is_err());
    }

    #[test]
    fn a_name_is_one_relays_until_it_ends() {
        let names = RelayNames::default();
        let name = names.claim(7).unwrap();
        assert!(names.claim(7).is_none());
        assert!(names.claim(8).is_some());
        drop(name);
        assert!(names.claim(7).is_some());
    }

    #[test]
    fn a_round_trip_is_what_is_left_of_the_time_since_and_nonsense_is_none() {
        let second = 1u64 << 32;
        let sent = middle_of(second * 70_000);
        assert_eq!(round_trip((sent, 32_768), second * 70_001), Some(Duration::from_millis(500)));
        assert_eq!(
            round_trip((sent, 65_537), second * 70_001),
            None,
            "kept longer than it is out"
        );
        assert_eq!(round_trip((sent, 0), second * 70_011), None);
    }
}
