//! Which parts of the voice chain work on a microphone.

use express_messages::{types::ZegoScenario, voice::VoiceConfig};

/// What is done to a microphone's sound before it is sent. What is `None` stays as it is; in a new stream that is as the
/// scenario says: all three are on, but under [`Karaoke`](ZegoScenario::Karaoke) `ans` and `agc` are off.
///
/// A device has one voice chain for all streams that capture it: what was asked for last counts. Without `aec` and `ans` the
/// high-pass against hum rests, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ZegoVoiceOptions {
    /// Acoustic echo cancellation: what the speaker plays is taken out.
    #[doc(alias = "AEC")]
    pub aec: Option<bool>,
    /// Suppression of stationary noise. For music turn it off: it takes a held note for noise.
    #[doc(alias = "ANS")]
    pub ans: Option<bool>,
    /// Automatic gain control: quiet speech is brought up. For music turn it off.
    #[doc(alias = "AGC")]
    pub agc: Option<bool>,
}

impl ZegoVoiceOptions {
    /// Nothing is done to what is captured: for music and measurements.
    pub const OFF: Self = Self {
        aec: Some(false),
        ans: Some(false),
        agc: Some(false),
    };

    /// Whether it says nothing.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// These over `usual`.
    pub(crate) fn over(self, usual: VoiceConfig) -> VoiceConfig {
        let (aec, ans) = (self.aec.unwrap_or(usual.aec), self.ans.unwrap_or(usual.ans));
        VoiceConfig {
            aec,
            ans,
            agc: self.agc.unwrap_or(usual.agc),
            high_pass: aec || ans,
            ..usual
        }
    }
}

/// What is done under `scenario` where the options of a stream say nothing.
pub(crate) fn usual_voice(scenario: ZegoScenario) -> VoiceConfig {
    let is_speech = scenario != ZegoScenario::Karaoke;
    VoiceConfig {
        ans: is_speech,
        agc: is_speech,
        ..VoiceConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_options_leave_open_is_as_the_scenario_says() {
        let nothing_said = |scenario| ZegoVoiceOptions::default().over(usual_voice(scenario));
        assert_eq!(nothing_said(ZegoScenario::Default), VoiceConfig::default());
        let karaoke = nothing_said(ZegoScenario::Karaoke);
        assert_eq!((karaoke.aec, karaoke.ans, karaoke.agc), (true, false, false));
        let sung_to = ZegoVoiceOptions {
            agc: Some(true),
            ..ZegoVoiceOptions::default()
        };
        assert!(sung_to.over(karaoke).agc && !sung_to.over(karaoke).ans);
        assert_eq!(
            ZegoVoiceOptions::OFF.over(karaoke),
            VoiceConfig::OFF,
            "not even the high-pass"
        );
    }
}
