//! What goes wrong with the sound of a stream while its connection stands (`exceptionUpdate`): pure, one call for each quality
//! interval.
//!
//! The codes are documented, the thresholds are not; ours are the constants below (`docs/differences.md`). Each exception is told
//! once when it has held for [`RAISE_AFTER`] intervals, and its recovery ([`RECOVERY`] more) once with the first good interval. An
//! interval that says nothing about it (muted, paused, nothing sent on purpose) begins the count anew and recovers nothing.
//!
//! `tests/cases/tables/exceptions.json` holds the cases, for this machine and for the browser SDK's.

use serde::{Deserialize, Serialize};

/// Documented: the captured sound is as good as silent.
pub const CAPTURE_VOLUME_LOW: i32 = 1002;
/// Documented: much less is sent than was asked for.
pub const SEND_AUDIO_BITRATE_LOW: i32 = 1005;
/// Documented: the received sound is as good as silent.
pub const RECEIVED_VOLUME_LOW: i32 = 1006;
/// Documented: what is received cannot be decoded.
pub const AUDIO_DECODE_FAILING: i32 = 1007;
/// Documented: what the code of a recovery has over that of its exception (1002 → 2002).
pub const RECOVERY: i32 = 1000;

/// Bad intervals in a row before an exception is told.
pub const RAISE_AFTER: u32 = 2;

/// Below this largest sample (of 1.0, −80 dBFS) sound is silence: a microphone that works, in a quiet room too, gives more.
const SILENT: f64 = 0.0001;
/// From this on (−74 dBFS) it is sound again.
const SOUNDING: f64 = 0.0002;
/// Below this share of what should be there something is wrong.
const TOO_LITTLE: f64 = 1.0 / 2.0;
/// From this share on all is well again.
const ENOUGH: f64 = 2.0 / 3.0;
/// Packets a second below which a stream is at rest: DTX sends 2 or 3, one that is not among the loudest none.
const AT_REST_PER_SECOND: f64 = 10.0;

/// One news of `exceptionUpdate`: `{code, message}` as documented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamException {
    /// 1002, 1005, 1006 or 1007; the recovery is 1000 higher.
    pub code: i32,
    /// What is wrong, or right again, for people.
    pub message: String,
}

/// What a publisher knows of one quality interval.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(Deserialize), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct PublishInterval {
    /// Whether the stream is muted.
    pub muted: bool,
    /// Largest captured sample, 0..=1; `None`: not known, or no microphone. A publisher does not tell microphones from files: its
    /// owner does.
    pub capture_level: Option<f64>,
    /// Packets that the captured sound makes, those that DTX leaves out not counted; `None`: not known.
    pub packets_due: Option<u64>,
    /// Packets of them that were sent.
    pub packets_sent: u64,
    /// What the sender aims at now, kbit/s of payload; `None`: not known.
    pub target_kbps: Option<f64>,
    /// What the application asked for (`audioBitrate`), kbit/s.
    pub asked_kbps: f64,
}

/// What a player knows of one quality interval.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(Deserialize), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct PlayInterval {
    /// Whether the playback is paused at the server (`mutePlayStreamAudio`).
    pub paused: bool,
    /// Whether the publisher muted the stream (`remoteMicStatusUpdate`). A player says `false`: its owner knows, and fills it in.
    pub publisher_muted: bool,
    /// How long the interval was, in seconds.
    pub seconds: f64,
    /// Packets that came in time, each once.
    pub packets_received: u64,
    /// Packets of them that were decoded.
    pub packets_decoded: u64,
    /// Largest sample given out, 0..=1, before the playout volume.
    pub level: f64,
}

/// What one interval says about one exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// Nothing: there is nothing to judge.
    Nothing,
    Bad,
    /// Neither bad nor good: whatever was said stays.
    Between,
    Good,
}

impl Finding {
    fn of(value: f64, bad_below: f64, good_from: f64) -> Self {
        if value < bad_below {
            Self::Bad
        } else if value < good_from {
            Self::Between
        } else {
            Self::Good
        }
    }

    /// Of two that stand for one exception, the one that counts: one bad is bad, and good is only what is wholly good.
    fn and(self, other: Self) -> Self {
        let either = |finding| self == finding || other == finding;
        [Self::Bad, Self::Between, Self::Good]
            .into_iter()
            .find(|finding| either(*finding))
            .unwrap_or(Self::Nothing)
    }
}

/// One exception, told or not.
#[derive(Debug, Clone)]
struct Watch {
    code: i32,
    raised_text: &'static str,
    recovered_text: &'static str,
    bad_in_a_row: u32,
    is_raised: bool,
}

impl Watch {
    fn new(code: i32, raised_text: &'static str, recovered_text: &'static str) -> Self {
        Self {
            code,
            raised_text,
            recovered_text,
            bad_in_a_row: 0,
            is_raised: false,
        }
    }

    fn judge(&mut self, finding: Finding) -> Option<StreamException> {
        self.bad_in_a_row = match finding {
            Finding::Bad => self.bad_in_a_row.saturating_add(1),
            Finding::Nothing | Finding::Between | Finding::Good => 0,
        };
        let raises = !self.is_raised && self.bad_in_a_row >= RAISE_AFTER;
        let recovers = self.is_raised && finding == Finding::Good;
        if !raises && !recovers {
            return None;
        }
        self.is_raised = raises;
        let (code, message) = match raises {
            true => (self.code, self.raised_text),
            false => (self.code + RECOVERY, self.recovered_text),
        };
        Some(StreamException {
            code,
            message: message.to_owned(),
        })
    }
}

/// The exceptions of one published stream.
#[derive(Debug, Clone)]
pub struct PublishExceptions {
    capture: Watch,
    bitrate: Watch,
}

impl Default for PublishExceptions {
    fn default() -> Self {
        Self {
            capture: Watch::new(
                CAPTURE_VOLUME_LOW,
                "nothing to hear is captured: check that the microphone is the right one and not muted by its switch or the system",
                "there is sound in what is captured again",
            ),
            bitrate: Watch::new(
                SEND_AUDIO_BITRATE_LOW,
                "less than half of the audio that was asked for is sent: the network, or this machine, is too slow for it",
                "the audio is sent at the bitrate that was asked for again, or near it",
            ),
        }
    }
}

impl PublishExceptions {
    /// What is to be told after one more interval of publishing; mostly nothing.
    pub fn judge(&mut self, interval: &PublishInterval) -> Vec<StreamException> {
        let (capture, bitrate) = match interval.muted {
            true => (Finding::Nothing, Finding::Nothing),
            false => (captured(interval), sent(interval)),
        };
        [self.capture.judge(capture), self.bitrate.judge(bitrate)]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn captured(interval: &PublishInterval) -> Finding {
    interval
        .capture_level
        .map_or(Finding::Nothing, |level| Finding::of(level, SILENT, SOUNDING))
}

/// Judged by packets and by what the sender aims at, not by bytes: Opus spends next to none on a pause.
fn sent(interval: &PublishInterval) -> Finding {
    let target = interval
        .target_kbps
        .map_or(Finding::Nothing, |target| share(target, interval.asked_kbps));
    let packets = interval
        .packets_due
        .map_or(Finding::Nothing, |due| share(interval.packets_sent as f64, due as f64));
    target.and(packets)
}

/// The exceptions of one played stream.
#[derive(Debug, Clone)]
pub struct PlayExceptions {
    volume: Watch,
    decoding: Watch,
}

impl Default for PlayExceptions {
    fn default() -> Self {
        Self {
            volume: Watch::new(
                RECEIVED_VOLUME_LOW,
                "what is received is silence, though its publisher did not mute it: its microphone may be muted by a switch or the system",
                "there is sound in what is received again",
            ),
            decoding: Watch::new(
                AUDIO_DECODE_FAILING,
                "less than half of the audio that arrives can be decoded: it is damaged, or not in a format that is understood here",
                "the audio that arrives can be decoded again",
            ),
        }
    }
}

impl PlayExceptions {
    /// What is to be told after one more interval of playing; mostly nothing.
    pub fn judge(&mut self, interval: &PlayInterval) -> Vec<StreamException> {
        let decoding = decoded(interval);
        // What cannot be decoded is silent too; one cause is told once.
        let volume = match decoding {
            Finding::Good if !interval.publisher_muted => Finding::of(interval.level, SILENT, SOUNDING),
            _ => Finding::Nothing,
        };
        [self.decoding.judge(decoding), self.volume.judge(volume)]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn decoded(interval: &PlayInterval) -> Finding {
    let received = interval.packets_received as f64;
    if interval.paused || received < AT_REST_PER_SECOND * interval.seconds {
        return Finding::Nothing;
    }
    share(interval.packets_decoded as f64, received)
}

/// How `part` of `whole` is; nothing where there is no whole.
fn share(part: f64, whole: f64) -> Finding {
    if whole > 0.0 {
        Finding::of(part / whole, TOO_LITTLE, ENOUGH)
    } else {
        Finding::Nothing
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    /// `tests/cases/tables/exceptions.json`; its README says how it is read.
    #[derive(Deserialize)]
    struct Table {
        publish: Side,
        play: Side,
    }

    #[derive(Deserialize)]
    struct Side {
        /// An interval of which all is well.
        usual: Map<String, Value>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        intervals: Vec<Interval>,
    }

    #[derive(Deserialize)]
    struct Interval {
        /// How it differs from the usual.
        #[serde(default)]
        with: Map<String, Value>,
        /// The codes that are told after it.
        #[serde(default)]
        told: Vec<i32>,
    }

    fn table() -> Table {
        serde_json::from_str(include_str!("../../tests/cases/tables/exceptions.json")).unwrap()
    }

    fn run<I: for<'a> Deserialize<'a>>(side: &Side, case: &Case, mut judge: impl FnMut(&I) -> Vec<StreamException>) {
        for (index, interval) in case.intervals.iter().enumerate() {
            let mut fields = side.usual.clone();
            fields.extend(interval.with.clone());
            let fields: I = serde_json::from_value(fields.into()).unwrap();
            let told: Vec<_> = judge(&fields).into_iter().map(|exception| exception.code).collect();
            assert_eq!(told, interval.told, "{}: interval {}", case.name, index + 1);
        }
    }

    #[test]
    fn every_case_of_a_published_stream_tells_its_codes_and_no_others() {
        let side = table().publish;
        for case in &side.cases {
            let mut exceptions = PublishExceptions::default();
            run(&side, case, |interval| exceptions.judge(interval));
        }
    }

    #[test]
    fn every_case_of_a_played_stream_tells_its_codes_and_no_others() {
        let side = table().play;
        for case in &side.cases {
            let mut exceptions = PlayExceptions::default();
            run(&side, case, |interval| exceptions.judge(interval));
        }
    }

    #[test]
    fn the_table_raises_and_recovers_each_documented_exception() {
        let Table { publish, play } = table();
        let cases = publish.cases.iter().chain(&play.cases);
        let told: Vec<_> = cases
            .flat_map(|case| &case.intervals)
            .flat_map(|interval| interval.told.clone())
            .collect();
        for code in [
            CAPTURE_VOLUME_LOW,
            SEND_AUDIO_BITRATE_LOW,
            RECEIVED_VOLUME_LOW,
            AUDIO_DECODE_FAILING,
        ] {
            assert!(told.contains(&code) && told.contains(&(code + RECOVERY)), "{code}");
        }
    }

    #[test]
    fn an_exception_as_json_is_the_documented_pair() {
        let muted = PlayInterval {
            paused: false,
            publisher_muted: false,
            seconds: 3.0,
            packets_received: 150,
            packets_decoded: 150,
            level: 0.0,
        };
        let mut exceptions = PlayExceptions::default();
        let told: Vec<_> = (0..2).flat_map(|_| exceptions.judge(&muted)).collect();
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json[0]["code"], 1006);
        assert!(
            json[0]["message"]
                .as_str()
                .unwrap()
                .starts_with("what is received is silence")
        );
    }
}
