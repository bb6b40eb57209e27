//! A sender that is disturbed once, in the midst of speech, on good and bad networks: soon after, everything is as it was.

use bytes::Bytes;
use express_messages::{publisher::EncoderOptions, red};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ears::*, sim::*};
use crate::rtp::{CopySet, RED_PAYLOAD_TYPE, RtpPacketIn, SendPlan};

/// The disturbance comes with this packet, 10 s after the beginning.
const AT: usize = 500;
const SECONDS: usize = 26;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Network {
    Clean,
    /// 20 ± 10 ms, order kept.
    Jitter,
    /// 10 % at random, against which there are copies.
    Loss,
}

const NETWORKS: [Network; 3] = [Network::Clean, Network::Jitter, Network::Loss];

impl Network {
    fn plan(self) -> SendPlan {
        SendPlan {
            copies: if self == Self::Loss {
                CopySet::of(&[2])
            } else {
                CopySet::NONE
            },
            ..SendPlan::plain(32_000)
        }
    }

    fn carry(self, sent: &[Sent]) -> Vec<(i64, RtpPacketIn)> {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut last = 0;
        deliver(sent, |n| match self {
            Self::Clean => Some(0),
            Self::Loss => (!rng.random_bool(0.1)).then_some(0),
            Self::Jitter => {
                // The sum of twelve uniform values is all but normal.
                let normal = (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0;
                let delay = (20_000.0 + 10_000.0 * normal).max(0.0) as i64;
                last = last.max(sent[n].at_us + delay);
                Some(last - sent[n].at_us)
            }
        })
    }
}

/// Three voices, without a pause of more than a breath.
fn voices() -> Vec<f32> {
    let clips = ["jfk_male.wav", "libri103_female.wav", "libri40_female.wav"];
    let mut said: Vec<f32> = clips.iter().flat_map(|clip| speech(clip)).collect();
    said.truncate(SECONDS * 48_000);
    said
}

fn encoder(dtx: bool) -> EncoderOptions {
    EncoderOptions {
        dtx,
        bitrate_kbps: 32,
        ..Default::default()
    }
}

/// What happened to the sender.
struct Disturbance {
    name: &'static str,
    /// How long nothing was sent, in seconds, and how much later everything is from then on.
    silent: f64,
    later: f64,
    happen: fn(Vec<Sent>) -> Vec<Sent>,
}

/// Moves the timestamps from [`AT`] on, and those of the copies of what was before.
fn jump(mut sent: Vec<Sent>, by: i32) -> Vec<Sent> {
    for (n, sent) in sent.iter_mut().enumerate().skip(AT) {
        let header = &mut sent.packet.header;
        header.timestamp = header.timestamp.wrapping_add(by as u32);
        if header.payload_type == RED_PAYLOAD_TYPE && n < AT + 2 {
            let blocks = red::read(&sent.packet.payload).unwrap();
            let (own, copy) = (blocks.own().data.to_vec(), blocks.clone().next().unwrap());
            let offset = i64::from(copy.offset) + i64::from(by);
            let copy_header = u32::try_from(offset)
                .ok()
                .and_then(|offset| red::copy_header(PAYLOAD_TYPE, offset, copy.data.len()));
            sent.packet.payload = match copy_header {
                Some(copy_header) => {
                    let own_header = red::own_header(PAYLOAD_TYPE);
                    Bytes::from([&copy_header, &own_header[..], copy.data, &own].concat())
                }
                None => {
                    header.payload_type = PAYLOAD_TYPE;
                    Bytes::from(own)
                }
            };
        }
    }
    sent
}

/// Leaves packets out as a sender does that is inactive: time goes on, numbers do not.
fn pause(mut sent: Vec<Sent>) -> Vec<Sent> {
    sent.drain(AT..AT + 100);
    for sent in &mut sent[AT..] {
        let header = &mut sent.packet.header;
        header.sequence_number = header.sequence_number.wrapping_sub(100);
    }
    sent
}

const DISTURBANCES: [Disturbance; 5] = [
    Disturbance {
        name: "the clock jumps forward",
        silent: 0.0,
        later: 0.0,
        happen: |sent| jump(sent, 14_400),
    },
    Disturbance {
        name: "the clock jumps back",
        silent: 0.0,
        later: 0.0,
        happen: |sent| jump(sent, -14_400),
    },
    Disturbance {
        name: "nothing is sent for 2 s",
        silent: 2.0,
        later: 0.0,
        happen: pause,
    },
    Disturbance {
        name: "the sender stands still for 2 s, and its clock too",
        silent: 2.0,
        later: 2.0,
        happen: |mut sent| {
            sent[AT..].iter_mut().for_each(|sent| sent.at_us += 2_000_000);
            sent
        },
    },
    Disturbance {
        name: "another source goes on",
        silent: 0.0,
        later: 0.0,
        happen: |mut sent| {
            for sent in &mut sent[AT..] {
                let header = &mut sent.packet.header;
                header.ssrc = 77;
                header.sequence_number = header.sequence_number.wrapping_add(20_000);
                header.timestamp = header.timestamp.wrapping_add(1_000_000_000);
            }
            sent
        },
    },
];

/// How alike what was said and what was heard `later` seconds later are, in steps of half a second in which somebody spoke.
fn likeness(said: &[f32], heard: &[f32], from: f64, later: f64) -> Vec<f64> {
    const WINDOW: usize = 24_000;
    const MOST: usize = 16_800;
    let later = (later * 48_000.0) as usize;
    let starts = ((from * 48_000.0) as usize..).step_by(WINDOW);
    starts
        .map_while(|at| {
            let said = said.get(at.checked_sub(later)?..at - later + WINDOW)?;
            Some((said, heard.get(at..at + WINDOW + MOST)?))
        })
        .filter(|(said, _)| rms(said) > 0.02)
        .map(|(said, heard)| lag_of(said, heard, MOST).1)
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Every half second sounds like what was said, and on average nearly as much as where nothing happened.
fn assert_alike(what: &str, alike: &[f64], usually: &[f64]) {
    assert!(alike.len() > 8, "{what}: too little was said");
    assert!(alike.iter().all(|likeness| *likeness > 0.6), "{what}: {alike:.2?}");
    assert!(mean(alike) > mean(usually) - 0.04, "{what}: {alike:.2?} for {usually:.2?}");
}

#[test]
fn one_and_a_half_seconds_after_a_disturbance_all_is_as_it_was() {
    let said = voices();
    let asks = every_10ms(SECONDS as f64);
    for network in NETWORKS {
        let sent = send_planned(&said, &encoder(false), rtp_start(1), network.plan());
        let usual = listen(options(), &network.carry(&sent), &asks);
        for Disturbance {
            name,
            silent,
            later,
            happen,
        } in DISTURBANCES
        {
            let what = format!("{network:?}, {name}");
            let heard = listen(options(), &network.carry(&happen(sent.clone())), &asks);
            let again = 10.0 + silent + 1.5;
            assert_alike(
                &what,
                &likeness(&said, &heard.samples, again, later),
                &likeness(&said, &usual.samples, again, 0.0),
            );
            assert_no_new_click(&heard.samples, &usual.samples, later, &what);
            let concealed = |heard: &Heard| heard.concealed_ms[again.ceil() as usize..].iter().sum::<u64>();
            let (concealed, usually) = (concealed(&heard), concealed(&usual));
            // Other packets are lost where the numbers moved.
            let more = if network == Network::Loss { 100 } else { 0 };
            assert!(concealed <= usually + more, "{what}: {concealed} ms for {usually} ms");
            let delay = |heard: &Heard| mean(&heard.delays_ms[(again + 8.5).ceil() as usize..]);
            let (delay, usually) = (delay(&heard), delay(&usual));
            // Up to 15 ms beyond the target are left alone, and each disturbance leaves another part of them.
            assert!((delay - usually).abs() < 16.0, "{what}: {delay} ms for {usually} ms");
        }
    }
}

#[test]
fn speech_between_pauses_that_are_not_sent_is_whole() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut said = voices();
    // Three seconds of speech, two of faint noise, and so on.
    for second in (0..SECONDS).filter(|second| second % 5 >= 3) {
        for sample in &mut said[second * 48_000..(second + 1) * 48_000] {
            *sample = rng.random_range(-0.001..0.001);
        }
    }
    let whole = send_planned(&said, &encoder(false), rtp_start(1), SendPlan::plain(32_000));
    let asks = every_10ms(SECONDS as f64);
    let usual = listen(options(), &Network::Clean.carry(&whole), &asks);
    let usually = likeness(&said, &usual.samples, 1.0, 0.0);
    for network in NETWORKS {
        let sent = send_planned(&said, &encoder(true), rtp_start(1), network.plan());
        let heard = listen(options(), &network.carry(&sent), &asks);
        assert!(sent.len() < 900, "{} packets: DTX saves a third", sent.len());
        assert_alike(&format!("{network:?}"), &likeness(&said, &heard.samples, 1.0, 0.0), &usually);
        assert_no_new_click(&heard.samples, &usual.samples, 0.0, &format!("{network:?}"));
        if network != Network::Loss {
            assert_eq!((heard.stats.concealed_samples, heard.stats.breaks), (0, 0));
        }
        assert!(mean(&heard.delays_ms[15..]) < 70.0, "{:.0?}", heard.delays_ms);
    }
}
