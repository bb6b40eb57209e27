//! The way between two sound cards that are made of a thread: every stage can be told apart.

use std::time::{Duration, Instant};

use express_audio_io::AudioIo;
use express_bench_forwarder::server::Server;
use express_media::codec::Encoder;
use express_messages::{
    audio::{BLOCK_MS, SAMPLE_RATE},
    publisher::EncoderOptions,
};

use crate::{
    CHIRP_EVERY, Fault, LAST_CHIRP_HEARD, Plan, Variant,
    call::{Call, Forwarded, Noted, wait},
    card::{Card, CardTrack, PERIOD},
    figures::{Figures, Stage},
    track::chirp,
};

/// What is known of one call, in ms.
struct Known {
    /// From the first sample of a frame that is given to the encoder to the last block of it.
    frame: f64,
    /// Mean wait in the jitter buffer.
    buffer: f64,
    /// Half the round trips of both to the server; `None`: not measured.
    network: Option<f64>,
    passages: Vec<Passage>,
    missed: usize,
}

/// One chirp, in ms from one place to the next.
struct Passage {
    captured: f64,
    /// From the encoder's door to the decoder's exit.
    carried: f64,
    played: f64,
}

/// Runs the calls of `variant`.
pub(crate) fn run(server: &Server, variant: Variant, plan: Plan) -> Result<Figures, Fault> {
    let before = Forwarded::ask(server)?;
    let calls: Vec<Known> = (0..plan.calls)
        .map(|_| one_call(server, variant, plan))
        .collect::<Result<_, _>>()?;
    let forwarding = Forwarded::ask(server)?.mean_ms_since(before);
    let look_ahead = 1_000.0 * Encoder::new(&EncoderOptions::default())?.lookahead_samples() as f64 / f64::from(SAMPLE_RATE);
    Ok(figures(variant, &calls, look_ahead, forwarding))
}

fn one_call(server: &Server, variant: Variant, plan: Plan) -> Result<Known, Fault> {
    let card = Card::start(CHIRP_EVERY);
    let (microphone, speaker) = (card.microphone.clone(), card.speaker.clone());
    let microphone = AudioIo::with_backend(move || Box::new(microphone.clone()));
    let speaker = AudioIo::with_backend(move || Box::new(speaker.clone()));
    let call = Call::start(server, microphone, speaker, variant.low_latency)?;
    card.speak(true);
    wait(CHIRP_EVERY * plan.chirps);
    card.speak(false);
    wait(LAST_CHIRP_HEARD);
    let noted = call.end()?;
    let card = card.stop().ok_or("the sound card panicked")?;
    known(&noted, &card)
}

fn known(noted: &Noted, card: &CardTrack) -> Result<Known, Fault> {
    let chirp = chirp();
    let passage = |said: &Instant| {
        let encoded = noted.encoded.heard(&chirp, *said)?;
        let decoded = noted.decoded.heard(&chirp, *said)?;
        let heard = card.heard.heard(&chirp, *said)?;
        Some(Passage {
            captured: ms_between(*said, encoded),
            carried: ms_between(encoded, decoded),
            played: ms_between(decoded, heard),
        })
    };
    let passages: Vec<Passage> = card.said.iter().filter_map(passage).collect();
    let last = noted
        .reports
        .last()
        .ok_or("the listener reported nothing while chirps were said")?;
    // Packets a second are 49 to 51 where frames have 20 ms.
    let blocks = (1_000.0 / last.audio.audio_fps.max(1.0) / BLOCK_MS as f64).round();
    let buffers = noted.reports.iter().map(|report| report.audio.jitter_buffer_delay_ms);
    let buffer = buffers.sum::<f64>() / noted.reports.len() as f64;
    Ok(Known {
        frame: (blocks - 1.0) * BLOCK_MS as f64,
        buffer,
        network: last.peer_to_peer_delay.map(|delay| delay - last.audio.jitter_buffer_delay_ms),
        missed: card.said.len() - passages.len(),
        passages,
    })
}

/// `to` may lie before `from`: a listener's late tick hands over two blocks at once.
pub(crate) fn ms_between(from: Instant, to: Instant) -> f64 {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    ms(to.saturating_duration_since(from)) - ms(from.saturating_duration_since(to))
}

fn figures(variant: Variant, calls: &[Known], look_ahead: f64, forwarding: f64) -> Figures {
    let period = PERIOD.as_secs_f64() * 1_000.0;
    let each = |figure: &dyn Fn(&Known, &Passage) -> f64| -> Vec<f64> {
        let of_call = |call: &Known| -> Vec<f64> { call.passages.iter().map(|passage| figure(call, passage)).collect() };
        calls.iter().flat_map(of_call).collect()
    };
    let each_call = |figure: &dyn Fn(&Known) -> Option<f64>| -> Vec<f64> { calls.iter().filter_map(figure).collect() };
    Figures {
        variant: variant.name,
        calls: calls.len(),
        chirps: calls.iter().map(|call| call.passages.len() + call.missed).sum(),
        missed: calls.iter().map(|call| call.missed).sum(),
        stages: vec![
            Stage::new("microphone: one period", "set by the device", vec![period]),
            Stage::new(
                "capture ring, resampler, pump",
                "chirp: microphone's callback to the encoder's door",
                each(&|_, passage| passage.captured),
            ),
            Stage::new(
                "a frame's other blocks",
                "frame length, by the packets a second, less 10 ms",
                each_call(&|call| Some(call.frame)),
            ),
            Stage::new("encoder's look-ahead", "asked of the encoder", vec![look_ahead]),
            Stage::new(
                "encode, network, server, decode",
                "the rest, encoder's door to decoder's exit",
                each(&|call, passage| passage.carried - call.frame - look_ahead - call.buffer),
            ),
            Stage::new(
                "jitter buffer",
                "the listener's statistics, mean of a call",
                each_call(&|call| Some(call.buffer)),
            ),
            Stage::new(
                "mix, playout ring",
                "chirp: decoder's exit to the speaker's callback",
                each(&|_, passage| passage.played),
            ),
        ],
        total: Stage::new(
            "mouth to ear",
            "chirp: into the microphone to the speaker's callback",
            each(&|_, passage| period + passage.captured + passage.carried + passage.played),
        ),
        within: vec![
            Stage::new("inside the server", "its metrics, mean", vec![forwarding]),
            Stage::new(
                "network",
                "half of both round trips, statistics",
                each_call(&|call| call.network),
            ),
        ],
    }
}
