//! What is done to the sound of microphones. A device has one voice chain: of the streams that capture it, the one that asked
//! last decides for all.

use express_messages::{
    ids::LocalStreamId,
    voice::{VoiceConfig, VoiceStatistics},
};

use super::{DeviceState, Effect};
use crate::{
    devices::StreamKey,
    processing::VoiceReport,
    pump::{MicId, PumpCommand, Voice},
};

/// The voice chain of a microphone.
#[derive(Debug)]
pub(super) struct Chain {
    voice: Voice,
    report: VoiceReport,
}

impl DeviceState {
    /// Microphone `id` has a voice chain that does what `voice` says.
    pub(crate) fn chain_built(&mut self, id: MicId, voice: Voice, report: VoiceReport) {
        if let Some(mic) = self.mics.open.get_mut(&id) {
            mic.chain = Some(Chain { voice, report });
        }
    }

    /// Takes what the stream that waited for the device that is open as `key`, or failed, wants to be done.
    pub(crate) fn take_voice(&mut self, key: StreamKey) -> Voice {
        self.mics.awaited.remove(&key).unwrap_or_default()
    }

    /// What is done to the microphone that a local stream captures.
    pub(crate) fn voice_of(&self, id: LocalStreamId) -> Voice {
        self.captured_mic(id).map(|feed| feed.voice).unwrap_or_default()
    }

    /// Changes that.
    pub(crate) fn set_voice(&mut self, id: LocalStreamId, config: VoiceConfig) -> Option<Effect> {
        let (mic, channels) = self.captured_mic(id).map(|feed| (feed.mic, feed.voice.channels))?;
        self.ask_voice(mic, Voice { config, channels })
    }

    /// A stream of microphone `id` wants `wanted`: so do all, with the channels that any of them ever wanted.
    pub(crate) fn ask_voice(&mut self, id: MicId, wanted: Voice) -> Option<Effect> {
        let feeds = self.locals.values_mut().flat_map(super::Local::feeds_mut);
        feeds
            .filter(|feed| feed.mic == id)
            .for_each(|feed| feed.voice.config = wanted.config);
        let present = &mut self.mics.open.get_mut(&id)?.chain.as_mut()?.voice;
        let voice = Voice {
            channels: wanted.channels.max(present.channels),
            ..wanted
        };
        let changed = std::mem::replace(present, voice) != voice;
        changed.then_some(Effect::Pump(PumpCommand::SetVoice(id, voice)))
    }

    /// What the voice chain of the microphone that a local stream captures reports.
    pub(crate) fn voice_statistics(&self, id: LocalStreamId) -> Option<VoiceStatistics> {
        let mic = self.mics.open.get(&self.captured_mic(id)?.mic)?;
        mic.chain.as_ref().map(|chain| chain.report.read())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{pump::LocalLevels, state::MicFeed};

    const TWO: [LocalStreamId; 2] = [LocalStreamId(1), LocalStreamId(2)];

    /// Two streams of one microphone.
    fn shared_mic() -> (DeviceState, MicId) {
        let mut state = DeviceState::default();
        let mic = state.new_mic();
        state.mic_opened(mic, "usb".into(), "usb".into(), Instant::now());
        state.chain_built(mic, Voice::default(), VoiceReport::default());
        for id in TWO {
            let (asked, voice) = (None, Voice::default());
            state.begin_open(id, 1).unwrap();
            assert!(state.opened(id, Some(MicFeed { mic, asked, voice }), LocalLevels::default()));
        }
        (state, mic)
    }

    /// What the pump is told.
    fn told(effect: Option<Effect>) -> Option<(MicId, VoiceConfig, usize)> {
        match effect? {
            Effect::Pump(PumpCommand::SetVoice(id, voice)) => Some((id, voice.config, voice.channels)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_one_stream_asks_for_is_done_once_and_counts_for_all_streams_of_the_device() {
        let (mut state, mic) = shared_mic();
        assert_eq!(
            told(state.set_voice(TWO[0], VoiceConfig::OFF)),
            Some((mic, VoiceConfig::OFF, 1))
        );
        assert_eq!(TWO.map(|id| state.voice_of(id).config), [VoiceConfig::OFF; 2]);
        assert!(state.set_voice(TWO[1], VoiceConfig::OFF).is_none(), "it is so already");
        assert!(state.voice_statistics(TWO[1]).is_some());
    }

    #[test]
    fn a_stream_without_a_microphone_has_no_voice_chain() {
        let (mut state, _) = shared_mic();
        let tone = LocalStreamId(3);
        state.begin_open(tone, 1).unwrap();
        state.opened(tone, None, LocalLevels::default());
        assert!(state.set_voice(tone, VoiceConfig::OFF).is_none());
        assert_eq!(state.voice_statistics(tone), None);
        assert_eq!(state.voice_of(TWO[0]), Voice::default());
    }

    #[test]
    fn two_channels_are_processed_from_the_first_stream_on_that_wants_them() {
        let (mut state, mic) = shared_mic();
        let (config, channels) = (VoiceConfig::default(), 2);
        assert_eq!(told(state.ask_voice(mic, Voice { config, channels })), Some((mic, config, 2)));
        assert_eq!(
            told(state.ask_voice(mic, Voice::default())),
            None,
            "somebody may want them still"
        );
    }
}
