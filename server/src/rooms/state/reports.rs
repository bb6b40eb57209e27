//! What the media plane measures on both sides of a stream, told to the other side: the listeners' reception to the publisher, the
//! publisher's leg to the listeners.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_signalling::protocol::{
    ListenerReport, Notice, ProtectedStream, PublisherReport, StreamListeners, StreamProtection, StreamUplink,
};

use super::records::{PeerUse, SessionKey, Stream};
use super::{Now, RoomsState};
use crate::forwarder::{CopySet, ListenerSummary, PeerId, PublisherLeg, StreamKey, Uplink};
use crate::rooms::cloud::{Heard, Wish, Words};
use crate::rooms::effect::SharedNotice;

/// Shards that are remembered for one stream; a machine has fewer.
const MAX_SHARDS: usize = 256;
/// Shards repeat a summary that does not change every 5 s; one that says nothing for so long has no listeners left.
const SUMMARY_COUNTS_FOR: Duration = Duration::from_secs(12);
/// A publisher hears of one stream every 500 ms: so long after the last time a summary begins to wait with the other notices.
const TELL_EVERY: Duration = Duration::from_millis(280);

/// What is measured on one stream.
#[derive(Debug, Default)]
pub(super) struct StreamReports {
    /// The newest summary of each shard, and when it came.
    shards: BTreeMap<u64, (ListenerSummary, Duration)>,
    told: Option<Duration>,
    leg: Option<PublisherLeg>,
    uplink: Option<Uplink>,
}

impl StreamReports {
    fn note(&mut self, shard: u64, summary: ListenerSummary, now: Duration) {
        self.shards.retain(|_, (_, at)| now.saturating_sub(*at) < SUMMARY_COUNTS_FOR);
        if self.shards.len() < MAX_SHARDS || self.shards.contains_key(&shard) {
            self.shards.insert(shard, (summary, now));
        }
    }

    /// Whether the publisher was not told a moment ago.
    fn may_be_told(&self, now: Duration) -> bool {
        self.told.is_none_or(|told| now.saturating_sub(told) >= TELL_EVERY)
    }

    /// What is known of the way from the publisher.
    pub(super) fn leg(&self) -> Option<PublisherLeg> {
        self.leg
    }

    fn merged(&self) -> ListenerSummary {
        let parts: Vec<_> = self.shards.values().map(|(summary, _)| *summary).collect();
        ListenerSummary::merged(&parts)
    }
}

/// Streams of a room that something is to be told of with its next notices.
#[derive(Debug, Default)]
pub(super) struct WaitingReports {
    listeners: BTreeSet<StreamKey>,
    legs: BTreeSet<StreamKey>,
    /// Who began to play a stream whose leg is known already.
    newcomers: BTreeSet<(SessionKey, StreamKey)>,
}

impl WaitingReports {
    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.legs.is_empty() && self.newcomers.is_empty()
    }
}

impl RoomsState {
    /// Listeners of a stream reported.
    pub(super) fn listeners_heard(&mut self, now: Now, key: StreamKey, shard: u64, summary: ListenerSummary) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if let Some(origin) = stream.origin.clone() {
            let heard = Heard { shard, summary };
            let name = stream.name.clone();
            return self.wish(Wish::Report(origin, name, heard));
        }
        stream.reports.note(shard, summary, now.mono);
        if !stream.reports.may_be_told(now.mono) {
            return;
        }
        self.gather_reports(now, key, |waiting| &mut waiting.listeners, key);
    }

    /// The network lost something of a stream's publisher, or no more.
    pub(super) fn uplink_measured(&mut self, now: Now, key: StreamKey, uplink: Uplink) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if stream.origin.is_some() {
            // Of the relay: the publisher's node knows more.
            return;
        }
        let is_first = stream.reports.uplink.replace(uplink).is_none();
        // That all was well from the beginning on is told with the first report of a listener.
        if stream.reports.may_be_told(now.mono) && !(is_first && uplink == Uplink::default()) {
            self.gather_reports(now, key, |waiting| &mut waiting.listeners, key);
        }
    }

    /// What a player is sent carries other copies than before.
    pub(super) fn copies_changed(&mut self, peer: PeerId, copies: CopySet) {
        let Some(PeerUse::Player { session, stream }) = self.peers.get(&peer) else {
            return;
        };
        let (session, known) = (*session, self.streams.get(stream));
        if let Some(stream) = known {
            let stream = ProtectedStream {
                stream_id: stream.name.1.clone(),
                copies: copies.distances().collect(),
            };
            let notice = Notice::StreamProtection(StreamProtection { streams: vec![stream] });
            self.notice(session, SharedNotice::new(notice));
        }
    }

    /// The way from a stream's publisher changed.
    pub(super) fn publisher_measured(&mut self, now: Now, key: StreamKey, leg: PublisherLeg) {
        // Of another node's stream only the relay was measured.
        let Some(stream) = self.streams.get(&key).filter(|stream| stream.origin.is_none()) else {
            return;
        };
        if !stream.relays.outs.is_empty() {
            let words = Words::Leg(stream.name.1.clone(), leg);
            let room = stream.room.clone();
            self.wish(Wish::Whisper(room, words));
        }
        self.leg_changed(now, key, leg);
    }

    /// What is known of the way from a stream's publisher, to this node or to its own.
    pub(super) fn leg_changed(&mut self, now: Now, key: StreamKey, leg: PublisherLeg) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.reports.leg = Some(leg);
        self.gather_reports(now, key, |waiting| &mut waiting.legs, key);
    }

    /// Somebody began to play a stream: what is known of its publisher's leg is told soon.
    pub(super) fn tell_leg_soon(&mut self, now: Now, session: SessionKey, key: StreamKey) {
        let is_known = self.streams.get(&key).is_some_and(|stream| stream.reports.leg.is_some());
        if is_known {
            self.gather_reports(now, key, |waiting| &mut waiting.newcomers, (session, key));
        }
    }

    fn gather_reports<T: Ord>(&mut self, now: Now, key: StreamKey, list: fn(&mut WaitingReports) -> &mut BTreeSet<T>, item: T) {
        let Some(room_key) = self.streams.get(&key).map(|stream| stream.room.clone()) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&room_key) {
            list(&mut room.waiting.reports).insert(item);
            self.gather_notices(now, room_key);
        }
    }

    /// Tells what was gathered.
    pub(super) fn tell_reports(&mut self, now: Now, waiting: WaitingReports) {
        let WaitingReports {
            listeners,
            legs,
            newcomers,
        } = waiting;
        self.tell_publishers(now, &listeners);
        self.tell_players(&legs, newcomers);
    }

    fn tell_publishers(&mut self, now: Now, keys: &BTreeSet<StreamKey>) {
        let mut of_owner: BTreeMap<SessionKey, Vec<StreamListeners>> = BTreeMap::new();
        for key in keys {
            let Some(stream) = self.streams.get_mut(key) else {
                continue;
            };
            stream.reports.told = Some(now.mono);
            if let Some(owner) = stream.owner {
                of_owner.entry(owner).or_default().push(listeners_of(stream));
            }
        }
        for (owner, streams) in of_owner {
            self.notice(owner, SharedNotice::new(Notice::ListenerReport(ListenerReport { streams })));
        }
    }

    fn tell_players(&mut self, legs: &BTreeSet<StreamKey>, newcomers: BTreeSet<(SessionKey, StreamKey)>) {
        let mut of_player: BTreeMap<SessionKey, BTreeSet<StreamKey>> = BTreeMap::new();
        let of_all = legs.iter().filter_map(|key| Some((key, self.streams.get(key)?)));
        let pairs = of_all.flat_map(|(key, stream)| stream.players.iter().map(|player| (*player, *key)));
        let is_playing =
            |(player, key): &(SessionKey, StreamKey)| self.streams.get(key).is_some_and(|stream| stream.players.contains(player));
        for (player, key) in pairs.chain(newcomers).filter(is_playing) {
            of_player.entry(player).or_default().insert(key);
        }
        // Those who play the same streams get the same, written once.
        let mut written: BTreeMap<BTreeSet<StreamKey>, SharedNotice> = BTreeMap::new();
        for (player, keys) in of_player {
            let streams: Vec<_> = keys.iter().filter_map(|key| uplink_of(self.streams.get(key)?)).collect();
            if streams.is_empty() {
                continue;
            }
            let notice = written
                .entry(keys)
                .or_insert_with(|| SharedNotice::new(Notice::PublisherReport(PublisherReport { streams })));
            let notice = notice.clone();
            self.notice(player, notice);
        }
    }
}

fn listeners_of(stream: &Stream) -> StreamListeners {
    let summary = stream.reports.merged();
    let (loss, burst) = (summary.loss_permille, summary.burst_tenths);
    let uplink = stream.reports.uplink;
    StreamListeners {
        stream_id: stream.name.1.clone(),
        listeners: summary.listeners,
        loss_worst: loss.map(|loss| fraction(loss.worst)),
        loss_median: loss.map(|loss| fraction(loss.median)),
        burst_worst: burst.map(|burst| f64::from(burst.worst) / 10.0),
        burst_median: burst.map(|burst| f64::from(burst.median) / 10.0),
        rtt_median_ms: summary.round_trip_ms.map(|round_trip| round_trip.median),
        uplink_loss: uplink.map(|uplink| fraction(uplink.loss_permille)),
        uplink_burst: uplink
            .and_then(|uplink| uplink.burst_tenths)
            .map(|burst| f64::from(burst) / 10.0),
        copying: summary.copying,
    }
}

fn uplink_of(stream: &Stream) -> Option<StreamUplink> {
    let leg = stream.reports.leg?;
    Some(StreamUplink {
        stream_id: stream.name.1.clone(),
        rtt_ms: leg.round_trip_ms,
        loss: fraction(leg.loss_permille),
        jitter_ms: leg.jitter_ms,
    })
}

/// Thousandths as a fraction, 0 to 1.
fn fraction(permille: u32) -> f64 {
    f64::from(permille.min(1000)) / 1000.0
}
