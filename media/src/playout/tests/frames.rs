//! Frames of other lengths than 20 ms, and what repairs them.

use express_messages::publisher::{EncoderOptions, FrameLength};

use super::{ears::*, sim::*};
use crate::{
    codec::{Application, RawEncoder, Setting},
    playout::PlayoutOptions,
    rtp::{CopySet, RtpHeader, RtpPacketIn, SendPlan},
};

#[test]
fn short_frames_are_heard_sooner_and_their_losses_are_repaired_by_copies() {
    let options_of = |frame| EncoderOptions {
        frame,
        ..Default::default()
    };
    let plan = SendPlan {
        copies: CopySet::of(&[2]),
        ..SendPlan::plain(64_000)
    };
    let said = tone(440.0, 0.3, 10.0, 1);
    let short = send_planned(&said, &options_of(FrameLength::Ms10), rtp_start(1), plan);
    let lost = |n: usize| n % 7 == 3;
    let heard = listen(options(), &deliver(&short, |n| (!lost(n)).then_some(0)), &every_10ms(10.0));
    let stats = heard.stats;
    assert!(stats.red_frames >= 130, "{stats:?}");
    assert!(stats.concealed_samples < 48 * 60, "while it learns: {stats:?}");
    assert_no_click(&heard.samples);
    assert!(heard.delays_ms[9] < 75.0, "{:?}", heard.delays_ms);

    // From the capture to the ear: a packet is complete 10 ms sooner.
    let speech = speech("jfk_male.wav");
    let lag = |frame| {
        let sent = send(&speech, &options_of(frame), rtp_start(1), 0);
        let quick = PlayoutOptions {
            low_latency: true,
            ..options()
        };
        let heard = listen(quick, &deliver(&sent, |_| Some(0)), &every_10ms(9.0));
        assert_eq!(heard.stats.concealed_samples, 0);
        lag_of(&speech, &heard.samples, 7_200).0
    };
    let (long, short) = (lag(FrameLength::Ms20), lag(FrameLength::Ms10));
    assert!(short + 384 <= long, "{short} and {long} samples late");
}

#[test]
fn long_frames_of_foreign_senders_are_played_and_their_losses_concealed() {
    for frames in [1_920, 2_880, 5_760] {
        let mut encoder = RawEncoder::new(1, Application::Audio).unwrap();
        encoder.set(Setting::Bitrate(48_000)).unwrap();
        let mut payload = [0; 1_275];
        let sent: Vec<Sent> = tone(440.0, 0.3, 12.0, 1)
            .chunks_exact(frames)
            .enumerate()
            .map(|(n, chunk)| {
                let length = encoder.encode(chunk, &mut payload).unwrap();
                let header = RtpHeader {
                    marker: n == 0,
                    payload_type: PAYLOAD_TYPE,
                    sequence_number: n as u16,
                    timestamp: (n * frames) as u32,
                    ssrc: 1,
                };
                Sent {
                    at_us: ((n + 1) * frames * 1_000 / 48) as i64,
                    packet: RtpPacketIn {
                        header,
                        payload: payload[..length].to_vec().into(),
                    },
                }
            })
            .collect();
        let lost = |n: usize| n % 20 == 9;
        let heard = listen(options(), &deliver(&sent, |n| (!lost(n)).then_some(0)), &every_10ms(12.0));
        let missing = (0..sent.len()).filter(|n| lost(*n)).count() * frames;
        let concealed = heard.stats.concealed_samples as usize;
        assert!(
            concealed.abs_diff(missing) <= missing / 4,
            "{frames}: {concealed} for {missing}"
        );
        assert_eq!(heard.stats.packets_late + heard.stats.packets_discarded, 0, "{frames}");
        assert_no_click(&heard.samples);
    }
}

#[test]
fn a_burst_is_rebuilt_from_the_deep_redundancy_of_the_packet_after_it() {
    let speech = speech("jfk_male.wav");
    let heard_with = |dred_frames| {
        let plan = SendPlan {
            dred_frames,
            ..SendPlan::plain(48_000)
        };
        let sent = send_planned(&speech, &EncoderOptions::default(), rtp_start(1), plan);
        // Four packets in a row are lost, 24 times.
        let arrivals = deliver(&sent, |n| (n < 50 || n % 16 >= 4).then_some(0));
        let patient = PlayoutOptions {
            jitter_buffer_target: Some(std::time::Duration::from_millis(120)),
            ..options()
        };
        listen(patient, &arrivals, &every_10ms(9.0))
    };
    let (without, with) = (heard_with(0).stats, heard_with(20).stats);
    assert_eq!(without.dred_frames, 0);
    assert!(with.dred_frames >= 60, "{with:?}");
    assert!(
        with.concealed_samples * 4 < without.concealed_samples,
        "{with:?}\n{without:?}"
    );
}
