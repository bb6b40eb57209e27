//! Levels.

use express_messages::ZegoError;

use super::ZegoExpressEngine;
use crate::options::ZegoSoundLevelConfig;

impl ZegoExpressEngine {
    /// Reports how loud everything is, every `interval_ms` (100..=3000, 1000 where it is `None`), or no more:
    /// [`SoundLevelUpdate`](crate::SoundLevelUpdate) and [`CapturedSoundLevelUpdate`](crate::CapturedSoundLevelUpdate). Turning
    /// it on again changes the interval.
    ///
    /// ```
    /// # fn watch(engine: &express_engine::ZegoExpressEngine) {
    /// use express_engine::SoundLevelUpdate;
    ///
    /// engine.on(|e: &SoundLevelUpdate| println!("{:?}", e.sound_level_list));
    /// assert_eq!(engine.set_sound_level_delegate(true, 99).unwrap_err().code, 1100001);
    /// engine.set_sound_level_delegate(true, 200).unwrap();
    /// engine.set_sound_level_delegate(false, None).unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    /// 1100001: the interval is out of range.
    #[doc(alias = "setSoundLevelDelegate")]
    #[doc(alias = "stopSoundLevelMonitor")]
    pub fn set_sound_level_delegate(&self, enable: bool, interval_ms: impl Into<Option<u32>>) -> Result<(), ZegoError> {
        let default = ZegoSoundLevelConfig::default();
        let interval_ms = interval_ms.into().unwrap_or(default.interval_ms);
        let config = ZegoSoundLevelConfig { interval_ms, ..default };
        self.shared()
            .decide(|state, _, out| state.set_sound_level_delegate(enable, &config, out))
    }

    /// As [`set_sound_level_delegate`](Self::set_sound_level_delegate), with the choice to be told who speaks too, right behind
    /// how loud it is: [`SoundLevelInfoUpdate`](crate::SoundLevelInfoUpdate) and
    /// [`CapturedSoundLevelInfoUpdate`](crate::CapturedSoundLevelInfoUpdate). A voice is what is louder by 9 dB than the noise of
    /// the last 3 s, as speech is again and again: steady noise and knocks are none, music counts as a voice.
    ///
    /// ```
    /// # fn watch(engine: &express_engine::ZegoExpressEngine) {
    /// use express_engine::{CapturedSoundLevelInfoUpdate, ZegoSoundLevelConfig};
    ///
    /// engine.on(|e: &CapturedSoundLevelInfoUpdate| println!("you speak: {}", e.vad));
    /// let config = ZegoSoundLevelConfig { interval_ms: 200, enable_vad: true };
    /// engine.start_sound_level_monitor(config).unwrap();
    /// engine.set_sound_level_delegate(false, None).unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    /// 1100001: the interval is out of range.
    #[doc(alias = "startSoundLevelMonitor")]
    #[doc(alias = "enableVAD")]
    pub fn start_sound_level_monitor(&self, config: ZegoSoundLevelConfig) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.set_sound_level_delegate(true, &config, out))
    }
}
