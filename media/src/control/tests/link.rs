//! A real sender and a real listener with a slow link between them, in virtual time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use express_messages::{
    audio::{AudioBlock, CaptureSink, SAMPLE_RATE},
    publisher::EncoderOptions,
};

use super::*;
use crate::{
    playout::{Playout, PlayoutOptions},
    rtp::{RtpPacketIn, RtpStart, send_pipeline},
    transport::OPUS_PAYLOAD_TYPE,
};

/// IPv4, UDP, RTP with the audio level, SRTP.
const HEADER_BYTES: usize = 64;
/// A STUN request with its headers.
const PING_BYTES: usize = 128;
/// One way, without a queue.
const WAY: Duration = Duration::from_millis(20);
/// What would wait longer is thrown away.
const LONGEST_QUEUE_S: f64 = 1.0;
const REPORT_MS: u64 = 500;
const LATE_MS: u64 = 100;
/// So often the sender looks at its checks.
const LOOK_MS: u64 = 50;

enum Sent {
    Packet(RtpPacketIn),
    Ping(u64),
}

/// A queue that is served at `bits_per_second`.
struct Link {
    bits_per_second: f64,
    /// What waits, and how many bits of it.
    waiting: VecDeque<(f64, Sent)>,
}

impl Link {
    fn queue_s(&self) -> f64 {
        self.waiting.iter().map(|(bits, _)| bits).sum::<f64>() / self.bits_per_second
    }

    fn send(&mut self, bytes: usize, what: Sent) {
        if self.queue_s() < LONGEST_QUEUE_S {
            self.waiting.push_back((bytes as f64 * 8.0, what));
        }
    }

    /// What comes out in a millisecond.
    fn serve(&mut self) -> Vec<Sent> {
        let (mut served, mut left) = (Vec::new(), self.bits_per_second / 1_000.0);
        while let Some((bits, _)) = self.waiting.front_mut() {
            if *bits > left {
                *bits -= left;
                break;
            }
            left -= *bits;
            served.extend(self.waiting.pop_front().map(|(_, what)| what));
        }
        served
    }
}

/// What the receiver knows of losses: by the gaps in what came, so that what still waits is not lost.
#[derive(Default)]
struct Received {
    newest: Option<u16>,
    expected: u32,
    came: u32,
}

impl Received {
    fn note(&mut self, sequence: u16) {
        self.came += 1;
        self.expected += self.newest.map_or(1, |newest| u32::from(sequence.wrapping_sub(newest)));
        self.newest = Some(sequence);
    }

    /// The loss since the last report.
    fn report(&mut self) -> f64 {
        let loss = 1.0 - f64::from(self.came) / f64::from(self.expected.max(1));
        let loss = if self.expected == 0 { 0.0 } else { loss };
        (self.expected, self.came) = (0, 0);
        loss
    }
}

/// What came of a call, one entry a millisecond for the queue, one for 10 ms of sound.
struct Call {
    queue_s: Vec<f64>,
    heard: Vec<f32>,
    plans: Vec<SendPlan>,
}

/// A voice: harmonics of 140 Hz, louder and softer four times a second. Its root mean square is about 0.1.
fn voice(n: usize) -> f32 {
    let t = n as f32 / SAMPLE_RATE as f32;
    let tone: f32 = (1..20u8)
        .map(|k| (std::f32::consts::TAU * 140.0 * f32::from(k) * t).sin() / f32::from(k))
        .sum();
    0.1 * tone * (1.0 + 0.4 * (std::f32::consts::TAU * 4.0 * t).sin())
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
}

/// Talks for `seconds` with `asked` bit/s over a link of `bits_per_second(ms)`, which is checked at `phase` ms of each half second; with
/// `pauses` only every other 2 s.
fn call((asked, phase, pauses): (u32, u64, bool), seconds: u64, bits_per_second: impl Fn(u64) -> f64) -> Call {
    let start = Instant::now() + Duration::from_secs(3_600);
    let at = |ms: u64| start + Duration::from_millis(ms);
    let options = EncoderOptions {
        bitrate_kbps: asked / 1_000,
        dtx: pauses,
        ..EncoderOptions::default()
    };
    let rtp = RtpStart {
        ssrc: 1,
        payload_type: OPUS_PAYLOAD_TYPE,
        sequence: 1,
        timestamp: 1,
    };
    let (mut sink, mut packets, control, _) = send_pipeline(&options, rtp).unwrap();
    control.set_active(true);
    let mut playout = Playout::new(PlayoutOptions::default()).unwrap();
    let mut controller = SenderController::new(asked, Ms20);
    let mut link = Link {
        bits_per_second: bits_per_second(0),
        waiting: VecDeque::new(),
    };
    let mut received = Received::default();
    let (mut checks, mut answers, mut reports) = (Checks::default(), VecDeque::new(), VecDeque::new());
    let mut block = AudioBlock::silent(1);
    let mut of_call = Call {
        queue_s: Vec::new(),
        heard: Vec::new(),
        plans: vec![controller.plan(at(0))],
    };
    for ms in 0..seconds * 1_000 {
        link.bits_per_second = bits_per_second(ms);
        if ms % 10 == 0 {
            for (n, sample) in (ms as usize * 48..).zip(block.samples_mut()) {
                *sample = if pauses && ms % 4_000 >= 2_000 { 0.0 } else { voice(n) };
            }
            sink.on_block(&block, at(ms));
        }
        while let Some(packet) = packets.try_recv() {
            let bytes = packet.payload.len() + HEADER_BYTES;
            let packet = RtpPacketIn::from(packet);
            link.send(bytes, Sent::Packet(packet));
        }
        if ms % REPORT_MS == phase {
            checks.sent += 1;
            link.send(PING_BYTES, Sent::Ping(ms));
        }
        for served in link.serve() {
            match served {
                Sent::Packet(packet) => {
                    received.note(packet.header.sequence_number);
                    playout.insert(packet, at(ms) + WAY);
                }
                Sent::Ping(asked_at) => answers.push_back((ms + 40, ms + 40 - asked_at)),
            }
        }
        while let Some((_, took)) = answers.pop_front_if(|(due, _): &mut (u64, u64)| *due <= ms) {
            checks.answered += 1;
            checks.round_trip = Some(Duration::from_millis(took));
        }
        if ms % REPORT_MS == 0 {
            reports.push_back((ms + LATE_MS, received.report()));
        }
        while let Some((_, loss)) = reports.pop_front_if(|(due, _): &mut (u64, f64)| *due <= ms) {
            let report = LinkReport {
                loss,
                burst: (loss > 0.0).then_some(2.0),
            };
            controller.on_report(&report, at(ms));
        }
        if ms % LOOK_MS == 7 {
            controller.on_checks(&checks, at(ms));
            let plan = controller.plan(at(ms));
            control.set_plan(plan);
            of_call.plans.push(plan);
        }
        of_call.queue_s.push(link.queue_s());
        if ms % 10 == 5 {
            let mut out = AudioBlock::silent(1);
            playout.next_10ms(at(ms) + WAY, &mut out);
            playout.drain_spent();
            of_call.heard.extend_from_slice(out.samples());
        }
    }
    of_call
}

/// The longest stretch in which `is` holds, in entries.
fn longest<T>(entries: &[T], is: impl Fn(&T) -> bool) -> usize {
    entries.split(|entry| !is(entry)).map(<[T]>::len).max().unwrap_or(0)
}

/// What a test looks at in a call over a link that takes 24 kbit/s, headers and all, from second 10 to 30.
#[derive(Debug)]
struct Narrow {
    /// The longest time with more than 300 ms of queue, the same when all has settled, and the mean of it then.
    long_ms: usize,
    later_long_ms: usize,
    mean_s: f64,
    /// The longest silence in the first 3 s of the change, and after those.
    gap_ms: usize,
    later_gap_ms: usize,
    level: f32,
    last: Option<SendPlan>,
    back_after_s: f64,
}

fn narrow(asked: u32, phase: u64, pauses: bool) -> Narrow {
    let narrow = 10_000..30_000;
    let rate = |ms| if narrow.contains(&ms) { 24_000.0 } else { 1_000_000.0 };
    let call = call((asked, phase, pauses), 50, rate);
    let levels: Vec<f32> = call.heard.chunks_exact(480).map(rms).collect();
    let gap = |levels: &[f32]| 10 * longest(levels, |level| *level < 0.01);
    let settled = &call.queue_s[15_000..30_000];
    let lower = call.plans.iter().rposition(|plan| *plan != SendPlan::plain(asked));
    Narrow {
        long_ms: longest(&call.queue_s, |queue| *queue > 0.3),
        later_long_ms: longest(settled, |queue| *queue > 0.3),
        mean_s: settled.iter().sum::<f64>() / settled.len() as f64,
        gap_ms: gap(&levels[100..1_300]),
        later_gap_ms: gap(&levels[1_300..]),
        level: rms(&call.heard[15 * 48_000..30 * 48_000]),
        last: call.plans.last().copied(),
        back_after_s: (lower.unwrap_or(0) as u64 * LOOK_MS) as f64 / 1_000.0 - 30.0,
    }
}

#[test]
fn a_link_that_shrinks_to_24_kbit_s_and_grows_again_has_no_queue_for_2_s_and_speech_goes_on() {
    // What is asked for, when in its half second the link is checked (just before it shrinks is worst), and the longest silence: of the
    // most that can be asked for five packets in six find no room before that shows, and then comes the pause.
    let calls = [
        (32_000, 60, 400),
        (48_000, 200, 400),
        (48_000, 480, 400),
        (128_000, 100, 400),
        (128_000, 499, 600),
    ];
    for (asked, phase, gap_ms) in calls {
        let call = narrow(asked, phase, false);
        assert!(call.long_ms <= 2_000 && call.mean_s < 0.15, "{asked}, {phase}: {call:?}");
        assert!(call.gap_ms < gap_ms && call.later_gap_ms < 400, "{asked}, {phase}: {call:?}");
        assert!((0.07..0.15).contains(&call.level), "{asked}, {phase}: {call:?}");
        assert_eq!(call.last, Some(SendPlan::plain(asked)));
        assert!(call.back_after_s < 16.0, "{asked}, {phase}: {call:?}");
    }
}

#[test]
fn what_pauses_save_fills_no_narrow_link() {
    for asked in [32_000, 128_000] {
        let call = narrow(asked, 200, true);
        assert!(call.later_long_ms < 500 && call.mean_s < 0.1, "{asked}: {call:?}");
        assert!(call.long_ms <= 2_000 && call.back_after_s < 16.0, "{asked}: {call:?}");
    }
}
