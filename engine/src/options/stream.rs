//! What a local stream captures.

use std::{fmt, path::PathBuf};

use express_messages::{ZegoError, audio::PlayoutSource, codes, voice::VoiceConfig};

use super::ZegoVoiceOptions;
use crate::streams::{Feed, SourceSpec, ZegoPcmWriter, pcm_channel};

/// What to capture and how to encode it (`createZegoStream`). The default is the default microphone.
#[derive(Debug, Clone)]
pub struct ZegoStreamOptions {
    /// Where the sound comes from.
    pub source: ZegoStreamSource,
    /// kbit/s when published, 6..=510; `None` (the default): as the scenario has it
    /// ([`set_room_scenario`](crate::ZegoExpressEngine::set_room_scenario)), 48 without one.
    #[doc(alias = "audioBitrate")]
    pub audio_bitrate: Option<u32>,
    /// Channels that are captured and published, 1 or 2; `None` (the default): as the scenario has it, 1 without one.
    #[doc(alias = "channelCount")]
    pub channel_count: Option<usize>,
    /// What is done to the sound of a microphone, or of the screen; other sources are sent as they are.
    pub voice: ZegoVoiceOptions,
    /// Whether [`source`](Self::source) is captured from the start; on by default. `false`: the stream captures nothing until
    /// [`start_capture_microphone`](crate::ZegoLocalStream::start_capture_microphone) or
    /// [`start_capture_custom_audio`](crate::ZegoLocalStream::start_capture_custom_audio).
    #[doc(alias = "autoCapture")]
    pub auto_capture: bool,
    /// Video is not part of this SDK: `true` is refused with 1100001.
    pub video: bool,
}

/// Where the sound of a local stream comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ZegoStreamSource {
    /// A microphone, by the id that `get_microphones` gives; `None` is the default one.
    Microphone {
        /// Its id.
        device_id: Option<String>,
    },
    /// What the default speaker plays when it is opened, this engine's own sound included. No microphone: `mute_microphone` does
    /// not silence it, and it has no device to choose.
    #[doc(alias = "screen")]
    Screen,
    /// A WAV file: 8 to 192 kHz, 16, 24 or 32 bit integer or 32 bit float, any number of channels.
    Wav {
        /// The file.
        path: PathBuf,
        /// Start again at its end; else silence follows, and [`LocalSourceEnded`](crate::LocalSourceEnded) tells.
        repeat: bool,
    },
    /// A sine, for tests.
    Tone {
        /// 20..=20,000 Hz.
        frequency_hz: f32,
        /// Peak, 0..=1.
        amplitude: f32,
    },
    /// Sound that the application makes: made by [`ZegoStreamOptions::pushed`] or [`ZegoStreamOptions::custom`].
    Custom(CustomSource),
}

/// Sound that the application makes.
#[derive(Clone)]
pub struct CustomSource(pub(crate) SourceSpec);

impl fmt::Debug for CustomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomSource")
    }
}

impl ZegoStreamOptions {
    fn with(source: ZegoStreamSource) -> Self {
        Self {
            source,
            audio_bitrate: None,
            channel_count: None,
            voice: ZegoVoiceOptions::default(),
            auto_capture: true,
            video: false,
        }
    }

    /// The default microphone.
    pub fn microphone() -> Self {
        Self::with(ZegoStreamSource::Microphone { device_id: None })
    }

    /// The microphone with this id.
    pub fn microphone_device(device_id: impl Into<String>) -> Self {
        let device_id = Some(device_id.into());
        Self::with(ZegoStreamSource::Microphone { device_id })
    }

    /// The sound of the screen: all that the default speaker plays. Refused with 1103048 where the system has no source of that
    /// (PulseAudio and PipeWire have).
    pub fn screen() -> Self {
        Self::with(ZegoStreamSource::Screen)
    }

    /// A WAV file, once; set `repeat` in [`source`](Self::source) or use [`wav_loop`](Self::wav_loop) to repeat it.
    pub fn wav(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::with(ZegoStreamSource::Wav { path, repeat: false })
    }

    /// A WAV file, again and again.
    pub fn wav_loop(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::with(ZegoStreamSource::Wav { path, repeat: true })
    }

    /// A sine of `frequency_hz` (20..=20,000) with a peak of 0.5.
    pub fn tone(frequency_hz: f32) -> Self {
        Self::with(ZegoStreamSource::Tone {
            frequency_hz,
            amplitude: 0.5,
        })
    }

    /// Nothing, until the stream is told what to capture ([`auto_capture`](Self::auto_capture)).
    pub fn silent() -> Self {
        Self {
            auto_capture: false,
            ..Self::microphone()
        }
    }

    /// PCM that the application pushes, for bots and voice agents: 48 kHz, `channel_count` (1 or 2) interleaved channels.
    ///
    /// Where nothing was pushed in time the stream is silent.
    ///
    /// ```
    /// use express_engine::ZegoStreamOptions;
    ///
    /// let (options, mut pcm) = ZegoStreamOptions::pushed(1);
    /// assert_eq!(pcm.push(&[0.0; 480]), 480); // 10 ms of silence
    /// # drop(options);
    /// ```
    pub fn pushed(channel_count: usize) -> (Self, ZegoPcmWriter) {
        let (source, writer) = pcm_channel(channel_count);
        let options = Self {
            channel_count: Some(channel_count),
            ..Self::custom(source)
        };
        (options, writer)
    }

    /// Sound from any [`PlayoutSource`], asked for 10 ms at a time on the pump's thread. It must never block.
    pub fn custom(source: impl PlayoutSource + 'static) -> Self {
        let source = CustomSource(SourceSpec::custom(source));
        Self::with(ZegoStreamSource::Custom(source))
    }

    /// As documented: bitrate 6..=510, one or two channels, no video.
    pub(crate) fn check(&self) -> Result<(), ZegoError> {
        let refused = |text: String| Err(ZegoError::new(codes::INPUT_PARAM, text));
        if self.video {
            return refused("this is the audio SDK: camera and screen video are not captured".into());
        }
        if let Some(bitrate) = self.audio_bitrate.filter(|bitrate| !(6..=510).contains(bitrate)) {
            return refused(format!("audioBitrate is {bitrate}; give 6 to 510 kbit/s"));
        }
        self.channel_count.map_or(Ok(()), check_channels)?;
        self.source.check()
    }

    /// The source as it can be opened again and again; `usual` is what is done to a microphone's sound.
    pub(crate) fn source_spec(&self, usual: VoiceConfig) -> SourceSpec {
        self.source.spec(self.voice.over(self.source.usual_voice(usual)))
    }
}

/// # Errors
/// 1100001 unless it is 1 or 2.
fn check_channels(channel_count: usize) -> Result<(), ZegoError> {
    if (1..=2).contains(&channel_count) {
        return Ok(());
    }
    let text = format!("channelCount is {channel_count}; give 1 or 2");
    Err(ZegoError::new(codes::INPUT_PARAM, text))
}

impl ZegoStreamSource {
    fn check(&self) -> Result<(), ZegoError> {
        match self {
            Self::Tone { frequency_hz, amplitude }
                if !(20.0..=20_000.0).contains(frequency_hz) || !(0.0..=1.0).contains(amplitude) =>
            {
                let text = "a tone has 20 to 20000 Hz and a peak of 0 to 1";
                Err(ZegoError::new(codes::INPUT_PARAM, text))
            }
            _ => Ok(()),
        }
    }

    /// What is done to its sound where nobody says, if `usual` is done to a microphone's: of a screen's sound, as documented, the
    /// echo is taken out and nothing else.
    fn usual_voice(&self, usual: VoiceConfig) -> VoiceConfig {
        match self {
            Self::Screen => VoiceConfig {
                ans: false,
                agc: false,
                ..usual
            },
            _ => usual,
        }
    }

    fn spec(&self, voice: VoiceConfig) -> SourceSpec {
        match self {
            Self::Microphone { device_id } => SourceSpec::Microphone {
                device_id: device_id.clone(),
                voice,
            },
            Self::Screen => SourceSpec::Screen { voice },
            Self::Wav { path, repeat } => SourceSpec::Wav {
                path: path.clone(),
                repeat: *repeat,
            },
            Self::Tone { frequency_hz, amplitude } => SourceSpec::Tone {
                frequency_hz: *frequency_hz,
                amplitude: *amplitude,
            },
            Self::Custom(CustomSource(source)) => source.clone(),
        }
    }
}

/// What [`start_capture_microphone`](crate::ZegoLocalStream::start_capture_microphone) captures. The default is the default
/// microphone with one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZegoMicrophoneOptions {
    /// Its id, as `get_microphones` gives it; `None` (the default) is the default one.
    #[doc(alias = "input")]
    pub device_id: Option<String>,
    /// Channels that are captured, 1 (the default) or 2; sent are as many as the stream was made with.
    #[doc(alias = "channelCount")]
    pub channel_count: usize,
    /// What is done to its sound.
    pub voice: ZegoVoiceOptions,
}

impl Default for ZegoMicrophoneOptions {
    fn default() -> Self {
        Self {
            device_id: None,
            channel_count: 1,
            voice: ZegoVoiceOptions::default(),
        }
    }
}

impl ZegoMicrophoneOptions {
    /// `usual`: what is done to a microphone's sound where the options say nothing.
    pub(crate) fn feed(self, usual: VoiceConfig) -> Result<Feed, ZegoError> {
        let device_id = self.device_id;
        let voice = self.voice.over(usual);
        feed(&ZegoStreamSource::Microphone { device_id }, self.channel_count, voice)
    }
}

/// `voice` is what is done to the sound of a microphone.
///
/// # Errors
/// 1100001 for a channel count or a tone out of range.
pub(crate) fn feed(source: &ZegoStreamSource, channels: usize, voice: VoiceConfig) -> Result<Feed, ZegoError> {
    check_channels(channels)?;
    source.check()?;
    let source = source.spec(source.usual_voice(voice));
    Ok(Feed { source, channels })
}

impl Default for ZegoStreamOptions {
    fn default() -> Self {
        Self::microphone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_sound_of_a_screen_the_echo_is_taken_out_and_nothing_else_unless_the_options_say_so() {
        let voice = |options: &ZegoStreamOptions| match options.source_spec(VoiceConfig::default()) {
            SourceSpec::Screen { voice } => (voice.aec, voice.ans, voice.agc),
            other => panic!("{other:?}"),
        };
        let mut options = ZegoStreamOptions::screen();
        assert_eq!(voice(&options), (true, false, false));
        options.voice.agc = Some(true);
        assert_eq!(voice(&options), (true, false, true));
    }

    #[test]
    fn stream_options_outside_the_documented_ranges_are_refused_with_1100001() {
        let ok = ZegoStreamOptions::tone(440.0);
        assert!(ok.check().is_ok());
        for bad in [
            ZegoStreamOptions {
                audio_bitrate: Some(5),
                ..ok.clone()
            },
            ZegoStreamOptions {
                audio_bitrate: Some(511),
                ..ok.clone()
            },
            ZegoStreamOptions {
                channel_count: Some(0),
                ..ok.clone()
            },
            ZegoStreamOptions {
                channel_count: Some(3),
                ..ok.clone()
            },
            ZegoStreamOptions {
                video: true,
                ..ok.clone()
            },
            ZegoStreamOptions::tone(10.0),
            ZegoStreamOptions::tone(f32::NAN),
        ] {
            assert_eq!(bad.check().unwrap_err().code, 1100001, "{bad:?}");
        }
        for edge in [6, 510] {
            assert!(
                ZegoStreamOptions {
                    audio_bitrate: Some(edge),
                    ..ok.clone()
                }
                .check()
                .is_ok()
            );
        }
    }
}
