//! What is printed and written.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::client::Joined;

/// The figures of one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    scenario: String,
    joins: usize,
    /// Joins that did not connect, or heard nothing, in time.
    failures: usize,
    round_trip_ms: Option<f64>,
    /// From the answer to the connection.
    connect_ms: Spread,
    /// The same in round trips.
    connect_round_trips: Option<Spread>,
    /// From the first thought of playing to the first packet.
    join_to_first_packet_ms: Spread,
    /// From the connection to the first packet; the stream has one every 20 ms.
    connected_to_first_packet_ms: Spread,
    connect_at_most_ms: Option<f64>,
    /// The median is no longer than that, and nothing failed.
    pub(crate) target_met: bool,
}

/// Least, middle and greatest.
#[derive(Debug, Clone, Copy, Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }

    fn divided_by(self, unit: f64) -> Self {
        Self {
            min: self.min / unit,
            median: self.median / unit,
            max: self.max / unit,
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} / {:.1} / {:.1}", self.min, self.median, self.max)
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

impl Figures {
    pub(crate) fn new(
        scenario: &str,
        round_trip: Option<Duration>,
        connect_at_most: Option<Duration>,
        joins: &[Option<Joined>],
    ) -> Self {
        let spread = |figure: fn(&Joined) -> Duration| Spread::of(joins.iter().flatten().map(|joined| ms(figure(joined))));
        let connect_ms = spread(|joined| joined.connect);
        let failures = joins.iter().filter(|joined| joined.is_none()).count();
        let in_time = connect_at_most.is_none_or(|most| connect_ms.median <= ms(most));
        Self {
            scenario: scenario.to_owned(),
            joins: joins.len(),
            failures,
            round_trip_ms: round_trip.map(ms),
            connect_ms,
            connect_round_trips: round_trip.map(|round_trip| connect_ms.divided_by(ms(round_trip))),
            join_to_first_packet_ms: spread(|joined| joined.first_packet),
            connected_to_first_packet_ms: spread(|joined| joined.waited),
            connect_at_most_ms: connect_at_most.map(ms),
            target_met: in_time && failures == 0,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} ({} joins, {} failed), min / median / max:",
            self.scenario, self.joins, self.failures
        )?;
        write!(f, "  connect                   {} ms", self.connect_ms)?;
        if let Some(round_trips) = self.connect_round_trips {
            write!(f, " = {round_trips} round trips")?;
        }
        if let Some(most) = self.connect_at_most_ms {
            write!(f, " (median at most {most} ms)")?;
        }
        writeln!(f)?;
        writeln!(f, "  join to first packet      {} ms", self.join_to_first_packet_ms)?;
        write!(f, "  connected to first packet {} ms", self.connected_to_first_packet_ms)
    }
}
