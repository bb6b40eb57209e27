//! What a run showed.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use express_bench_forwarder::tally::{Spread, Traffic};

use super::{Plan, faults::Kind, house::Usage};

/// Problems that are told one by one; the rest are counted.
const TOLD: usize = 40;

/// What a run showed, as far as it is.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was planned.
    pub plan: Plan,
    /// When the faults began.
    began: Option<Instant>,
    /// How often each fault was made, and in how many ms each client that it met was well again.
    pub faults: BTreeMap<Kind, (u64, Vec<f64>)>,
    /// Seconds without a fault because no room was quiet.
    pub no_victim: u64,
    /// Looks, five a second, at which the machine had no time for the clients, so that nobody was judged by what came late.
    pub busy_looks: u64,
    /// What was promised and did not hold; empty is good.
    pub problems: Vec<String>,
    more_problems: usize,
    remarks: BTreeMap<String, u64>,
    /// Packets of listeners whom no fault met.
    pub traffic: Traffic,
    /// Broadcasts that the server accepted.
    pub accepted: u64,
    /// Broadcasts without an answer, or beyond the rate: nothing was promised.
    pub unanswered: u64,
    /// Broadcasts that came to somebody.
    pub received: u64,
    /// Broadcasts of which it was checked that everybody got them.
    pub looked_after: u64,
    /// Lists that were compared.
    pub lists: u64,
    /// Lines of the server's log, by what they say.
    pub log: BTreeMap<String, u64>,
    /// Of the server: before anybody came, with everybody there at the end, and with nobody again.
    pub usage: [Usage; 3],
    /// With everybody there, as often as progress is told: kB.
    pub rss_kb: Vec<u64>,
    /// CPU time of the server and of the clients while faults were made.
    pub cpu: [Duration; 2],
    /// How long faults were made.
    pub time: Duration,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            began: None,
            faults: BTreeMap::new(),
            no_victim: 0,
            busy_looks: 0,
            problems: Vec::new(),
            more_problems: 0,
            remarks: BTreeMap::new(),
            traffic: Traffic::default(),
            accepted: 0,
            unanswered: 0,
            received: 0,
            looked_after: 0,
            lists: 0,
            log: BTreeMap::new(),
            usage: [Usage::default(); 3],
            rss_kb: Vec::new(),
            cpu: [Duration::ZERO; 2],
            time: Duration::ZERO,
        }
    }

    pub(super) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    pub(super) fn problem(&mut self, what: String) {
        if self.problems.len() < TOLD {
            let at = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
            eprintln!("  {at:.1} s: {what}");
            self.problems.push(format!("{at:.1} s: {what}"));
        } else {
            self.more_problems += 1;
        }
    }

    /// What the crowd complains of is what a fault does to it; whether somebody is unwell is seen elsewhere.
    pub(super) fn remark(&mut self, what: String) {
        let about = what.rsplit(": ").next().unwrap_or_default().to_owned();
        *self.remarks.entry(about).or_default() += 1;
    }

    pub(super) fn note_fault(&mut self, kind: Kind) {
        self.faults.entry(kind).or_default().0 += 1;
    }

    pub(super) fn note_recovery(&mut self, kind: Kind, took: Duration) {
        self.faults.entry(kind).or_default().1.push(took.as_secs_f64() * 1000.0);
    }

    /// Adds what one listener got; tells what was wrong with it.
    pub(super) fn note_traffic(&mut self, traffic: &Traffic) -> Option<String> {
        self.traffic.add(traffic);
        let Traffic {
            lost,
            own_drops,
            duplicate,
            out_of_order,
            expected,
            ..
        } = traffic;
        let wrong = lost.saturating_sub(*own_drops) + duplicate + out_of_order;
        (wrong > 0).then(|| format!("missed {lost} of {expected} packets, {duplicate} came twice, {out_of_order} late"))
    }

    /// Reads the server's log.
    pub(super) fn note_log(&mut self, log: &str) {
        for line in log.lines().filter(|line| !line.is_empty()) {
            if line.contains(" ERROR ") || line.contains("panicked") {
                self.problem(format!("the server's log: {line}"));
            }
            // Behind the time, and without what differs from line to line.
            let what = line.split_once(' ').map_or(line, |(_, rest)| rest).trim();
            let words = what.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
            *self.log.entry(words.collect::<Vec<_>>().join(" ")).or_default() += 1;
        }
    }

    /// Whether everything that was promised held.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    fn share(&self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.time.as_secs_f64().max(1.0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { rooms, users, .. } = self.plan;
        writeln!(
            f,
            "{} clients, {rooms} rooms of {users}, one talker each at {:.0} packets/s, {:.0} s, seed {}\n",
            rooms * users,
            1.0 / self.plan.packet_every.as_secs_f64(),
            self.time.as_secs_f64(),
            self.plan.seed
        )?;
        writeln!(
            f,
            "| fault | times | clients met | well again after: median | p99 | max |\n|---|---|---|---|---|---|"
        )?;
        for (kind, (times, took)) in &self.faults {
            let Spread { p50, p99, max } = Spread::of(&mut took.clone());
            let [p50, p99, max] = [p50, p99, max].map(|ms| format!("{:.1} s", ms / 1000.0));
            match took.len() {
                0 => writeln!(f, "| {} | {times} | nobody | | | |", kind.name())?,
                met => writeln!(f, "| {} | {times} | {met} | {p50} | {p99} | {max} |", kind.name())?,
            }
        }
        let sum = &self.traffic;
        let [start, full, end] = self.usage;
        let (first, last) = (self.rss_kb.first().unwrap_or(&0), self.rss_kb.last().unwrap_or(&0));
        writeln!(f, "\n| what | figure |\n|---|---|")?;
        writeln!(
            f,
            "| packets for listeners whom no fault met | {}; {} lost (clients' sockets overflowed: {}), {} twice, {} out of order |",
            sum.expected, sum.lost, sum.own_drops, sum.duplicate, sum.out_of_order
        )?;
        writeln!(
            f,
            "| broadcasts | {} accepted, {} looked after, {} received by somebody, {} without an answer |",
            self.accepted, self.looked_after, self.received, self.unanswered
        )?;
        writeln!(f, "| lists compared | {} |", self.lists)?;
        writeln!(
            f,
            "| CPU of the server, of the clients | {:.0} %, {:.0} % of a core |",
            self.share(self.cpu[0]),
            self.share(self.cpu[1])
        )?;
        writeln!(
            f,
            "| memory of the server, full house | {first} kB after 10 s, {last} kB at the end |"
        )?;
        writeln!(
            f,
            "| before the first, full house, after the last: memory | {}, {}, {} kB |",
            start.rss_kb, full.rss_kb, end.rss_kb
        )?;
        writeln!(f, "| open files | {}, {}, {} |", start.files, full.files, end.files)?;
        writeln!(f, "| threads | {}, {}, {} |", start.threads, full.threads, end.threads)?;
        writeln!(f, "| seconds without a quiet room to harm | {} |", self.no_victim)?;
        writeln!(
            f,
            "| looks at which the machine had no time for the clients | {} |",
            self.busy_looks
        )?;
        for (line, times) in &self.log {
            writeln!(f, "| log, {times} times | {line} |")?;
        }
        for (remark, times) in &self.remarks {
            writeln!(f, "| media, {times} times | {remark} |")?;
        }
        match self.problems.len() + self.more_problems {
            0 => writeln!(f, "\nnothing was lost that was promised"),
            count => writeln!(f, "\n{count} problems; the first: {:#?}", self.problems),
        }
    }
}
