//! One client: what it knows of its room, and where its media stands.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Instant,
};

use actix::{Actor, Context, Handler};
use express_bench_forwarder::crowd::MemberId;
use express_messages::{
    room::{RoomEvent, RoomLink},
    types::ZegoUpdateType,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{faults::Kind, line::Lines, world::Note};

/// Whether a client is in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It logs in.
    Coming,
    /// It is in; `link`: and its socket is open.
    In {
        /// Whether requests reach the server.
        link: bool,
    },
    /// It left, crashed or was kicked out, and comes back then.
    Away {
        /// When.
        until: Instant,
    },
    /// The run is over.
    Gone,
}

/// Where its media stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next try begins then.
    Waits(Instant),
    /// Its offer is being made, or is with the server.
    Asks,
    /// It has an answer.
    Connects(Instant),
    /// DTLS is done.
    Up,
}

/// Its media connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Counts the tries, so that what comes late counts no more.
    pub(super) number: u32,
    pub(super) member: Option<MemberId>,
    pub(super) stage: Stage,
    /// When the packet that came last was sent, ns since 1970; a talker hears none.
    pub(super) heard_ns: u64,
    /// Whether what comes is counted.
    pub(super) counted: bool,
}

/// A fault that it has not got over yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// When it was over for the network; what comes after is the getting over.
    pub(super) since: Instant,
    /// Whether it is over only with another socket.
    pub(super) wants_link: bool,
    /// Whether it was said that this takes too long.
    pub(super) told: bool,
}

/// One client.
pub(super) struct Client {
    pub(super) room: usize,
    pub(super) talks: bool,
    pub(super) user: String,
    pub(super) lines: Arc<Lines>,
    pub(super) link: Option<RoomLink>,
    /// Counts its programs: what an earlier one tells counts no more.
    pub(super) program: u32,
    pub(super) presence: Presence,
    /// Counts its sessions, and when the present one began.
    pub(super) session: (u32, Instant),
    pub(super) users: BTreeSet<String>,
    pub(super) streams: BTreeSet<String>,
    /// Messages of this session, by number.
    pub(super) received: HashSet<u64>,
    pub(super) media: Connection,
    pub(super) trouble: Option<Trouble>,
    /// When its socket was last opened, by a login or a resume.
    pub(super) linked_at: Instant,
    /// Whether it is in, and heard where it listens.
    pub(super) well: bool,
    /// When it was well last.
    pub(super) well_at: Instant,
    /// When it was well again after the last fault.
    pub(super) recovered_at: Instant,
}

impl Client {
    pub(super) fn new(room: usize, talks: bool, user: String, lines: Arc<Lines>, now: Instant) -> Self {
        Self {
            room,
            talks,
            user,
            lines,
            link: None,
            program: 0,
            presence: Presence::Away { until: now },
            session: (0, now),
            users: BTreeSet::new(),
            streams: BTreeSet::new(),
            received: HashSet::new(),
            media: Connection {
                number: 0,
                member: None,
                stage: Stage::Waits(now),
                heard_ns: 0,
                counted: false,
            },
            trouble: None,
            linked_at: now,
            well: false,
            well_at: now,
            recovered_at: now,
        }
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.presence, Presence::In { .. })
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }

    /// Crashed, and not yet back: others still have it in their lists.
    pub(super) fn is_lingering(&self) -> bool {
        self.is_away() && self.trouble.is_some_and(|trouble| trouble.kind == Kind::Crashed)
    }

    /// For whoever has to find out what went wrong.
    pub(super) fn state(&self) -> String {
        let Connection { stage, heard_ns, .. } = &self.media;
        format!(
            "{:?}, {stage:?}, heard {heard_ns}, linked {:?} ago",
            self.presence,
            self.linked_at.elapsed()
        )
    }

    /// Another session: messages before it are none of its.
    pub(super) fn begin_session(&mut self, now: Instant) {
        self.session = (self.session.0 + 1, now);
        self.received.clear();
    }

    /// Another program: it knows nothing yet.
    pub(super) fn forget(&mut self) {
        self.users.clear();
        self.streams.clear();
        self.received.clear();
    }

    /// Takes a change of a list; `Err`: it was told what cannot be.
    pub(super) fn note_users(&mut self, update: ZegoUpdateType, ids: impl Iterator<Item = String>) -> Result<(), String> {
        note(&mut self.users, update, ids)
    }

    /// The same of streams.
    pub(super) fn note_streams(&mut self, update: ZegoUpdateType, ids: impl Iterator<Item = String>) -> Result<(), String> {
        note(&mut self.streams, update, ids)
    }
}

/// Each join and leave is told once (docs/guarantees.md, I1).
fn note(list: &mut BTreeSet<String>, update: ZegoUpdateType, ids: impl Iterator<Item = String>) -> Result<(), String> {
    for id in ids {
        let is_news = if update == ZegoUpdateType::Add {
            list.insert(id.clone())
        } else {
            list.remove(&id)
        };
        if !is_news {
            return Err(format!("{update:?} of {id} was told twice"));
        }
    }
    Ok(())
}

/// Stands for the engine of one program of one client.
pub(super) struct Owner {
    pub(super) client: usize,
    pub(super) program: u32,
    pub(super) tell: UnboundedSender<Note>,
}

impl Actor for Owner {
    type Context = Context<Self>;
}

impl Handler<RoomEvent> for Owner {
    type Result = ();

    fn handle(&mut self, event: RoomEvent, _: &mut Self::Context) {
        // A run that is over needs no more.
        let _ = self.tell.send(Note::Room(self.client, self.program, event));
    }
}
