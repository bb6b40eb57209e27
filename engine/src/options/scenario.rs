//! What a scenario settles for local streams where their options say nothing. The page has the same table
//! (`web/sdk/engine/scenario.js`), docs/api.md shows it.

use express_messages::{publisher::FrameLength, types::ZegoScenario};

/// What a scenario settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preset {
    pub(crate) bitrate_kbps: u32,
    pub(crate) channels: usize,
    /// How much sound a packet holds.
    pub(crate) frame: FrameLength,
}

/// The sound of any call. The bitrates are those of the documented presets of `ZegoAudioConfig`; for most the bits of the headers
/// are better spent on the sound.
const STANDARD: Preset = Preset {
    bitrate_kbps: 48,
    channels: 1,
    frame: FrameLength::Ms20,
};

impl Preset {
    pub(crate) const fn of(scenario: ZegoScenario) -> Self {
        match scenario {
            ZegoScenario::Default
            | ZegoScenario::StandardVideoCall
            | ZegoScenario::HighVideoCall
            | ZegoScenario::StandardChatroom => STANDARD,
            ZegoScenario::HighQualityChatroom => Self {
                bitrate_kbps: 128,
                ..STANDARD
            },
            // One speaks, with music beneath it.
            ZegoScenario::Broadcast => Self {
                bitrate_kbps: 192,
                channels: 2,
                ..STANDARD
            },
            // Who sing together hear each other as soon as can be.
            ZegoScenario::Karaoke => Self {
                bitrate_kbps: 192,
                channels: 2,
                frame: FrameLength::Ms10,
            },
        }
    }
}
