//! Listeners that come, go, fall silent, die and come back, while one publisher sends: nobody may notice the others.

use std::io;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::client::Role;
use crate::crowd::{Crowd, Leave, MemberId, now};
use crate::tally::Traffic;
use crate::whip::Place;

/// Something happens so often.
const EVENT_EVERY: Duration = Duration::from_millis(50);
/// Somebody who is silent is so for so long at most. Its socket keeps what comes meanwhile.
const LONGEST_SILENCE_MS: u64 = 2_000;
/// How long the beginning, and what is under way at the end, may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The stream and its room.
const STREAM: &str = "churn";

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnPlan {
    /// How long, milliseconds.
    pub millis: u64,
    /// Listeners at the beginning; half of them stay to the end.
    pub listeners: usize,
    /// Of the randomness.
    pub seed: u64,
}

/// What happened, and what the listeners got of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChurnReport {
    /// Listeners who joined after the beginning, those who came back among them.
    pub joined: usize,
    /// Who left by DELETE or close_notify.
    pub left: usize,
    /// Who died without a word.
    pub died: usize,
    /// Who fell silent for a while on a connection that stayed.
    pub silent: usize,
    /// What all listeners got from the moment that each was connected to its end.
    pub traffic: Traffic,
}

/// Churns a crowd that is empty.
///
/// # Errors
/// There is no socket left, or somebody could not connect.
pub fn run(crowd: &mut Crowd, plan: &ChurnPlan) -> io::Result<ChurnReport> {
    let mut churn = Churn {
        rng: StdRng::seed_from_u64(plan.seed),
        report: ChurnReport::default(),
        joined: 0,
    };
    crowd.join(place(Role::Publisher, 0))?;
    crowd.settle_all("the publisher", PATIENCE)?;
    for _ in 0..plan.listeners {
        churn.join(crowd)?;
    }
    crowd.settle_all("the first listeners", PATIENCE)?;
    let stay = crowd.connected(Role::Listener).split_off(plan.listeners / 2);
    crowd.start_sending();
    crowd.begin_count();
    churn.report = ChurnReport::default();
    let end = now() + Duration::from_millis(plan.millis);
    while now() < end {
        churn.something_happens(crowd, &stay)?;
        crowd.turn_for(EVENT_EVERY);
    }
    // Who is silent speaks again, who joins is connected, before the account is made.
    crowd.turn_for(Duration::from_millis(LONGEST_SILENCE_MS));
    crowd.settle_all("those who joined last", PATIENCE)?;
    churn.report.traffic = crowd.end_count();
    crowd.stop_sending();
    Ok(churn.report)
}

struct Churn {
    rng: StdRng,
    report: ChurnReport,
    joined: usize,
}

impl Churn {
    fn join(&mut self, crowd: &mut Crowd) -> io::Result<()> {
        self.joined += 1;
        self.report.joined += 1;
        crowd.join(place(Role::Listener, self.joined)).map(|_| ())
    }

    fn something_happens(&mut self, crowd: &mut Crowd, stay: &[MemberId]) -> io::Result<()> {
        let goes = self.one_of(&crowd.connected(Role::Listener), |id| !stay.contains(&id));
        match (self.rng.random_range(0..5), goes) {
            (0, Some(id)) => {
                crowd.leave(id, Leave::Delete);
                self.report.left += 1;
            }
            (1, Some(id)) => {
                crowd.leave(id, Leave::Close);
                self.report.left += 1;
            }
            (2, Some(id)) => {
                // The program starts again at once, as the same user; the server still has the dead one.
                let back = crowd.place_of(id).cloned();
                crowd.leave(id, Leave::Die);
                self.report.died += 1;
                if let Some(place) = back {
                    crowd.join(place)?;
                    self.report.joined += 1;
                }
            }
            (3, Some(id)) => {
                let time = self.rng.random_range(100..LONGEST_SILENCE_MS);
                crowd.silence(id, now() + Duration::from_millis(time));
                self.report.silent += 1;
            }
            _ => self.join(crowd)?,
        }
        Ok(())
    }

    fn one_of(&mut self, ids: &[MemberId], wanted: impl Fn(MemberId) -> bool) -> Option<MemberId> {
        let wanted: Vec<MemberId> = ids.iter().copied().filter(|id| wanted(*id)).collect();
        (!wanted.is_empty()).then(|| wanted[self.rng.random_range(0..wanted.len())])
    }
}

fn place(role: Role, number: usize) -> Place {
    Place {
        role,
        room: STREAM.into(),
        stream: STREAM.into(),
        user: format!("{STREAM}-{number}"),
        node: None,
    }
}
