//! The voice chain where it ships: between a microphone and a stream's sinks, fed with what the speaker plays.

use express_messages::voice::{VoiceConfig, VoiceStatistics};

use super::{devices::steepest, *};
use crate::WavBlocks;

/// Time from what the speaker is given to its first echo in what the microphone captures, in frames: 80 ms.
const DELAY: usize = 3_840;
/// The room's echo lasts 200 ms.
const RESPONSE: usize = 9_600;
/// Frames that a device takes or gives at a time.
const PERIOD: usize = 960;

/// A speaker whose sound comes back into a microphone through a room.
struct Room {
    devices: ScriptedDevices,
    /// Where in time something comes back, and how loud.
    response: Vec<(usize, f32)>,
    played: Vec<f32>,
    /// What came back.
    echo: Vec<f32>,
    /// Nothing comes back.
    is_dead: bool,
}

impl Room {
    fn new(devices: &ScriptedDevices) -> Self {
        // Reflections at every 37th sample or so, down by 60 dB at the end of the response; the direct sound is as strong as
        // all of them.
        let mut random = 1u32;
        let mut next = move || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(random) / f64::from(u32::MAX)
        };
        let mut response = vec![(0, 0.35)];
        let mut at = 0;
        loop {
            at += 1 + (next() * 72.0) as usize;
            if at >= RESPONSE {
                break;
            }
            let decay = (-6.9 * at as f64 / RESPONSE as f64).exp();
            response.push((at, (0.11 * (next() - 0.5) * decay) as f32));
        }
        Self {
            devices: devices.clone(),
            response,
            played: Vec::new(),
            echo: Vec::new(),
            is_dead: false,
        }
    }

    /// Lets so many milliseconds pass, in which microphone `mic` hears what speaker `spk` played, and `near`.
    async fn pass(&mut self, mic: &str, ms: usize, near: impl Fn(usize) -> f32) {
        for _ in 0..ms / 20 {
            pass(20).await;
            let heard: Vec<f32> = (self.echo.len()..self.echo.len() + PERIOD).map(|at| self.at(at)).collect();
            self.echo.extend_from_slice(&heard);
            let from = self.echo.len() - PERIOD;
            let captured: Vec<f32> = heard.iter().enumerate().map(|(i, echo)| echo + near(from + i)).collect();
            self.devices.push(mic, &captured);
            let pulled = self.devices.pull("spk", PERIOD);
            self.played.extend(pulled.chunks_exact(2).map(|frame| frame[0]));
        }
    }

    /// What comes back at that moment.
    fn at(&self, frame: usize) -> f32 {
        let came_from = |(after, gain): &(usize, f32)| {
            let from = frame.checked_sub(DELAY + after)?;
            self.played.get(from).map(|sample| sample * gain)
        };
        if self.is_dead {
            return 0.0;
        }
        self.response.iter().filter_map(came_from).sum()
    }
}

/// Speech, again and again.
struct Speech(Vec<AudioBlock>, usize);

impl Speech {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/speech/libri26_male.wav");
        Self(WavBlocks::open(&path).unwrap().collect(), 0)
    }
}

impl PlayoutSource for Speech {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.copy_from(&self.0[self.1 % self.0.len()]);
        self.1 += 1;
    }
}

fn two_microphones() -> ScriptedDevices {
    ScriptedDevices::new()
        .with_speaker("spk", format(48_000, 2))
        .with_microphone("mic", format(48_000, 1))
        .with_microphone("other", format(48_000, 1))
}

/// A stream of microphone `mic` with the voice chain as it ships, and speech from far away on the speaker.
async fn talking(devices: &ScriptedDevices, voice: VoiceConfig) -> (AudioDeviceLink, Heard) {
    let (link, _) = start(devices);
    let device_id = Some("mic".into());
    let source = CaptureSource::Microphone { device_id, voice };
    link.open.send(open(source)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    let playout = SetPlayout {
        stream_id: stream("far"),
        audible: true,
        percent: 100,
    };
    link.set_playout.send(playout).await.unwrap();
    let source = AttachSource {
        stream_id: stream("far"),
        source: Box::new(Speech::new()),
    };
    link.attach_source.send(source).await.unwrap();
    (link, heard)
}

async fn statistics(link: &AudioDeviceLink) -> VoiceStatistics {
    link.voice_statistics.send(GetVoiceStatistics(LOCAL)).await.unwrap().unwrap()
}

/// By how many dB the last `seconds` of what is sent are weaker than those of the echo.
fn reduction_db(room: &Room, heard: &Heard, seconds: usize) -> f32 {
    let last = |samples: &[f32]| rms(&samples[samples.len() - seconds * 48_000..]);
    20.0 * (last(&room.echo) / last(&heard.samples()).max(1e-9)).log10()
}

#[actix::test]
async fn an_echo_that_comes_back_80_ms_later_through_a_room_is_33_db_down_over_seconds_2_to_8() {
    let devices = two_microphones();
    let (link, heard) = talking(&devices, VoiceConfig::default()).await;
    let mut room = Room::new(&devices);
    room.pass("mic", 8_000, |_| 0.0).await;
    assert!(rms(&room.echo) > 0.005, "there is an echo: {}", rms(&room.echo));
    let reduction = reduction_db(&room, &heard, 6);
    println!("{reduction:.1} dB, {:?}", statistics(&link).await);
    assert!(reduction >= 33.0, "{reduction:.1} dB");
    assert_eq!(statistics(&link).await.faults, 0);
}

#[actix::test]
async fn without_echo_cancellation_the_echo_is_sent_and_with_it_again_it_is_not() {
    let devices = two_microphones();
    let (link, heard) = talking(&devices, VoiceConfig::OFF).await;
    let mut room = Room::new(&devices);
    room.pass("mic", 4_000, |_| 0.0).await;
    let untouched = reduction_db(&room, &heard, 2);
    assert!(untouched.abs() < 3.0, "{untouched:.1} dB");
    let (id, voice) = (LOCAL, VoiceConfig::default());
    link.voice.send(SetVoice { id, voice }).await.unwrap();
    room.pass("mic", 4_000, |_| 0.0).await;
    let reduction = reduction_db(&room, &heard, 2);
    assert!(reduction >= 33.0, "{reduction:.1} dB");
}

#[actix::test]
async fn a_device_that_is_taken_instead_gets_a_chain_of_its_own_with_the_streams_settings() {
    let devices = two_microphones();
    let voice = VoiceConfig {
        agc: false,
        ..VoiceConfig::default()
    };
    let (link, heard) = talking(&devices, voice).await;
    let mut room = Room::new(&devices);
    room.pass("mic", 3_000, |_| 0.0).await;
    let chosen = SetCaptureDevice {
        id: LOCAL,
        device_id: "other".into(),
    };
    link.capture_device.send(chosen).await.unwrap().unwrap();
    room.pass("other", 4_000, |_| 0.0).await;
    let reduction = reduction_db(&room, &heard, 2);
    assert!(reduction >= 33.0, "{reduction:.1} dB");
    room.is_dead = true;
    // A quiet voice is brought up by AGC alone.
    let quiet = |at: usize| 0.01 * (std::f32::consts::TAU * 300.0 * at as f32 / 48_000.0).sin();
    room.pass("other", 1_000, quiet).await;
    let level = statistics(&link).await;
    assert!((level.before.rms - 0.00707).abs() < 0.001, "{level:?}");
    assert!(level.after.rms < level.before.rms * 1.1, "{level:?}");
}

#[actix::test]
async fn levels_before_and_behind_the_chain_are_told_and_a_change_does_not_click() {
    let devices = two_microphones();
    let (link, heard) = talking(&devices, VoiceConfig::OFF).await;
    let mut room = Room::new(&devices);
    room.is_dead = true;
    let hum = |at: usize| 0.25 * (std::f32::consts::TAU * 40.0 * at as f32 / 48_000.0).sin();
    room.pass("mic", 1_000, hum).await;
    let before = statistics(&link).await;
    assert!(
        (before.before.peak - 0.25).abs() < 0.01 && (before.after.peak - 0.25).abs() < 0.01,
        "{before:?}"
    );
    let voice = VoiceConfig {
        high_pass: true,
        ..VoiceConfig::OFF
    };
    link.voice.send(SetVoice { id: LOCAL, voice }).await.unwrap();
    let begun = heard.samples().len();
    room.pass("mic", 1_000, hum).await;
    let after = statistics(&link).await;
    assert!(
        (after.before.peak - 0.25).abs() < 0.01 && after.after.peak < 0.08,
        "{after:?}"
    );
    // From the one to the other within a block: at most 0.5 in 480 samples, and the tone's own steps of 0.0013.
    assert!(steepest(&heard.samples()[begun..]) < 0.003);
}

#[actix::test]
async fn of_a_stereo_device_the_mean_is_cleaned_until_a_stream_wants_both_sides() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 2));
    let (link, _) = start(&devices);
    let heard = Heard::default();
    link.open.send(open(microphone(None))).await.unwrap().unwrap();
    attach(&link, &heard).await.unwrap();
    let speak = async |ms: usize| {
        for _ in 0..ms / 20 {
            pass(20).await;
            devices.push("mic", &[0.25, 0.0].repeat(PERIOD));
        }
    };
    speak(400).await;
    assert!((heard.samples().last().unwrap() - 0.125).abs() < 1e-3);
    let both = OpenLocalStream {
        id: LocalStreamId(2),
        channels: 2,
        ..open(microphone(None))
    };
    link.open.send(both).await.unwrap().unwrap();
    let (heard, local_stream) = (Heard::default(), LocalStreamId(2));
    let sink = Box::new(heard.clone());
    link.attach_sink
        .send(AttachSink { local_stream, sink })
        .await
        .unwrap()
        .unwrap();
    speak(400).await;
    let samples = heard.samples();
    let [left, right] = samples[samples.len() - 2..] else {
        panic!("it is stereo")
    };
    assert!((left - 0.25).abs() < 1e-3 && right.abs() < 1e-3, "{left} {right}");
}

#[actix::test]
async fn a_stream_that_captures_no_microphone_has_no_statistics_of_a_voice() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let answer = link.voice_statistics.send(GetVoiceStatistics(LOCAL)).await.unwrap();
    assert_eq!(answer, None);
}
