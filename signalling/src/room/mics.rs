//! What the server is to know of published streams: muted or not.

use std::collections::BTreeMap;

use express_messages::ids::StreamId;

/// Names one request that tells it, so that the answer to an older one says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Telling(u64);

#[derive(Debug, Default)]
struct Mic {
    wanted: bool,
    /// The server holds the stream.
    held: bool,
    /// What the server has it for, where that is certain.
    known: Option<bool>,
    /// The request that is out, and what it says.
    out: Option<(Telling, bool)>,
}

/// The published streams of a login. What is wanted is told once the server holds the stream, and told again until it was
/// taken.
#[derive(Debug, Default)]
pub(super) struct Mics {
    mics: BTreeMap<StreamId, Mic>,
    last: u64,
}

impl Mics {
    fn telling(&mut self) -> Telling {
        self.last += 1;
        Telling(self.last)
    }

    /// The stream is offered, and the offer says whether it is muted.
    pub(super) fn offered(&mut self, id: &StreamId, muted: bool) -> Telling {
        let telling = self.telling();
        let mic = self.mics.entry(id.clone()).or_default();
        mic.wanted = muted;
        mic.out = Some((telling, muted));
        telling
    }

    /// The application wants it so. A stream that was never offered is ignored.
    pub(super) fn want(&mut self, id: &StreamId, muted: bool) {
        if let Some(mic) = self.mics.get_mut(id) {
            mic.wanted = muted;
        }
    }

    /// The server took what `telling` said, and so holds the stream.
    pub(super) fn taken(&mut self, id: &StreamId, telling: Telling) {
        let Some(mic) = self.mics.get_mut(id) else { return };
        mic.held = true;
        if let Some((_, muted)) = mic.out.take_if(|(out, _)| *out == telling) {
            mic.known = Some(muted);
        }
    }

    /// The server did not take what `telling` said, or nobody knows.
    pub(super) fn not_taken(&mut self, id: &StreamId, telling: Telling) {
        let Some(mic) = self.mics.get_mut(id) else { return };
        if mic.out.take_if(|(out, _)| *out == telling).is_some() {
            mic.known = None;
        }
    }

    /// The next stream of which the server has to be told, and what.
    pub(super) fn next_to_tell(&mut self) -> Option<(StreamId, bool, Telling)> {
        let telling = self.telling();
        let due = |mic: &Mic| mic.held && mic.out.is_none() && mic.known != Some(mic.wanted);
        let (id, mic) = self.mics.iter_mut().find(|(_, mic)| due(mic))?;
        mic.out = Some((telling, mic.wanted));
        Some((id.clone(), mic.wanted, telling))
    }

    /// The link is gone: what was out may have been taken or not.
    pub(super) fn link_lost(&mut self) {
        for mic in self.mics.values_mut().filter(|mic| mic.out.is_some()) {
            mic.out = None;
            mic.known = None;
        }
    }

    /// The server holds the stream no more; it is offered again.
    pub(super) fn lost(&mut self, id: &StreamId) {
        if let Some(mic) = self.mics.get_mut(id) {
            mic.held = false;
            mic.known = None;
        }
    }

    /// The stream is published no more.
    pub(super) fn stopped(&mut self, id: &StreamId) {
        self.mics.remove(id);
    }

    /// The session is gone, and all streams with it.
    pub(super) fn clear(&mut self) {
        self.mics.clear();
    }
}
