//! What a crowd counts: packets and their latency, of the server or of the floor.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rand::RngExt;

use super::member::{Member, Phase};
use super::{Crowd, now};
use crate::client::Role;
use crate::floor::{HEADER_BYTES, Receiver};
use crate::payload::Stamp;
use crate::tally::{Spread, Traffic};

/// What is on its way when a count ends is waited for until nothing came for so long: late is not lost.
const QUIET: Duration = Duration::from_secs(1);

/// A count under way.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// The floor's socket, when it is the floor that sends.
    floor: Option<SocketAddrV4>,
    /// Of who listens where the stream is published, and of who does so on another node.
    latency_us: [Vec<f64>; 2],
    leavers: Traffic,
    /// Datagrams that were not authentic, or of another stream.
    pub(super) strange: u64,
}

impl Count {
    pub(super) fn is_floor(&self, from: SocketAddrV4) -> bool {
        self.floor == Some(from)
    }

    pub(super) fn note_latency(&mut self, stamp: Stamp, at_ns: u64, is_elsewhere: bool) {
        self.latency_us[usize::from(is_elsewhere)].push(at_ns.saturating_sub(stamp.sent_ns) as f64 / 1000.0);
    }

    fn came(&self) -> usize {
        self.latency_us.iter().map(Vec::len).sum()
    }

    pub(super) fn note_leaver(&mut self, traffic: &Traffic) {
        self.leavers.add(traffic);
    }

    pub(super) fn note_floor(&mut self, member: &mut Member, datagram: &[u8], at_ns: u64) {
        let opened = member.floor_key.as_ref().and_then(|key| {
            let (header, sealed) = datagram.split_at_checked(HEADER_BYTES)?;
            let nonce = Nonce::try_assume_unique_for_key(header.get(..12)?).ok()?;
            let mut sealed = sealed.to_vec();
            let payload = key.open_in_place(nonce, Aad::from(header), &mut sealed).ok()?;
            Stamp::read(payload)
        });
        match opened {
            Some(stamp) => {
                member.tally.note(stamp.counter);
                self.note_latency(stamp, at_ns, false);
            }
            None => self.strange += 1,
        }
    }
}

impl Crowd {
    /// Begins to count what connected listeners get, and who connects from now on from then on.
    pub fn begin_count(&mut self) {
        self.count = Some(Count::default());
        for member in self.members.iter_mut().flatten() {
            member.begin_count(self.streams[member.stream].next);
        }
    }

    /// Ends the count: what was sent until now is waited for, and who left meanwhile is in it.
    pub fn end_count(&mut self) -> Traffic {
        let until: Vec<u64> = self.streams.iter().map(|stream| stream.next).collect();
        self.finish(|member| until[member.stream])
    }

    /// Begins to count what the floor at `floor` sends.
    pub(crate) fn begin_floor(&mut self, floor: SocketAddrV4) {
        self.count = Some(Count {
            floor: Some(floor),
            ..Count::default()
        });
        for member in self.members.iter_mut().flatten() {
            member.begin_count(0);
        }
    }

    /// Ends that count; each listener was sent `packets`.
    pub(crate) fn end_floor(&mut self, packets: u64) -> Traffic {
        self.finish(|_| packets)
    }

    /// The connected listeners by stream, each with a new key: whom the floor sends to.
    ///
    /// # Errors
    /// The key is refused, which cannot be, or a socket has no IPv4 address.
    pub(crate) fn floor_receivers(&mut self) -> std::io::Result<Vec<Vec<Receiver>>> {
        let mut groups: Vec<Vec<Receiver>> = self.streams.iter().map(|_| Vec::new()).collect();
        for member in self.members.iter_mut().flatten().filter(|member| listens(member)) {
            let key: [u8; 16] = self.rng.random();
            let make = || UnboundKey::new(&AES_128_GCM, &key).map(LessSafeKey::new);
            let refused = |_| std::io::Error::other("aws-lc-rs refuses a key of 16 bytes");
            member.floor_key = Some(make().map_err(refused)?);
            let SocketAddr::V4(address) = member.socket.local_addr()? else {
                return Err(std::io::Error::other("the floor needs IPv4"));
            };
            groups[member.stream].push(Receiver {
                address,
                key: make().map_err(refused)?,
            });
        }
        groups.retain(|group| !group.is_empty());
        Ok(groups)
    }

    fn finish(&mut self, until: impl Fn(&Member) -> u64) -> Traffic {
        let is_missing = |member: &Member| listens(member) && !member.tally.is_complete(until(member));
        let (mut came, mut quiet_since) = (0, now());
        while self.members.iter().flatten().any(|member| is_missing(member)) {
            let so_far = self.count.as_ref().map_or(0, Count::came);
            if so_far > came {
                (came, quiet_since) = (so_far, now());
            } else if now() >= quiet_since + QUIET {
                break;
            }
            self.turn_for(Duration::from_millis(5));
        }
        let Some(mut count) = self.count.take() else {
            return Traffic::default();
        };
        let mut traffic = count.leavers;
        for member in self.members.iter().flatten().filter(|member| listens(member)) {
            traffic.add(&member.traffic(until(member)));
        }
        let [here, elsewhere] = &mut count.latency_us;
        traffic.here_and_elsewhere_us = [Spread::of(here), Spread::of(elsewhere)];
        here.append(elsewhere);
        traffic.latency_us = Spread::of(here);
        if count.strange > 0 {
            self.problems
                .push(format!("{} datagrams were not authentic or of another stream", count.strange));
        }
        traffic
    }
}

fn listens(member: &Member) -> bool {
    member.place.role == Role::Listener && matches!(member.phase, Phase::Connected) && member.silent_until.is_none()
}
