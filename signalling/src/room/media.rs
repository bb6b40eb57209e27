//! Which streams this login publishes and plays, so that a resume can be compared with what the server still holds.

use std::collections::{BTreeMap, BTreeSet};

use express_messages::{codes, ids::StreamId, room::StreamRole};

use crate::protocol::{Request, StopPlay, Unpublish};

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Asked for; whether the server holds it is not known.
    Asked,
    /// The server said that it holds it.
    Accepted,
}

/// One side of the media of a login.
#[derive(Debug)]
struct Side {
    role: StreamRole,
    streams: BTreeMap<StreamId, Held>,
}

impl Side {
    /// Compares with the server's list: what the server has and nobody here wants, and what was lost.
    fn reconcile(&mut self, on_server: Vec<StreamId>) -> (Vec<StreamId>, Vec<StreamId>) {
        let on_server: BTreeSet<StreamId> = on_server.into_iter().collect();
        let lost = self
            .streams
            .iter()
            .filter(|(id, held)| **held == Held::Accepted && !on_server.contains(*id));
        let lost: Vec<StreamId> = lost.map(|(id, _)| id.clone()).collect();
        for id in &lost {
            self.streams.remove(id);
        }
        let unwanted = on_server.into_iter().filter(|id| !self.streams.contains_key(id)).collect();
        (unwanted, lost)
    }
}

/// Streams of this login.
#[derive(Debug)]
pub(super) struct Media {
    published: Side,
    played: Side,
}

/// What a resume brought to light.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reconciled {
    /// Requests that end what nobody wants any more.
    pub(super) stops: Vec<Request>,
    /// Streams that the server does not hold any more, and the code to report.
    pub(super) lost: Vec<(StreamId, StreamRole, i32)>,
}

impl Media {
    pub(super) fn new() -> Self {
        let side = |role| Side {
            role,
            streams: BTreeMap::new(),
        };
        Self {
            published: side(StreamRole::Publish),
            played: side(StreamRole::Play),
        }
    }

    fn side(&mut self, role: StreamRole) -> &mut Side {
        match role {
            StreamRole::Publish => &mut self.published,
            StreamRole::Play => &mut self.played,
        }
    }

    /// The stream is asked for. One that the server holds already stays held while it is negotiated anew.
    pub(super) fn asked(&mut self, role: StreamRole, id: &StreamId) {
        self.side(role).streams.entry(id.clone()).or_insert(Held::Asked);
    }

    /// The server holds the stream, unless it was stopped in the meantime.
    pub(super) fn accepted(&mut self, role: StreamRole, id: &StreamId) {
        if let Some(held) = self.side(role).streams.get_mut(id) {
            *held = Held::Accepted;
        }
    }

    /// The server refused the stream; one that it held before it goes on holding.
    pub(super) fn refused(&mut self, role: StreamRole, id: &StreamId) {
        let streams = &mut self.side(role).streams;
        if streams.get(id) == Some(&Held::Asked) {
            streams.remove(id);
        }
    }

    /// The stream is wanted no more, or was ended by the server.
    pub(super) fn stopped(&mut self, role: StreamRole, id: &StreamId) {
        self.side(role).streams.remove(id);
    }

    /// The server holds the stream no more; it is asked for again, unless it was stopped in the meantime.
    pub(super) fn lost(&mut self, role: StreamRole, id: &StreamId) {
        if let Some(held) = self.side(role).streams.get_mut(id) {
            *held = Held::Asked;
        }
    }

    /// The session is gone, and all streams with it.
    pub(super) fn clear(&mut self) {
        self.published.streams.clear();
        self.played.streams.clear();
    }

    /// Compares with what the server says it holds for the session that was taken up again.
    pub(super) fn reconcile(&mut self, publishing: Vec<StreamId>, playing: Vec<StreamId>) -> Reconciled {
        let mut all = Reconciled::default();
        let (unwanted, lost) = self.published.reconcile(publishing);
        all.stops
            .extend(unwanted.into_iter().map(|stream_id| Unpublish { stream_id }.into()));
        let role = self.published.role;
        all.lost
            .extend(lost.into_iter().map(|id| (id, role, codes::PUBLISHER_SESSION_CLOSED)));
        let (unwanted, lost) = self.played.reconcile(playing);
        all.stops
            .extend(unwanted.into_iter().map(|stream_id| StopPlay { stream_id }.into()));
        let role = self.played.role;
        all.lost
            .extend(lost.into_iter().map(|id| (id, role, codes::PLAYER_STREAM_INTERRUPTED)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> StreamId {
        StreamId::new(text).unwrap()
    }

    #[test]
    fn what_the_server_lost_is_reported_and_what_nobody_wants_is_stopped() {
        let mut media = Media::new();
        for name in ["kept", "lost", "unanswered"] {
            media.asked(StreamRole::Publish, &id(name));
        }
        media.accepted(StreamRole::Publish, &id("kept"));
        media.accepted(StreamRole::Publish, &id("lost"));
        let found = media.reconcile(vec![id("kept"), id("stopped")], vec![id("unplayed")]);
        assert_eq!(
            found,
            Reconciled {
                stops: vec![
                    Unpublish {
                        stream_id: id("stopped")
                    }
                    .into(),
                    StopPlay {
                        stream_id: id("unplayed")
                    }
                    .into()
                ],
                lost: vec![(id("lost"), StreamRole::Publish, 1103027)],
            }
        );
    }

    #[test]
    fn a_reply_that_comes_after_the_stop_does_not_bring_the_stream_back() {
        let mut media = Media::new();
        media.asked(StreamRole::Play, &id("s"));
        media.stopped(StreamRole::Play, &id("s"));
        media.accepted(StreamRole::Play, &id("s"));
        assert_eq!(media.reconcile(vec![], vec![]), Reconciled::default());
    }

    #[test]
    fn a_refused_renegotiation_leaves_the_stream_held() {
        let mut media = Media::new();
        media.asked(StreamRole::Play, &id("s"));
        media.accepted(StreamRole::Play, &id("s"));
        media.refused(StreamRole::Play, &id("s"));
        assert_eq!(media.reconcile(vec![], vec![]).lost, [(id("s"), StreamRole::Play, 1004020)]);
    }
}
