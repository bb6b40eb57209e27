//! What the driver has the load process do: one JSON object a line, one answer a line.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::churn::{self, ChurnPlan, ChurnReport};
use crate::client::Role;
use crate::crowd::{Crowd, Leave, MemberId, now};
use crate::floor::{self, FloorReport};
use crate::hostile::{self, HostilePlan, HostileReport};
use crate::tally::{Spread, Traffic};
use crate::whip::Place;

/// Problems that a report names; more are counted.
const PROBLEMS_NAMED: usize = 5;
/// How long who leaves may take.
const LEAVE_PATIENCE: Duration = Duration::from_secs(60);

/// One thing to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Clients join; answered when all are connected or `patience_s` is over.
    Join {
        /// Who and where.
        places: Vec<Place>,
        /// How many are on their way at a time; 0: all.
        at_once: usize,
        /// Seconds.
        patience_s: u64,
    },
    /// Everybody of a role goes, or everybody; answered when they are gone.
    Leave {
        /// Whose turn it is; `None`: everybody's.
        role: Option<Role>,
        /// How.
        how: Leave,
    },
    /// Publishers send from now on.
    StartSending,
    /// Publishers fall silent.
    StopSending,
    /// What listeners get is counted from now on.
    BeginCount,
    /// The count ends.
    EndCount,
    /// The floor sends to the connected listeners.
    Floor {
        /// For so many milliseconds.
        millis: u64,
    },
    /// Listeners come and go while one publisher sends.
    Churn(ChurnPlan),
    /// Strangers and members attack honest rooms.
    Hostile(HostilePlan),
}

/// The answer to an [`Order`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// To what needs no other answer.
    Done,
    /// To [`Order::Join`].
    Joined(Joined),
    /// To [`Order::EndCount`].
    Counted(Traffic),
    /// To [`Order::Floor`].
    Floor(FloorReport),
    /// To [`Order::Churn`].
    Churned(ChurnReport),
    /// To [`Order::Hostile`].
    Hostile(HostileReport),
    /// The order could not be carried out as it was given.
    Problem {
        /// Why.
        what: String,
    },
}

/// How a join went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// How many connected.
    pub connected: usize,
    /// Until the last was connected.
    pub total_ms: f64,
    /// From each one's POST to the end of its DTLS handshake.
    pub each_ms: Spread,
}

/// Does what the order says, and answers.
pub fn carry_out(crowd: &mut Crowd, order: Order) -> Report {
    let report = match order {
        Order::Join {
            places,
            at_once,
            patience_s,
        } => join(crowd, places, at_once, Duration::from_secs(patience_s)),
        Order::Leave { role, how } => leave(crowd, role, how),
        Order::StartSending => {
            crowd.start_sending();
            Ok(Report::Done)
        }
        Order::StopSending => {
            crowd.stop_sending();
            Ok(Report::Done)
        }
        Order::BeginCount => {
            crowd.begin_count();
            Ok(Report::Done)
        }
        Order::EndCount => Ok(Report::Counted(crowd.end_count())),
        Order::Floor { millis } => floor::run(crowd, Duration::from_millis(millis))
            .map(Report::Floor)
            .map_err(|error| error.to_string()),
        Order::Churn(plan) => churn::run(crowd, &plan)
            .map(Report::Churned)
            .map_err(|error| error.to_string()),
        Order::Hostile(plan) => hostile::run(crowd, &plan)
            .map(Report::Hostile)
            .map_err(|error| error.to_string()),
    };
    let problems = crowd.take_problems();
    match report {
        Ok(report) if problems.is_empty() => report,
        Ok(_) => Report::Problem {
            what: summary(&problems),
        },
        Err(what) => Report::Problem { what },
    }
}

fn join(crowd: &mut Crowd, places: Vec<Place>, at_once: usize, patience: Duration) -> Result<Report, String> {
    let began = now();
    let until = began + patience;
    let wanted = places.len();
    let mut waiting = places;
    let room = if at_once == 0 { usize::MAX } else { at_once };
    crowd.take_connect_ms();
    while !waiting.is_empty() || crowd.unsettled() > 0 {
        let free = room.saturating_sub(crowd.unsettled()).min(waiting.len());
        for place in waiting.drain(..free) {
            crowd
                .join(place)
                .map_err(|error| format!("no socket for a client: {error}"))?;
        }
        if now() >= until {
            let (late, patience) = (waiting.len() + crowd.unsettled(), patience.as_secs());
            return Err(format!("{late} of {wanted} are not connected after {patience} s"));
        }
        crowd.turn(until.min(now() + Duration::from_millis(20)));
    }
    let total_ms = now().saturating_duration_since(began).as_secs_f64() * 1000.0;
    let mut each = crowd.take_connect_ms();
    Ok(Report::Joined(Joined {
        connected: each.len(),
        total_ms,
        each_ms: Spread::of(&mut each),
    }))
}

fn leave(crowd: &mut Crowd, role: Option<Role>, how: Leave) -> Result<Report, String> {
    let is_meant = |crowd: &Crowd, id: MemberId| {
        let role_of = crowd.place_of(id).map(|place| place.role);
        role.is_none() || role_of == role
    };
    for id in crowd.everybody() {
        if is_meant(crowd, id) {
            crowd.leave(id, how);
        }
    }
    if crowd.settle(LEAVE_PATIENCE) {
        return Ok(Report::Done);
    }
    Err(format!("{} have not left", crowd.unsettled()))
}

fn summary(problems: &[String]) -> String {
    let named = problems.iter().take(PROBLEMS_NAMED).cloned().collect::<Vec<_>>().join("; ");
    match problems.len().saturating_sub(PROBLEMS_NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}
