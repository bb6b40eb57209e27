//! The server API forbids a stream, and permits it again.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::StreamId;
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::WireError;

use super::expiring::Expiring;
use super::records::StreamName;
use super::{Now, RoomsState};
use crate::rooms::admin::{AdminCall, AdminFault, FindStream, ForbidStream, Order, ResumeStream, StreamOrder};

/// Streams of all AppIDs that are forbidden at a time.
pub(super) const MAX_FORBIDDEN: usize = 10_000;
/// Streams whose last sequence numbers are known: those of 10 s at the documented 80 calls a second, and of several AppIDs.
pub(super) const MAX_SEQUENCES: usize = 10_000;
/// How long a sequence number counts (documented).
const SEQUENCE_COUNTS: Duration = Duration::from_secs(10);

/// The last number of each stream.
pub(super) type Sequences = Expiring<StreamName, i64>;

impl RoomsState {
    pub(super) fn stream_is_not_forbidden(&self, app_id: u32, stream_id: &StreamId, code: i32) -> Result<(), WireError> {
        if self.forbidden.contains(&(app_id, stream_id.clone())) {
            return Err(WireError::fatal(code, "the server's API has forbidden the stream"));
        }
        Ok(())
    }

    /// What players of a stream that ends are told.
    pub(super) fn why_play_ends(&self, stream: &StreamName) -> (i32, &'static str) {
        if self.forbidden.contains(stream) {
            return (codes::PLAYER_STREAM_BANNED, "the server's API has forbidden the stream");
        }
        (codes::PLAYER_STREAM_INTERRUPTED, "the stream ended")
    }

    /// The stream that is meant, unless a later order has come before.
    fn ordered(&mut self, now: Now, app_id: u32, order: StreamOrder) -> Result<StreamName, AdminFault> {
        let name = (app_id, order.stream_id);
        let last = self.sequences.get(&name, now.mono);
        if last.is_some_and(|last| order.sequence <= *last) {
            return Err(AdminFault::OldSequence);
        }
        let until = now.mono.saturating_add(SEQUENCE_COUNTS);
        self.sequences.insert(name.clone(), order.sequence, until, now.mono);
        Ok(name)
    }
}

impl AdminCall for ForbidStream {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let name = state.ordered(now, app_id, self.0.clone())?;
        if state.forbidden.len() >= MAX_FORBIDDEN && !state.forbidden.contains(&name) {
            return Err(AdminFault::TooManyRules);
        }
        let stream = state.stream_key(app_id, &name.1);
        state.forbidden.insert(name);
        state.order(app_id, Order::ForbidStream(self.0));
        if let Some(key) = stream {
            let why = (
                codes::PUBLISHER_MEDIA_SERVER_FORBID,
                "the server's API has forbidden the stream",
            );
            state.end_stream(key, StreamDeleteReason::RemovedByServer, Some(why));
        }
        Ok(())
    }
}

impl AdminCall for ResumeStream {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let name = state.ordered(now, app_id, self.0.clone())?;
        state.forbidden.remove(&name);
        state.order(app_id, Order::ResumeStream(self.0));
        Ok(())
    }
}

impl AdminCall for FindStream {
    type Ok = ();

    fn stream(&self) -> Option<&StreamId> {
        Some(&self.0.stream_id)
    }

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let (_, stream_id) = state.ordered(now, app_id, self.0)?;
        let stream = state.stream_key(app_id, &stream_id).and_then(|key| state.streams.get(&key));
        let alive = stream.is_some_and(|stream| stream.announced.is_some());
        alive.then_some(()).ok_or(AdminFault::NoStream)
    }
}
