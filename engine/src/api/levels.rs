//! Levels.

use express_messages::ZegoError;

use super::ZegoExpressEngine;

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
    #[doc(alias = "startSoundLevelMonitor")]
    pub fn set_sound_level_delegate(&self, enable: bool, interval_ms: impl Into<Option<u32>>) -> Result<(), ZegoError> {
        let interval_ms = interval_ms.into();
        self.shared()
            .decide(|state, _, out| state.set_sound_level_delegate(enable, interval_ms, out))
    }
}
