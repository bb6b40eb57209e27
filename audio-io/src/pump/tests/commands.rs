//! Any commands in any order.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

thread_local! {
    /// Sources and sinks that exist, and how many were dropped inside a tick.
    static ALIVE: Cell<i32> = const { Cell::new(0) };
    static IN_TICK: Cell<bool> = const { Cell::new(false) };
    static DROPPED_IN_TICK: Cell<i32> = const { Cell::new(0) };
}

/// A source of full scale, and a sink, that are missed when they are lost.
struct Missed;

impl Missed {
    fn new() -> Box<Self> {
        ALIVE.set(ALIVE.get() + 1);
        Box::new(Self)
    }
}

impl Drop for Missed {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        DROPPED_IN_TICK.set(DROPPED_IN_TICK.get() + i32::from(IN_TICK.get()));
    }
}

impl PlayoutSource for Missed {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.samples_mut().fill(1.0);
    }
}

impl CaptureSink for Missed {
    fn on_block(&mut self, _: &AudioBlock, _: Instant) {}
}

fn any_command(kind: u8, id: u64, gain: f32) -> PumpCommand {
    let (local, playout, sink) = (LocalStreamId(id), PlayoutId(id), SinkId(id));
    match kind {
        0 => PumpCommand::AddLocal(Box::new(LocalStream::new(
            local,
            Some(Capture::of_source(Missed::new(), 1)),
            1,
        ))),
        1 => PumpCommand::AddPlayout(Box::new(Playout::new(playout, gain))),
        2 => PumpCommand::SetSource(playout, PlayedSource(Some(Missed::new()))),
        3 => PumpCommand::AddSink(SinkPlace::Playout(playout), SinkEntry::new(sink, Missed::new())),
        4 => PumpCommand::AddSink(SinkPlace::Local(local), SinkEntry::new(sink, Missed::new())),
        5 => PumpCommand::RemoveLocal(local),
        6 => PumpCommand::RemovePlayout(playout),
        7 => PumpCommand::RemoveSink(SinkPlace::Local(local), sink),
        8 => PumpCommand::SetMonitor(local, gain),
        9 => PumpCommand::SetGain(playout, gain),
        10 => PumpCommand::SetVolume(local, gain),
        11 => PumpCommand::SetSource(playout, PlayedSource(None)),
        12 => PumpCommand::AddSpeaker(Box::new(SpeakerOut::new(OutputId(id), output_port(format(RATE)).1).unwrap())),
        13 => PumpCommand::RemoveSpeaker(OutputId(id)),
        14 => PumpCommand::SetOutput(Audible::Local(local), OutputId(id)),
        15 => PumpCommand::SetOutput(Audible::Played(playout), OutputId(id)),
        _ => PumpCommand::SetMuted(local, gain > 1.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_commanded_nothing_is_dropped_on_the_pump_and_the_mix_stays_inside_one(
        steps in proptest::collection::vec((0u8..17, 0u64..4, 0.0f32..2.0, 0u64..40), 1..120),
    ) {
        let mut bench = Bench::new();
        let mut speaker = bench.speaker(RATE);
        let mut out = vec![0.0f32; 960];
        let alive = ALIVE.get();
        for (kind, id, gain, ms) in steps {
            bench.port.send(any_command(kind, id, gain));
            IN_TICK.set(true);
            bench.tick(ms);
            IN_TICK.set(false);
            speaker.fill(&mut out);
            prop_assert!(out.iter().all(|s| s.abs() <= 1.0));
        }
        prop_assert_eq!(DROPPED_IN_TICK.get(), 0);
        drop(bench);
        prop_assert_eq!(ALIVE.get(), alive);
    }
}

/// Sounds with an amplitude, and shows what effort it was told.
struct Told(f32, Arc<Mutex<Effort>>);

impl PlayoutSource for Told {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.samples_mut().fill(self.0);
    }

    fn set_effort(&mut self, effort: Effort) {
        *self.1.lock().unwrap() = effort;
    }
}

#[test]
fn of_eight_streams_the_five_that_are_heard_loudest_keep_their_full_effort() {
    let mut bench = Bench::new();
    let told: Vec<_> = (0..8)
        .map(|n| {
            let effort = Arc::new(Mutex::new(Effort::Full));
            // All sound alike, and stream n is heard with the gain n / 8: the first is not heard at all.
            bench.play(n, n as f32 / 8.0, Box::new(Told(0.5, effort.clone())));
            effort
        })
        .collect();
    let is_full = || {
        told.iter()
            .map(|effort| *effort.lock().unwrap() == Effort::Full)
            .collect::<Vec<_>>()
    };
    for _ in 0..30 {
        bench.tick(10);
    }
    assert_eq!(is_full(), [false, false, false, true, true, true, true, true]);
    bench.core.note_duration(Duration::from_millis(8), 1);
    bench.tick(10);
    bench.tick(10);
    assert_eq!(is_full(), [false, false, false, false, false, false, true, true]);
    assert_eq!(bench.port.counters().overruns(), 1);
}
