//! One call in virtual time: the sending pipeline, a trace, the playout.

use std::time::{Duration, Instant};

use express_media::{
    playout::{Playout, PlayoutOptions, PlayoutStats},
    rtp::{
        CopySet, OPUS_PAYLOAD_TYPE, PacketReceiver, RtpPacketIn, RtpStart, SendControl, SendPipeline, SendPlan, send_pipeline,
    },
};
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink},
    publisher::{EncoderOptions, FrameLength},
};

use crate::{Fault, clips::Clip, feedback::Feedback, trace::Trace};

/// Heard before anything is scored: sender and listener have found their places.
const WARM_UP_BLOCKS: usize = 1_200;
const BLOCK_US: i64 = 10_000;
/// Sound after the end of a clip that still belongs to it, since it comes late.
const TAIL_SAMPLES: usize = 19_200;

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) max_kbps: f64,
    /// A plan that is kept all the time, in place of the controller's.
    pub(crate) fixed: Option<SendPlan>,
    pub(crate) low_latency: bool,
    /// Frames of 10 ms.
    pub(crate) short_frames: bool,
}

/// One clip as it was heard.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Sample 0 is the capture time of the clip's first sample.
    pub(crate) samples: Vec<f32>,
    pub(crate) kbps: f64,
    pub(crate) delay_ms: f64,
    /// Fraction of the samples, 0..=1.
    pub(crate) concealed: f64,
}

/// A finished call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) clips: Vec<Heard>,
    pub(crate) stats: PlayoutStats,
}

/// Plays all clips over a trace, one after the other without a pause.
pub(crate) fn run(clips: &[Clip], trace: &Trace, settings: &Settings) -> Result<Call, Fault> {
    let speech: Vec<f32> = clips.iter().flat_map(|clip| clip.samples.iter().copied()).collect();
    let warm_up = speech.iter().cycle().take(WARM_UP_BLOCKS * BLOCK_FRAMES);
    let tail = std::iter::repeat_n(&0.0, TAIL_SAMPLES);
    let signal: Vec<f32> = warm_up.chain(&speech).chain(tail).copied().collect();

    let mut line = Line::new(trace, settings)?;
    let mut marks = Vec::new();
    let mut begins = vec![WARM_UP_BLOCKS];
    for clip in clips {
        begins.push(begins.last().unwrap_or(&0) + clip.samples.len() / BLOCK_FRAMES);
    }
    for (n, block) in signal.chunks_exact(BLOCK_FRAMES).enumerate() {
        if begins.contains(&n) {
            marks.push(line.mark());
        }
        line.block(n, block);
    }
    let heard = clips.iter().zip(&begins).zip(marks.windows(2)).map(|((clip, begin), marks)| {
        let from = begin * BLOCK_FRAMES;
        let to = (from + clip.samples.len() + TAIL_SAMPLES).min(line.heard.len());
        let seconds = clip.samples.len() as f64 / f64::from(crate::clips::RATE);
        marks[0].until(&marks[1], line.heard[from..to].to_vec(), seconds)
    });
    Ok(Call {
        clips: heard.collect(),
        stats: line.playout.stats(),
    })
}

/// Counters at the beginning of a clip.
#[derive(Debug, Clone, Copy)]
struct Mark {
    bytes: u64,
    stats: PlayoutStats,
}

impl Mark {
    fn until(&self, end: &Self, samples: Vec<f32>, seconds: f64) -> Heard {
        let emitted = end.stats.jitter_buffer_emitted_count - self.stats.jitter_buffer_emitted_count;
        let waited = end.stats.jitter_buffer_delay_sample_us - self.stats.jitter_buffer_delay_sample_us;
        let concealed = end.stats.concealed_samples - self.stats.concealed_samples;
        Heard {
            concealed: concealed as f64 / (seconds * f64::from(crate::clips::RATE)),
            samples,
            kbps: (end.bytes - self.bytes) as f64 * 8.0 / 1_000.0 / seconds,
            delay_ms: waited as f64 / emitted.max(1) as f64 / 1_000.0,
        }
    }
}

/// Sender, network and listener.
struct Line<'a> {
    trace: &'a Trace,
    epoch: Instant,
    sender: SendPipeline,
    control: SendControl,
    feedback: Feedback,
    packets: PacketReceiver,
    /// What is under way, in the order of arrival.
    under_way: Vec<(i64, RtpPacketIn)>,
    sent: usize,
    bytes: u64,
    playout: Playout,
    block: AudioBlock,
    out: AudioBlock,
    heard: Vec<f32>,
}

impl<'a> Line<'a> {
    fn new(trace: &'a Trace, settings: &Settings) -> Result<Self, Fault> {
        let options = EncoderOptions {
            bitrate_kbps: settings.max_kbps as u32,
            frame: if settings.short_frames {
                FrameLength::Ms10
            } else {
                FrameLength::Ms20
            },
            ..Default::default()
        };
        let plan = settings
            .fixed
            .unwrap_or(SendPlan::plain((settings.max_kbps * 1_000.0) as u32));
        let (sender, packets, control) = sender(&options, plan)?;
        let playout = Playout::new(PlayoutOptions {
            low_latency: settings.low_latency,
            ..PlayoutOptions::default()
        })?;
        Ok(Self {
            trace,
            epoch: Instant::now(),
            sender,
            control,
            feedback: Feedback::new(settings),
            packets,
            under_way: Vec::new(),
            sent: 0,
            bytes: 0,
            playout,
            block: AudioBlock::silent(1),
            out: AudioBlock::silent(1),
            heard: Vec::new(),
        })
    }

    fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes,
            stats: self.playout.stats(),
        }
    }

    /// The listener hears what is due when block `n` begins; then the block is captured.
    fn block(&mut self, n: usize, samples: &[f32]) {
        let begin = n as i64 * BLOCK_US;
        self.listen(begin);
        if let Some(plan) = self.feedback.plan(begin, self.at(begin), self.trace.loses(self.sent)) {
            self.control.set_plan(plan);
        }
        self.block.samples_mut().copy_from_slice(samples);
        let end = begin + BLOCK_US;
        let at = self.at(end);
        self.sender.on_block(&self.block, at);
        while let Some(packet) = self.packets.try_recv() {
            self.bytes += packet.payload.len() as u64;
            self.feedback.note(self.trace.loses(self.sent));
            if let Some(delay) = self.trace.delay_us(self.sent) {
                let arrival = end + delay;
                let place = self.under_way.partition_point(|(other, _)| *other <= arrival);
                let packet = RtpPacketIn::from(packet);
                self.under_way.insert(place, (arrival, packet));
            }
            self.sent += 1;
        }
    }

    fn listen(&mut self, now: i64) {
        let come = self.under_way.partition_point(|(arrival, _)| *arrival <= now);
        for (arrival, packet) in self.under_way.drain(..come).collect::<Vec<_>>() {
            let arrival = self.at(arrival);
            self.playout.insert(packet, arrival);
        }
        let now = self.at(now);
        self.playout.next_10ms(now, &mut self.out);
        self.playout.drain_spent();
        self.heard.extend_from_slice(self.out.samples());
    }

    fn at(&self, us: i64) -> Instant {
        self.epoch + Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }
}

/// A sending pipeline that sends by `plan`.
fn sender(options: &EncoderOptions, plan: SendPlan) -> Result<(SendPipeline, PacketReceiver, SendControl), Fault> {
    let start = RtpStart {
        ssrc: 1,
        payload_type: OPUS_PAYLOAD_TYPE,
        sequence: 1,
        timestamp: 0,
    };
    let (sender, packets, control, _) = send_pipeline(options, start)?;
    control.set_active(true);
    control.set_plan(plan);
    Ok((sender, packets, control))
}

/// A plan as the option `--fixed` writes it: total kbit/s, the distances of copies in steps of 20 ms, and flags: `w` for no sound
/// above 8 kHz, `fN` for in-band FEC against N % of loss, `dN` for deep redundancy of N × 10 ms. As in `32:4`, `46:2,3/w`, `64:3/d20`.
pub(crate) fn parse_plan(text: &str) -> Result<SendPlan, String> {
    let (kbps, rest) = text.split_once(':').unwrap_or((text, ""));
    let kbps: f64 = kbps.parse().map_err(|_| format!("{kbps}: not a bitrate in kbit/s"))?;
    let (distances, flags) = rest.split_once('/').unwrap_or((rest, ""));
    let distances: Result<Vec<u8>, _> = distances.split(',').filter(|d| !d.is_empty()).map(str::parse).collect();
    let number = |flag: char| match flags.split_once(flag) {
        None => Ok(0),
        Some((_, text)) => {
            let digits = text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
            digits
                .parse()
                .map_err(|_| format!("{flags}: a number from 0 to 255 follows {flag}"))
        }
    };
    Ok(SendPlan {
        copies: CopySet::of(&distances.map_err(|_| format!("{rest}: not distances in steps of 20 ms"))?),
        wideband: flags.contains('w'),
        fec_against: number('f')?,
        dred_frames: number('d')?,
        ..SendPlan::plain((kbps * 1_000.0) as u32)
    })
}
