//! One call: an engine that speaks, an engine that listens, the server between them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, after, unbounded};
use express_audio_io::AudioIo;
use express_bench_forwarder::{
    server::{APP_ID, SECRET, Server},
    whip::Bearer,
};
use express_engine::{PlayQualityUpdate, ZegoExpressEngine, ZegoLocalStream, ZegoPlayOptions, ZegoRoomConfig, ZegoStreamOptions};
use express_messages::stats::ZegoPlayStats;
use express_token::Secret;
use prometheus_parse::{Scrape, Value};

use crate::{
    Fault,
    probe::Probed,
    track::{Passed, Track},
};

/// Within this a call has to stand and to report.
const PATIENCE: Duration = Duration::from_secs(20);
/// Reports (one each 3 s) until the listener's delay has settled: the buffer begins cautious and gives back what it does not need.
const SETTLED_AFTER_REPORTS: usize = 3;
const STREAM: &str = "speech";
const FORWARDING: &str = "express_forwarding_latency_seconds";

/// A call that stands and whose delay has settled.
pub(crate) struct Call {
    speaker: ZegoExpressEngine,
    listener: ZegoExpressEngine,
    local: ZegoLocalStream,
    encoded: Receiver<Passed>,
    decoded: Receiver<Passed>,
    reports: Receiver<ZegoPlayStats>,
}

/// What was noted of a call.
pub(crate) struct Noted {
    /// What went to the encoder.
    pub(crate) encoded: Track,
    /// What came from the decoder.
    pub(crate) decoded: Track,
    /// The listener's reports since the call had settled.
    pub(crate) reports: Vec<ZegoPlayStats>,
}

impl Call {
    /// Connects both and waits until the listener's delay has settled.
    pub(crate) fn start(server: &Server, microphone: AudioIo, speakers: AudioIo, low_latency: bool) -> Result<Self, Fault> {
        let (speaker, encoded) = join(server, "alice", microphone)?;
        let local = speaker.create_zego_stream(ZegoStreamOptions::microphone()).wait()?;
        speaker.start_publishing_stream(STREAM, &local, Default::default())?;
        let (listener, decoded) = join(server, "bob", speakers)?;
        let (tell, reports) = unbounded();
        listener.on(move |update: &PlayQualityUpdate| {
            // The call has ended where nobody takes it.
            let _ = tell.send(update.stats.clone());
        });
        let options = ZegoPlayOptions {
            enable_low_latency: low_latency,
            ..Default::default()
        };
        listener.start_playing_stream(STREAM, options).wait()?.play_audio();
        for _ in 0..SETTLED_AFTER_REPORTS {
            let report = reports.recv_timeout(PATIENCE);
            report.map_err(|_| format!("the listener reports nothing within {PATIENCE:?}: no sound arrives"))?;
        }
        Ok(Self {
            speaker,
            listener,
            local,
            encoded,
            decoded,
            reports,
        })
    }

    /// Ends it.
    pub(crate) fn end(self) -> Result<Noted, Fault> {
        self.speaker.destroy_stream(self.local)?;
        self.listener.destroy_engine();
        self.speaker.destroy_engine();
        Ok(Noted {
            encoded: self.encoded.try_iter().collect(),
            decoded: self.decoded.try_iter().collect(),
            reports: self.reports.try_iter().collect(),
        })
    }
}

/// Lets time pass.
pub(crate) fn wait(time: Duration) {
    // The channel gives its one message when the time is over.
    let _: Result<Instant, _> = after(time).recv();
}

fn join(server: &Server, user: &str, devices: AudioIo) -> Result<(ZegoExpressEngine, Receiver<Passed>), Fault> {
    let (devices, passed) = Probed::new(devices);
    let url = server.url().replace("http://", "ws://");
    let engine = ZegoExpressEngine::builder(APP_ID, url).audio_device(devices).build()?;
    let bearer = Bearer::Minted {
        app_id: APP_ID,
        secret: Secret::new(SECRET)?,
    };
    engine
        .login_room("bench", bearer.of(user)?, user, ZegoRoomConfig::default())
        .wait()?;
    Ok((engine, passed))
}

/// Packets that the server has forwarded, and how long they were inside in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarded {
    packets: f64,
    seconds: f64,
}

impl Forwarded {
    /// Asks the server's metrics (docs/metrics.md).
    pub(crate) fn ask(server: &Server) -> Result<Self, Fault> {
        let text = ureq::get(&format!("{}/metrics", server.url()))
            .call()?
            .into_body()
            .read_to_string()?;
        let samples = Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?.samples;
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for sample in samples {
            if let Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) = sample.value {
                *sums.entry(sample.metric).or_default() += value;
            }
        }
        let of = |part: &str| {
            let name = format!("{FORWARDING}_{part}");
            sums.get(&name)
                .copied()
                .ok_or_else(|| format!("the server's metrics hold no {name}"))
        };
        Ok(Self {
            packets: of("count")?,
            seconds: of("sum")?,
        })
    }

    /// Mean time that a packet was inside since `earlier`, in ms.
    pub(crate) fn mean_ms_since(self, earlier: Self) -> f64 {
        1_000.0 * (self.seconds - earlier.seconds) / (self.packets - earlier.packets).max(1.0)
    }
}
