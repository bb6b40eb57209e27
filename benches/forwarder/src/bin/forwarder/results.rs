//! All figures of a run: as JSON, and as the tables of docs/capacity.md.

use express_bench_forwarder::churn::ChurnReport;
use express_bench_forwarder::floor::PACKET_BYTES;
use express_bench_forwarder::hostile::HostileReport;
use express_bench_forwarder::tally::Traffic;
use serde::Serialize;

use super::coming_and_going::{BurstResult, JoinsResult, LeakResult, RoomsResult};
use super::fan_out::FanOutResult;
use super::in_a_cloud::InACloudResult;

/// Bytes of IP and UDP headers (IPv4) and of an Ethernet frame around them, gap and preamble included.
const HEADERS: usize = 28 + 38;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    /// What else is to be known of the run.
    pub(crate) conditions: Vec<String>,
    pub(crate) fan_outs: Vec<FanOutResult>,
    pub(crate) joins: Option<JoinsResult>,
    pub(crate) burst: Option<BurstResult>,
    pub(crate) leak: Option<LeakResult>,
    pub(crate) rooms: Option<RoomsResult>,
    pub(crate) churn: Option<ChurnReport>,
    pub(crate) hostile: Option<HostileReport>,
    pub(crate) in_a_cloud: Vec<InACloudResult>,
}

impl Results {
    /// In Markdown.
    pub(crate) fn tables(&self) -> String {
        let mut lines = Vec::new();
        if !self.fan_outs.is_empty() {
            lines.extend(self.fan_out_lines());
        }
        let small = self.small_lines();
        if !small.is_empty() {
            lines.extend(["".into(), "| what | measured |".into(), "|---|---|".into()]);
            lines.extend(small.into_iter().map(|(what, value)| format!("| {what} | {value} |")));
        }
        if let Some(widest) = self.fan_outs.iter().find(|result| result.connections == 1_000) {
            lines.extend(["".into(), arithmetic(widest.server_us)]);
        }
        if !self.in_a_cloud.is_empty() {
            lines.extend(self.in_a_cloud_lines());
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn fan_out_lines(&self) -> Vec<String> {
        let mut lines = vec![
            "| scenario | floor, us | server, us | ratio | expected | delivered | twice | out of order | p50 / p99, ms |"
                .to_owned(),
            "|---|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        for result in &self.fan_outs {
            let Traffic {
                expected,
                delivered,
                duplicate,
                out_of_order,
                latency_us,
                ..
            } = result.traffic;
            lines.push(format!(
                "| {} | {:.2} | {:.2} | {:.2} | {expected} | {delivered} | {duplicate} | {out_of_order} | {:.2} / {:.2} |",
                result.name,
                result.floor_us,
                result.server_us,
                result.ratio,
                latency_us.p50 / 1000.0,
                latency_us.p99 / 1000.0,
            ));
        }
        lines
    }

    fn in_a_cloud_lines(&self) -> Vec<String> {
        let head = [
            "",
            "| scenario | alone, us | in a cloud, us | ratio | expected | delivered | idle, alone / in a cloud, ms a second |",
            "|---|---|---|---|---|---|---|",
        ];
        let mut lines: Vec<String> = head.map(String::from).into();
        lines.extend(self.in_a_cloud.iter().map(|result| {
            format!(
                "| {} | {:.2} | {:.2} | {:.2} | {} | {} | {:.1} / {:.1} |",
                result.name,
                result.alone_us,
                result.in_a_cloud_us,
                result.ratio,
                result.expected,
                result.delivered,
                result.idle_alone_ms,
                result.idle_in_a_cloud_ms,
            )
        }));
        lines
    }

    fn small_lines(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut say = |what: String, value: String| lines.push((what, value));
        if let Some(joins) = &self.joins {
            say("CPU for each join".into(), format!("{:.2} ms", joins.cpu_ms_per_join));
            say(
                "memory for each listener".into(),
                format!("{:.1} kB", joins.rss_kb_per_listener),
            );
            let idle = format!("{:.1} us", joins.idle_us_per_peer_s);
            say("CPU for each idle peer and second".into(), idle);
        }
        if let Some(burst) = &self.burst {
            let what = format!("{} joins at once: until the last is connected", burst.joins);
            say(what, format!("{:.2} s", burst.joined.total_ms / 1000.0));
            say("of the others' packets meanwhile".into(), account(&burst.traffic));
        }
        if let Some(leak) = &self.leak {
            let half = leak.rss_kb.len() / 2;
            let what = format!("memory over {half},000 joins and leaves, after as many");
            say(what, format!("{:+.0} kB for each 1,000", leak.kb_per_thousand));
        }
        if let Some(rooms) = &self.rooms {
            let what = format!(
                "CPU of an idle server that had {} rooms, over {:.0} s",
                rooms.rooms, rooms.seconds
            );
            say(what, format!("{:.1} ms", rooms.idle_cpu_ms));
        }
        if let Some(churn) = &self.churn {
            let ChurnReport {
                joined,
                left,
                died,
                silent,
                ..
            } = churn;
            let what = format!("churn: {joined} joined, {left} left, {died} died, {silent} fell silent");
            say(what, account(&churn.traffic));
        }
        lines.extend(self.hostile.iter().flat_map(hostile_lines));
        lines
    }
}

fn hostile_lines(report: &HostileReport) -> [(String, String); 2] {
    let HostileReport {
        strangers,
        flood,
        nacks,
        before,
        during,
    } = report;
    let what = format!("under attack ({strangers} forged datagrams, {flood} packets of a flood, {nacks} NACKs)");
    let p99 = |traffic: &Traffic| traffic.latency_us.p99 / 1000.0;
    [
        (
            format!("{what}: p99 of the others, before and during"),
            format!("{:.2} ms, {:.2} ms", p99(before), p99(during)),
        ),
        ("of their packets".into(), account(during)),
    ]
}

fn account(traffic: &Traffic) -> String {
    let Traffic {
        expected,
        lost,
        duplicate,
        out_of_order,
        ..
    } = traffic;
    format!("{lost} of {expected} lost, {duplicate} twice, {out_of_order} out of order")
}

/// From CPU for each packet to listeners of a core, and what the network then carries.
fn arithmetic(server_us: f64) -> String {
    let packets = 1e6 / server_us;
    let bits = packets * ((PACKET_BYTES + HEADERS) * 8) as f64;
    format!(
        "A core that does nothing else sends {:.0} packets/s: {:.0} listeners of one speaker (50 packets/s each), {:.0} Mbit/s on \
         Ethernet ({PACKET_BYTES} bytes of SRTP and {HEADERS} of headers a packet).",
        packets,
        packets / 50.0,
        bits / 1e6,
    )
}
