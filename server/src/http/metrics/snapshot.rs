//! What the server counted, read at one moment, and under which names it is shown.

use std::fmt;
use std::time::Duration;

use express_messages::codes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::callbacks::CallbackCounts;
use crate::cluster::ClusterCounters;
use crate::forwarder::{ForwarderCounters, ForwardingLatency, ShardStatus};
use crate::http::Shared;
use crate::http::counters::HttpCounts;
use crate::rooms::RoomsCounters;

/// Totals of the rooms that are shown in one family, by act and way.
const JOINS: [&str; 7] = [
    "logins",
    "whip_logins",
    "whep_logins",
    "publishes",
    "whip_publishes",
    "plays",
    "whep_plays",
];

/// All that a scrape shows of the server itself. Names are without their prefix `express_`.
#[derive(Debug)]
pub(super) struct Snapshot {
    rooms: RoomsCounters,
    cluster: ClusterCounters,
    http: HttpCounts,
    callbacks: CallbackCounts,
    media: ForwarderCounters,
    latency: ForwardingLatency,
    shards: Vec<ShardStatus>,
}

impl Snapshot {
    /// Reads all but the rooms and the cluster, which answer for themselves.
    pub(super) fn read(shared: &Shared, rooms: RoomsCounters, cluster: ClusterCounters) -> Self {
        Self {
            rooms,
            cluster,
            http: shared.counters.read(),
            callbacks: shared.callbacks.counts(),
            media: shared.media.counters(),
            latency: shared.media.latency(),
            shards: shared.media.shards(),
        }
    }

    fn encode_present(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rooms = &self.rooms;
        let peers = self.media.peers_added.saturating_sub(self.media.peers_removed);
        gauge(to, "rooms", "Rooms now.", rooms.rooms as u64)?;
        gauge(
            to,
            "users",
            "Users logged in now, silent ones included.",
            rooms.sessions as u64,
        )?;
        gauge(
            to,
            "streams",
            "Streams now, those not yet announced included.",
            rooms.streams as u64,
        )?;
        gauge(to, "connections", "Open sockets of signalling.", rooms.connections as u64)?;
        gauge(to, "hosted_resources", "Resources of WHIP and WHEP now.", rooms.hosted as u64)?;
        gauge(
            to,
            "media_peers",
            "Media connections now, those still connecting included.",
            peers,
        )?;
        gauge(
            to,
            "callbacks_waiting",
            "Callbacks that wait for a business server, those being sent included.",
            self.callbacks.waiting as u64,
        )?;
        let protected = self.media.protection_begun.saturating_sub(self.media.protection_ended);
        gauge(
            to,
            "protected_listeners",
            "Media connections that get copies of older frames now, because they lose packets.",
            protected,
        )?;
        let now = |begun: u64, ended: u64| begun.saturating_sub(ended);
        let media = &self.media;
        gauge(
            to,
            "relays_in",
            "Streams taken from other nodes now.",
            now(media.relays_in_begun, media.relays_in_ended),
        )?;
        gauge(
            to,
            "relays_out",
            "Streams sent to other nodes now.",
            now(media.relays_out_begun, media.relays_out_ended),
        )
    }

    fn encode_joins(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rooms = &self.rooms;
        let by_socket = |all: u64, others: u64| all.saturating_sub(others);
        let joins = [
            (
                "login",
                "websocket",
                by_socket(rooms.logins, rooms.whip_logins + rooms.whep_logins),
            ),
            ("login", "whip", rooms.whip_logins),
            ("login", "whep", rooms.whep_logins),
            ("publish", "websocket", by_socket(rooms.publishes, rooms.whip_publishes)),
            ("publish", "whip", rooms.whip_publishes),
            ("play", "websocket", by_socket(rooms.plays, rooms.whep_plays)),
            ("play", "whep", rooms.whep_plays),
        ];
        let help = "Logins, publishes and plays accepted, by way.";
        let mut family = to.encode_descriptor("joins", help, None, MetricType::Counter)?;
        for (act, way, joined) in joins {
            ConstCounter::new(joined).encode(family.encode_family(&[("act", act), ("way", way)])?)?;
        }
        Ok(())
    }

    fn encode_refusals(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests refused, by the documented name and number of the error.";
        let mut family = to.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        for (code, refused) in &self.rooms.refused {
            let labels = [
                ("reason", codes::name(*code).unwrap_or("UNKNOWN").to_owned()),
                ("code", code.to_string()),
            ];
            ConstCounter::new(*refused).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_shards(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shards = || self.shards.iter().enumerate();
        let label = |number: usize| [("shard", number.to_string())];
        let help = "Whether the thread of a media shard runs; one that ended does not come back.";
        let mut up = to.encode_descriptor("shard_up", help, None, MetricType::Gauge)?;
        for (number, shard) in shards() {
            ConstGauge::new(u64::from(shard.alive)).encode(up.encode_family(&label(number))?)?;
        }
        let help = "CPU time used by the thread of a media shard.";
        let mut cpu = to.encode_descriptor("shard_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
        for (number, used) in shards().filter_map(|(number, shard)| Some((number, shard.cpu?))) {
            ConstCounter::new(used.as_secs_f64()).encode(cpu.encode_family(&label(number))?)?;
        }
        Ok(())
    }

    fn encode_latency(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let seconds = |bound: Duration| match bound {
            Duration::MAX => f64::INFINITY,
            bound => bound.as_secs_f64(),
        };
        let latency = &self.latency;
        let buckets: Vec<_> = latency.buckets().map(|(bound, copies)| (seconds(bound), copies)).collect();
        let help = "From the arrival of a publisher's packet to the hand-over of a listener's copy to the kernel.";
        to.encode_descriptor("forwarding_latency", help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(latency.sum().as_secs_f64(), latency.count(), &buckets, None)
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut to;
        to.encode_descriptor("build", "The server's version.", None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        self.encode_present(to)?;
        self.encode_joins(to)?;
        self.encode_refusals(to)?;
        self.encode_shards(to)?;
        self.encode_latency(to)?;
        let rooms = self.rooms.each().filter(|(name, ..)| !JOINS.contains(name));
        rooms.into_iter().try_for_each(|counter| total(to, "rooms", counter))?;
        for (name, help, value) in self.cluster.present() {
            gauge(to, &format!("cluster_{name}"), help, value)?;
        }
        self.cluster.each().try_for_each(|counter| total(to, "cluster", counter))?;
        self.http.each().try_for_each(|counter| total(to, "http", counter))?;
        self.callbacks
            .each()
            .try_for_each(|counter| total(to, "callbacks", counter))?;
        self.media.each().try_for_each(|counter| total(to, "media", counter))
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let encoder = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(encoder)
}

/// A counter under the name that the code has for it; a unit goes behind, as Prometheus wants it.
fn total(to: &mut DescriptorEncoder<'_>, part: &str, (name, help, value): (&str, &str, u64)) -> fmt::Result {
    let (name, unit) = match name.strip_prefix("bytes_") {
        Some(name) => (name, Some(&Unit::Bytes)),
        None => (name, None),
    };
    let name = format!("{part}_{name}");
    let encoder = to.encode_descriptor(&name, help, unit, MetricType::Counter)?;
    ConstCounter::new(value).encode(encoder)
}
