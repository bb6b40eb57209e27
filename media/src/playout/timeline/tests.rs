use proptest::prelude::*;

use super::*;

const FRAME: i64 = 960;

fn header(ssrc: u32, sequence_number: u16, timestamp: u32) -> RtpHeader {
    RtpHeader {
        ssrc,
        sequence_number,
        timestamp,
        payload_type: 111,
        marker: false,
    }
}

/// Feeds packets of 20 ms and keeps the fastest transit, as the engine does.
struct Feed {
    timeline: Timeline,
    fastest: Option<i64>,
}

impl Feed {
    fn new() -> Self {
        Self {
            timeline: Timeline::default(),
            fastest: None,
        }
    }

    fn place(&mut self, ssrc: u32, sequence: u16, timestamp: u32, arrival: i64) -> Placement {
        let placement = self
            .timeline
            .place(&header(ssrc, sequence, timestamp), Some(FRAME), arrival, self.fastest);
        if let Placement::Placed(place) = placement {
            let transit = arrival - place.time;
            self.fastest = Some(self.fastest.map_or(transit, |fastest| fastest.min(transit)));
        }
        placement
    }

    fn time(&mut self, ssrc: u32, sequence: u16, timestamp: u32, arrival: i64) -> i64 {
        match self.place(ssrc, sequence, timestamp, arrival) {
            Placement::Placed(place) => place.time,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn sequence_numbers_and_timestamps_wrap_without_a_seam() {
    let mut feed = Feed::new();
    let start = u32::MAX - 5 * 960;
    let mut expected = None;
    for n in 0..70_000_i64 {
        let sequence = 65_530_u16.wrapping_add(n as u16);
        let timestamp = start.wrapping_add((n * FRAME) as u32);
        let time = feed.time(1, sequence, timestamp, n * FRAME);
        assert_eq!(time, *expected.get_or_insert(time) + n * FRAME);
    }
    assert_eq!(feed.timeline.expected(), 70_000);
    assert_eq!(feed.timeline.resyncs(), 0);
}

#[test]
fn reordered_packets_find_their_place_and_duplicates_are_known() {
    let mut feed = Feed::new();
    for (sequence, expected) in [
        (10_u16, Some(0)),
        (12, Some(2)),
        (11, Some(1)),
        (11, None),
        (12, None),
        (10, None),
        (9, Some(-1)),
    ] {
        let timestamp = 1_000_000_u32.wrapping_add(u32::from(sequence) * 960);
        match (feed.place(1, sequence, timestamp, i64::from(sequence) * FRAME), expected) {
            (Placement::Placed(place), Some(n)) => assert_eq!(place.time, 1_009_600 + n * FRAME),
            (Placement::Duplicate, None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(feed.timeline.expected(), 3);
}

#[test]
fn another_ssrc_follows_what_was_there_and_the_old_one_is_stray() {
    let mut feed = Feed::new();
    let first = feed.time(1, 100, 5_000, 0);
    feed.time(1, 101, 5_960, FRAME);
    let Placement::Placed(place) = feed.place(2, 7, 3_000_000_000, 2 * FRAME) else {
        panic!()
    };
    assert!(place.restart);
    assert_eq!(place.time, first + 2 * FRAME);
    assert_eq!(feed.place(1, 102, 6_920, 2 * FRAME), Placement::Stray);
    assert_eq!(feed.time(2, 8, 3_000_000_960, 3 * FRAME), first + 3 * FRAME);
    assert_eq!(feed.timeline.expected(), 5, "the stray is neither lost nor hides a loss");
}

#[test]
fn a_restart_after_a_pause_stands_as_late_as_the_clock_says() {
    let mut feed = Feed::new();
    let first = feed.time(1, 100, 5_000, 0);
    assert_eq!(feed.time(2, 7, 3_000_000_000, 100 * FRAME), first + 100 * FRAME);
}

#[test]
fn a_new_sequence_of_the_same_ssrc_needs_two_packets() {
    let mut feed = Feed::new();
    let first = feed.time(1, 100, 5_000, 0);
    assert_eq!(feed.place(1, 40_000, 77, FRAME), Placement::Stray);
    let Placement::Placed(place) = feed.place(1, 40_001, 1_037, 2 * FRAME) else {
        panic!()
    };
    assert!(place.restart);
    assert_eq!(place.time, first + FRAME);
    assert_eq!(feed.time(1, 40_002, 1_997, 3 * FRAME), first + 2 * FRAME);
}

#[test]
fn a_clock_that_jumps_either_way_is_rebased_at_once() {
    for jump in [-14_400_i64, 14_400, -2_000_000_000, 2_000_000_000] {
        let mut feed = Feed::new();
        let first = feed.time(1, 100, 1_000_000, 0);
        feed.time(1, 101, 1_000_960, FRAME);
        let jumped = (1_001_920 + jump) as u32;
        assert_eq!(feed.time(1, 102, jumped, 2 * FRAME), first + 2 * FRAME, "jump {jump}");
        assert_eq!(feed.time(1, 103, jumped.wrapping_add(960), 3 * FRAME), first + 3 * FRAME);
        assert_eq!(feed.timeline.resyncs(), 1);
    }
}

#[test]
fn a_silence_is_no_jump_and_adds_no_jitter() {
    let mut feed = Feed::new();
    let first = feed.time(1, 100, 0, 0);
    assert_eq!(feed.time(1, 101, 480_000, 480_000), first + 480_000);
    assert_eq!(feed.timeline.resyncs(), 0);
    assert_eq!(feed.timeline.jitter(), 0);
}

#[test]
fn jitter_follows_rfc_3550() {
    let mut feed = Feed::new();
    for n in 0..1_000_i64 {
        let late = if n % 2 == 0 { 0 } else { 5 * MS };
        feed.time(1, n as u16, (n * FRAME) as u32, n * FRAME + late);
    }
    // Every difference is 5 ms, so the mean deviation is 5 ms.
    let jitter = feed.timeline.jitter();
    assert!((jitter - 5 * MS).abs() <= MS / 4, "{jitter}");
}

#[test]
fn padding_moves_the_sequence_and_not_the_time() {
    let mut feed = Feed::new();
    let first = feed.time(1, 100, 5_000, 0);
    let padding = feed.timeline.place(&header(1, 101, 5_000), None, 10, feed.fastest);
    assert_eq!(padding, Placement::NoAudio);
    assert_eq!(feed.time(1, 102, 5_960, FRAME), first + FRAME);
    assert_eq!(feed.timeline.resyncs(), 0);
    assert_eq!(feed.timeline.expected(), 3);
}

proptest! {
    #[test]
    fn any_numbers_in_any_order_are_survived_and_the_newest_never_goes_back(
        packets in prop::collection::vec((0..3_u32, any::<u16>(), any::<u32>(), 0..100_000_i64, any::<bool>()), 1..300)
    ) {
        let mut feed = Feed::new();
        let mut arrival = 0;
        let mut newest = i64::MIN;
        for (ssrc, sequence, timestamp, step, audio) in packets {
            arrival += step;
            let samples = audio.then_some(FRAME);
            if let Placement::Placed(place) =
                feed.timeline.place(&header(ssrc, sequence, timestamp), samples, arrival, feed.fastest)
            {
                if audio {
                    let transit = arrival - place.time;
                    feed.fastest = Some(feed.fastest.map_or(transit, |f| f.min(transit)));
                }
                if let Some(now) = feed.timeline.newest {
                    prop_assert!(now.time >= newest);
                    newest = now.time;
                }
            }
        }
    }
}
