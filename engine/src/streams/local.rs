//! A local stream's handle.

use std::{fmt, sync::Arc};

use express_messages::{ZegoError, codes, ids::LocalStreamId};

use crate::{actor::state::check_percent, shared::Shared};

/// A local stream: something captured that can be heard here and published.
///
/// Made by [`create_zego_stream`](crate::ZegoExpressEngine::create_zego_stream). Clones name the same stream. Dropping the
/// last one changes nothing: the stream captures until `destroy_stream` or the engine's end.
#[derive(Clone)]
pub struct ZegoLocalStream {
    id: LocalStreamId,
    shared: Arc<Shared>,
}

impl ZegoLocalStream {
    pub(crate) fn new(id: LocalStreamId, shared: Arc<Shared>) -> Self {
        Self { id, shared }
    }

    /// Its name inside the engine.
    pub fn id(&self) -> LocalStreamId {
        self.id
    }

    /// Whether it captures still, that is: neither it nor its engine was destroyed.
    #[doc(alias = "active")]
    pub fn is_active(&self) -> bool {
        self.shared.look(|state| state.has_local(self.id))
    }

    /// Makes it heard on this machine's speaker. Without effect once the stream was destroyed.
    #[doc(alias = "playAudio")]
    pub fn play_audio(&self) {
        self.monitor(Some(true), None);
    }

    /// Makes it no longer heard on this machine's speaker. What is published goes on.
    #[doc(alias = "stopAudio")]
    pub fn stop_audio(&self) {
        self.monitor(Some(false), None);
    }

    /// How loud it is on this machine's speaker, 0..=100 percent; what is published does not change.
    ///
    /// # Errors
    /// 1100001 over 100; 1000018 once the stream was destroyed.
    #[doc(alias = "setVolume")]
    pub fn set_volume(&self, volume: u16) -> Result<(), ZegoError> {
        check_percent(volume, 100)?;
        if self.monitor(None, Some(volume)) {
            return Ok(());
        }
        Err(ZegoError::new(codes::LOCALSTREAM_WRONG, "that local stream was destroyed"))
    }

    fn monitor(&self, audible: Option<bool>, percent: Option<u16>) -> bool {
        self.shared
            .decide(|state, _, out| state.monitor_local(self.id, audible, percent, out))
    }

    /// Its name, if `engine` made it.
    pub(crate) fn id_in(&self, engine: &Arc<Shared>) -> Option<LocalStreamId> {
        Arc::ptr_eq(&self.shared, engine).then_some(self.id)
    }
}

impl fmt::Debug for ZegoLocalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZegoLocalStream({})", self.id.0)
    }
}
