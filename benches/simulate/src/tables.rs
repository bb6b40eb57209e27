//! The figures as Markdown.

use std::fmt::Write;

use crate::Report;
use crate::faults::Recovery;
use crate::figures::{Load, Spread, Traffic};

/// All tables.
pub fn all(report: &Report) -> String {
    let mut out = String::new();
    traffic(&mut out, &report.traffic);
    spread(&mut out, &report.spread, report.most_sent);
    loads(&mut out, &report.loads);
    recoveries(&mut out, &report.recoveries);
    out
}

/// A row; writing to a text cannot fail.
fn row(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn head(out: &mut String, title: &str, columns: &[&str]) {
    let _ = writeln!(out, "\n{title}\n");
    row(out, &columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>());
    let _ = writeln!(out, "|{}", "---|".repeat(columns.len()));
}

/// A number with commas, to three digits or so.
pub fn short(number: f64) -> String {
    if number < 10.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(number: usize) -> String {
    if number < 10 {
        number.to_string()
    } else {
        short(number as f64)
    }
}

fn traffic(out: &mut String, rows: &[Traffic]) {
    let columns = [
        "nodes",
        "users in calls",
        "rooms",
        "logins",
        "sent on, %",
        "letters",
        "of which facts",
        "registry reads",
        "writes",
        "conflicts",
        "renewals delivered",
        "logins told to all, delivered",
        "all of it",
    ];
    head(out, "Over the broker, in a second:", &columns);
    for traffic in rows {
        let rates = [
            traffic.logins,
            traffic.redirects_percent,
            traffic.letters,
            traffic.facts,
            traffic.reads,
            traffic.writes,
            traffic.conflicts,
            traffic.lease_deliveries,
            traffic.login_deliveries,
            traffic.all(),
        ];
        let sizes = [traffic.nodes, traffic.users, traffic.rooms].map(count);
        row(out, &sizes.into_iter().chain(rates.map(short)).collect::<Vec<_>>());
    }
}

fn spread(out: &mut String, rows: &[Spread], most_sent: usize) {
    let columns = [
        "room",
        "rooms",
        "members",
        "on one node alone, %",
        "nodes, mean",
        "most",
        "copies of streams between nodes, mean",
        "most",
    ];
    head(out, "How far rooms are spread, the largest cloud:", &columns);
    for spread in rows.iter().filter(|spread| spread.rooms > 0) {
        let cells = [
            spread.kind.clone(),
            count(spread.rooms),
            short(spread.members),
            short(spread.alone_percent),
            short(spread.nodes),
            count(spread.most_nodes),
            short(spread.copies),
            count(spread.most_copies),
        ];
        row(out, &cells);
    }
    let _ = writeln!(out, "\nThe node that sends most sends {} copies.", count(most_sent));
}

fn loads(out: &mut String, rows: &[Load]) {
    head(
        out,
        "Sessions of a node there:",
        &["region", "nodes", "fewest", "median", "most"],
    );
    for load in rows {
        let numbers = [load.nodes, load.least, load.median, load.most].map(count);
        row(out, &[load.region.clone()].into_iter().chain(numbers).collect::<Vec<_>>());
    }
}

fn recoveries(out: &mut String, rows: &[Recovery]) {
    let columns = [
        "what happens",
        "users, nodes",
        "thrown out",
        "the last is back, s",
        "all nodes agree, s",
        "rooms that differed, at most",
        "users seen to leave",
        "streams lost",
        "registry, most in a second",
    ];
    head(out, "What goes wrong:", &columns);
    let seconds = |seconds: Option<f64>| seconds.map_or("not in 300".to_owned(), |seconds| format!("{seconds:.1}"));
    for recovery in rows {
        let cells = [
            recovery.what.clone(),
            format!("{}, {}", count(recovery.cloud.0), recovery.cloud.1),
            count(recovery.thrown_out),
            if recovery.thrown_out == 0 {
                "-".into()
            } else {
                seconds(recovery.back)
            },
            seconds(recovery.agreed),
            format!("{} of {}", count(recovery.disagreed.0), count(recovery.disagreed.1)),
            recovery.seen_to_leave.to_string(),
            recovery.streams_lost.to_string(),
            short(recovery.registry_most),
        ];
        row(out, &cells);
    }
}
