//! What can be heard here.

use std::sync::Arc;

use super::{ZegoLocalStream, ZegoRemoteStream};
use crate::{actor::state::Heard, reply::Reply, shared::Shared};

/// A stream that can be heard here, for
/// [`use_audio_output_device`](crate::ZegoExpressEngine::use_audio_output_device): made by itself from a reference to either.
#[derive(Debug, Clone, Copy)]
pub enum ZegoHeardStream<'a> {
    /// A local stream, heard while it is monitored.
    Local(&'a ZegoLocalStream),
    /// A played stream.
    Remote(&'a ZegoRemoteStream),
}

impl<'a> From<&'a ZegoLocalStream> for ZegoHeardStream<'a> {
    fn from(stream: &'a ZegoLocalStream) -> Self {
        Self::Local(stream)
    }
}

impl<'a> From<&'a ZegoRemoteStream> for ZegoHeardStream<'a> {
    fn from(stream: &'a ZegoRemoteStream) -> Self {
        Self::Remote(stream)
    }
}

impl ZegoHeardStream<'_> {
    /// Its name, if `engine` has it.
    pub(crate) fn heard_in(self, engine: &Arc<Shared>) -> Option<Heard> {
        match self {
            Self::Local(stream) => stream.id_in(engine).map(Heard::Local),
            Self::Remote(stream) => stream.play_in(engine).map(Heard::Played),
        }
    }
}

/// `useAudioOutputDevice`.
pub(crate) fn use_output(engine: &Shared, heard: Option<Heard>, device_id: String) -> Reply<()> {
    engine.call(|state, call, _, out| state.use_output(heard, device_id, call, out), |()| ())
}
