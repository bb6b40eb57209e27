//! Loudest-N with real speech: twenty people in a room, three of whom are heard.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::StreamKey;
use super::super::held::{Audience, Description, Held};
use super::super::loudness::{AudioLevel, Ranking};
use super::super::rtp::{LegFormat, RtpView};

const SPEAKERS: usize = 20;
const WANTED: u32 = 3;
const FRAME: Duration = Duration::from_millis(20);
const FRAME_SAMPLES: usize = 960;
/// Five minutes.
const FRAMES: usize = 15_000;
/// What our engine flags as voice: louder than so many dB below full scale.
const VOICE: u8 = 60;
/// The room noise of who is silent, in dB below full scale.
const NOISE: u8 = 70;

/// The audio level of each 20 ms of a recording, dB below full scale.
fn levels(name: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/speech").join(name);
    let mut reader = hound::WavReader::open(path).unwrap();
    let samples: Vec<f64> = reader
        .samples::<i16>()
        .map(|sample| f64::from(sample.unwrap()) / 32768.0)
        .collect();
    let frames = samples.chunks_exact(FRAME_SAMPLES);
    frames
        .map(|frame| frame.iter().map(|sample| sample * sample).sum::<f64>() / FRAME_SAMPLES as f64)
        .map(|power| -10.0 * power.max(1e-12).log10())
        .collect()
}

/// What each speaker's packets say, frame by frame: turns of 2 to 8 s of speech, each speaker at a loudness of its own, two
/// people at a time on average and often more.
fn room() -> Vec<Vec<AudioLevel>> {
    let recordings = [levels("jfk_male.wav"), levels("libri103_female.wav")];
    let mut rng = StdRng::seed_from_u64(20);
    (0..SPEAKERS)
        .map(|speaker| {
            let recording = &recordings[speaker % recordings.len()];
            let quieter = rng.random_range(0.0..12.0);
            let mut trace = Vec::new();
            while trace.len() < FRAMES {
                let pause = rng.random_range(500..4_000);
                let turn = rng.random_range(100..400);
                let from = rng.random_range(0..recording.len());
                let spoken = recording.iter().cycle().skip(from).take(turn);
                trace.extend(std::iter::repeat_n(f64::from(NOISE), pause));
                trace.extend(spoken.map(|level| (level + quieter).min(f64::from(NOISE))));
            }
            trace.truncate(FRAMES);
            let said = |level: f64| level.clamp(0.0, 127.0).round() as u8;
            trace
                .into_iter()
                .map(said)
                .map(|below_full_scale| AudioLevel {
                    voice: below_full_scale < VOICE,
                    below_full_scale,
                })
                .collect()
        })
        .collect()
}

/// Runs the decisions that a home shard takes for each packet, and notes what a listener who wants three is sent: of which
/// speaker, which frame, and whether at once.
fn delivered(room: &[Vec<AudioLevel>]) -> HashMap<(usize, usize), bool> {
    let mut ranking = Ranking::default();
    let mut held: Vec<Held> = (0..SPEAKERS).map(|_| Held::default()).collect();
    let mut now = Instant::now();
    let mut sent = HashMap::new();
    for frame in 0..FRAMES {
        for (speaker, trace) in room.iter().enumerate() {
            let rank = ranking.rank(StreamKey(speaker as u64), Some(trace[frame]), now);
            let mut note = |sequence: u64, audience: Audience| {
                if audience.has(WANTED) {
                    let before = sent.insert((speaker, sequence as usize), !audience.is_late());
                    assert_eq!(before, None, "frame {sequence} of speaker {speaker} twice");
                }
            };
            let held = &mut held[speaker];
            held.forget(1, now);
            held.release(rank, |_, packet, audience| note(packet.sequence, audience));
            note(frame as u64, held.audience(rank));
            held.keep(&[], description(frame as u64), rank, now);
        }
        now += FRAME;
    }
    sent
}

fn description(sequence: u64) -> Description {
    let bytes = [0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    Description {
        view: RtpView::parse(&bytes).unwrap(),
        payload: 12..12,
        format: LegFormat {
            opus: 111,
            red: None,
            audio_level: Some(1),
            capture_time: None,
        },
        source: 1,
        sequence,
    }
}

/// The mean power of 300 ms around a frame: what an ear calls loud.
fn power_around(trace: &[AudioLevel], frame: usize) -> f64 {
    let around = &trace[frame.saturating_sub(7)..(frame + 8).min(trace.len())];
    let power = |level: &AudioLevel| 10f64.powf(-f64::from(level.below_full_scale) / 10.0);
    around.iter().map(power).sum::<f64>() / around.len() as f64
}

#[test]
fn of_twenty_speakers_the_three_loudest_are_heard_with_their_onsets_at_a_seventh_of_the_packets() {
    let room = room();
    let sent = delivered(&room);

    let (mut speech, mut heard, mut crowded) = (0u32, 0u32, 0u32);
    for frame in 0..FRAMES {
        let mut talking: Vec<usize> = (0..SPEAKERS).filter(|speaker| room[*speaker][frame].voice).collect();
        talking.sort_by(|a, b| power_around(&room[*b], frame).total_cmp(&power_around(&room[*a], frame)));
        crowded += u32::from(talking.len() > WANTED as usize);
        for speaker in talking.into_iter().take(WANTED as usize) {
            speech += 1;
            heard += u32::from(sent.contains_key(&(speaker, frame)));
        }
    }
    let share = f64::from(heard) / f64::from(speech);

    let (mut spurts, mut whole) = (0, 0);
    for (speaker, trace) in room.iter().enumerate() {
        let begins = |frame: &usize| trace[*frame].voice && trace[frame - 15..*frame].iter().all(|level| !level.voice);
        for frame in (15..FRAMES).filter(begins) {
            // Who finds all places taken by louder speakers has no place to begin with.
            if sent.get(&(speaker, frame)) == Some(&true) {
                spurts += 1;
                let onset = (frame - 3..=frame).all(|frame| sent.contains_key(&(speaker, frame)));
                whole += u32::from(onset);
            }
        }
    }
    let forwarded = sent.len() as f64 / (SPEAKERS * FRAMES) as f64;
    println!(
        "{:.2} % of the speech of the three loudest is heard ({speech} frames, more than three talk in {crowded}), \
         {whole} of {spurts} onsets are whole, {:.1} % of the packets are forwarded",
        100.0 * share,
        100.0 * forwarded
    );
    assert!(crowded > 500, "the places are fought for: {crowded}");
    assert!(share >= 0.95, "{share}");
    assert!(spurts > 100 && whole == spurts, "{whole} of {spurts}");
    assert!((0.149..0.16).contains(&forwarded), "{forwarded}");
}
