//! How good the network is (`networkQuality`), told every 3 s while something is published or played.

use std::collections::{BTreeMap, BTreeSet};

use express_messages::{
    ids::{StreamId, UserId},
    stats::{ListenerReport, QualityGrade, UplinkReport, UserQuality},
};

use super::{Command, EngineState, Step, Timer};
use crate::events::NetworkQuality;

/// Reports that may be missing before the quality is unknown, and before it counts as lost (documented).
const UNKNOWN_AFTER: u32 = 1;
const LOST_AFTER: u32 = 3;

/// The clock of the reports, and what others reported.
#[derive(Debug, Default)]
pub(super) struct Network {
    runs: bool,
    /// Only of users whose streams of this room are played.
    others: BTreeMap<UserId, (Report, Report)>,
}

/// The last report of one thing, and how many are missing since. It begins unknown, and stays so until the first one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report {
    last: Option<QualityGrade>,
    missing: u32,
}

impl Report {
    pub(super) fn note(&mut self, grade: QualityGrade) {
        *self = Self {
            last: Some(grade),
            missing: 0,
        };
    }

    /// What to tell now; until the next time one more is missing.
    pub(super) fn take(&mut self) -> QualityGrade {
        let missing = self.missing;
        self.missing = missing.saturating_add(1);
        match self.last {
            Some(_) if missing > LOST_AFTER => QualityGrade::Die,
            Some(grade) if missing <= UNKNOWN_AFTER => grade,
            _ => QualityGrade::Unknown,
        }
    }
}

impl EngineState {
    /// Something is published or played.
    pub(super) fn watch_network(&mut self, out: &mut Step) {
        if !self.network.runs {
            self.network.runs = true;
            out.command(Command::After(self.settings.timings.quality_interval, Timer::NetworkQuality));
        }
    }

    /// What others reported of themselves.
    pub(super) fn on_network_quality(&mut self, users: Vec<UserQuality>) {
        let heard = self.heard_users();
        for UserQuality { user_id, up, down } in users {
            if heard.contains(&user_id) {
                let (of_up, of_down) = self.network.others.entry(user_id).or_default();
                of_up.note(up);
                of_down.note(down);
            }
        }
    }

    /// How published streams arrive at their listeners.
    pub(super) fn on_listener_reports(&mut self, reports: Vec<(StreamId, ListenerReport)>, out: &mut Step) {
        for (stream_id, report) in reports {
            if let Some(life) = self.publication(&stream_id).and_then(|publication| publication.life()) {
                out.command(Command::NoteListeners { life, report });
            }
        }
    }

    /// How played streams arrive at the server.
    pub(super) fn on_uplink_reports(&mut self, reports: Vec<(StreamId, UplinkReport)>, out: &mut Step) {
        for (stream_id, report) in reports {
            if let Some(life) = self.playback(&stream_id).and_then(|playback| playback.life()) {
                out.command(Command::NoteUplink { life, report });
            }
        }
    }

    /// Users whose streams are of our rooms and played.
    fn heard_users(&self) -> BTreeSet<UserId> {
        let streams = self.playbacks.iter().map(super::play::Playback::stream_id);
        let owners = streams.filter_map(|stream_id| self.rooms.owner_of(stream_id));
        owners.cloned().collect()
    }

    pub(super) fn on_network_due(&mut self, out: &mut Step) {
        if self.alive().is_err() || (self.publications.is_empty() && self.playbacks.is_empty()) {
            self.network = Network::default();
            return;
        }
        let up = worst(self.publications.iter_mut().map(|publication| publication.grade.take()));
        let down = worst(self.playbacks.iter_mut().map(|playback| playback.grade.take()));
        out.emit(told(String::new(), up, down));
        for room in self.rooms.iter().filter_map(super::room::Room::ready) {
            out.command(Command::ReportQuality { room, up, down });
        }
        let heard = self.heard_users();
        self.network.others.retain(|user_id, _| heard.contains(user_id));
        for (user_id, (up, down)) in &mut self.network.others {
            out.emit(told(user_id.to_string(), up.take(), down.take()));
        }
        out.command(Command::After(self.settings.timings.quality_interval, Timer::NetworkQuality));
    }
}

/// The worst grade that is known.
fn worst(grades: impl Iterator<Item = QualityGrade>) -> QualityGrade {
    grades.max().unwrap_or(QualityGrade::Unknown)
}

fn told(user_id: String, upstream_quality: QualityGrade, downstream_quality: QualityGrade) -> NetworkQuality {
    NetworkQuality {
        user_id,
        upstream_quality,
        downstream_quality,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_missing_report_is_forgiven_two_are_unknown_and_more_than_three_are_lost() {
        use QualityGrade::{Die, Good, Unknown};
        let mut report = Report::default();
        for _ in 0..9 {
            assert_eq!(report.take(), Unknown, "nothing was ever reported");
        }
        report.note(Good);
        let told: Vec<_> = (0..6).map(|_| report.take()).collect();
        assert_eq!(told, [Good, Good, Unknown, Unknown, Die, Die]);
        report.note(Good);
        assert_eq!(report.take(), Good);
    }

    #[test]
    fn the_worst_known_grade_counts() {
        use QualityGrade::{Bad, Good, Unknown};
        assert_eq!(worst([Good, Unknown, Bad, Good].into_iter()), Bad);
        assert_eq!(worst([Unknown].into_iter()), Unknown);
        assert_eq!(worst([].into_iter()), Unknown);
    }
}
