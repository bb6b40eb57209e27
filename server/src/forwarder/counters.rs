//! Counters of the data path: one writer (the shard), any reader, no lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::latency::LatencyHistogram;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a forwarder did since it started, all shards together.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[non_exhaustive]
        pub struct ForwarderCounters {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl ForwarderCounters {
            /// Every counter: its name, what it counts, its value. `/metrics` shows them so.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }
        }

        /// The same, where the shard counts.
        #[derive(Debug, Default)]
        pub(crate) struct ShardCounters {
            $(pub(crate) $name: Counter,)*
            pub(crate) latency: LatencyHistogram,
        }

        impl ShardCounters {
            /// Adds what this shard counted.
            pub(crate) fn add_to(&self, total: &mut ForwarderCounters) {
                $(total.$name = total.$name.wrapping_add(self.$name.value());)*
            }
        }
    };
}

counters! {
    /// Datagrams received.
    datagrams_received,
    /// Their UDP payload bytes.
    bytes_received,
    /// Datagrams handed to the kernel, or to the thread that writes TCP.
    datagrams_sent,
    /// Their UDP payload bytes.
    bytes_sent,
    /// Datagrams that the kernel refused (full buffer, no route).
    send_failed,
    /// Datagrams that are none of STUN, DTLS, RTP and RTCP, or malformed.
    malformed,
    /// Datagrams from addresses that no peer has proved.
    unauthenticated,
    /// Of these, dropped unread because their source was beyond its rate.
    policed,
    /// STUN messages with a wrong user name, a wrong MESSAGE-INTEGRITY, or that answer nothing.
    stun_refused,
    /// STUN requests of clients that try their network before a login, answered.
    probes_answered,
    /// Authentic STUN requests from a fifth address of one peer.
    addresses_refused,
    /// ICE sessions begun anew with other credentials.
    ice_restarts,
    /// Datagrams not sent because an unproven address would have got more than came from it.
    amplification_refused,
    /// DTLS datagrams ignored because their address is not proved.
    dtls_ignored,
    /// DTLS handshakes that failed, a wrong certificate among them.
    dtls_failed,
    /// Certificates that did not match the fingerprint of the offer.
    fingerprint_mismatches,
    /// Authentic RTP packets from publishers.
    rtp_received,
    /// RTP packets of publishers that did not come, or not before the report to the publisher that counts them.
    rtp_lost,
    /// RTP packets of publishers that came behind later ones.
    rtp_late,
    /// RTP and RTCP packets that were forged, replayed or came before DTLS ended.
    srtp_refused,
    /// RTP packets that listeners sent, or publishers on a stream that is another's.
    rtp_unexpected,
    /// Authentic RTP packets dropped because their publisher sent more than one may.
    rtp_flooding,
    /// Authentic RTP packets without payload (probing, padding): not media, not forwarded.
    rtp_without_media,
    /// Copies of RTP packets sent to listeners.
    rtp_forwarded,
    /// Copies not sent: paused, not connected, older than the listener, of a format it has not, or of a stream that is
    /// none of the loudest that the listener wants (sent later after all if it becomes one within 100 ms).
    rtp_not_forwarded,
    /// RTP packets handed to another shard, once for all listeners there.
    crossed,
    /// RTP packets and sender reports not handed to another shard because it lagged too far behind.
    crossing_dropped,
    /// Authentic RTCP packets received (compound packets count once).
    rtcp_received,
    /// Receiver report blocks of listeners about what we sent.
    receiver_reports,
    /// NACK messages of listeners about what we sent.
    nacks_received,
    /// Packets that they asked for.
    nacked_packets,
    /// Of these, packets that were sent again.
    retransmitted,
    /// Of these, packets beyond the listener's budget, asked for twice within a round trip, or by a listener that did not negotiate it.
    nack_refused,
    /// Of these, packets that are remembered no more, or were never sent to this listener.
    nack_too_old,
    /// Packets of publishers that did not come, but a copy of their frame in RED did (RFC 2198): forwarded in their place.
    rtp_repaired,
    /// Copies of older frames that were added to packets of listeners that lose some (RFC 2198).
    copies_sent,
    /// Bytes of these with their headers.
    bytes_copied,
    /// Times that a listener began to get copies.
    protection_begun,
    /// Times that it ended, or that the listener went; begun minus ended get copies now.
    protection_ended,
    /// Times that a listener got fewer copies than its loss asks for, because they cost more than media.protection_kbit.
    protection_thinned,
    /// Times that copies were taken away because they made the loss worse: a full link.
    protection_withdrawn,
    /// Packets that publishers were asked for again.
    nacks_sent,
    /// Streams taken from other nodes.
    relays_in_begun,
    /// Of these, over; begun minus ended are taken now.
    relays_in_ended,
    /// Streams sent to other nodes, each once for all listeners there.
    relays_out_begun,
    /// Of these, over; begun minus ended are sent now.
    relays_out_ended,
    /// Authentic RTP packets from other nodes.
    relay_packets_received,
    /// Bytes of their payload.
    bytes_relay_received,
    /// RTP packets sent to other nodes, repairs among them; counted each second.
    relay_packets_sent,
    /// Bytes of their payload.
    bytes_relay_sent,
    /// RTP packets from other nodes that the network between lost, repaired or not.
    relay_lost,
    /// Of these, packets that were repaired: sent again, or out of a copy.
    relay_repaired,
    /// Datagrams that named a relay and were forged, replayed or malformed.
    relay_refused,
    /// Measurements of the round-trip time to other nodes: one each second of each relay's side.
    relay_round_trips,
    /// The times that were measured, in microseconds, together.
    relay_round_trip_us,
    /// RTCP packets with a goodbye (BYE).
    goodbyes_received,
    /// RTCP packets sent.
    rtcp_sent,
    /// TCP connections taken, whatever became of them.
    tcp_accepted,
    /// Of these, ended by either side; accepted minus closed are open now.
    tcp_closed,
    /// TCP connections closed because a limit was reached, or because their first frame did not come in time or is no STUN
    /// request of a peer.
    tcp_refused,
    /// Frames from and datagrams to TCP connections that found a queue full or the connection gone.
    tcp_dropped,
    /// Peers added, both sides of relays among them.
    peers_added,
    /// Peers whose DTLS handshake completed, and relays that work.
    peers_connected,
    /// Peers removed or gone; added minus removed are here now.
    peers_removed,
}

/// One counter; only its shard adds to it.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. A plain load and store: there is one writer.
    pub(crate) fn add(&self, n: u64) {
        let value = self.0.load(Ordering::Relaxed);
        self.0.store(value.wrapping_add(n), Ordering::Relaxed);
    }

    /// Adds one.
    pub(crate) fn one(&self) {
        self.add(1);
    }

    /// What was added so far.
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_tells_its_name_and_what_it_counts() {
        let shard = ShardCounters::default();
        shard.policed.add(7);
        let mut total = ForwarderCounters::default();
        shard.add_to(&mut total);
        let told: Vec<_> = total.each().filter(|(_, _, value)| *value > 0).collect();
        let doc = "Of these, dropped unread because their source was beyond its rate.";
        assert_eq!(told, [("policed", doc, 7)]);
    }
}
