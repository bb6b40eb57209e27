//! Models for random tests: a server that keeps the truth, and an application that checks what it hears.

use std::collections::{BTreeMap, BTreeSet};

use express_messages::{
    room::RoomEvent,
    types::{RoomStateChangedReason as Reason, ZegoUpdateType},
};

use super::{
    bench::Bench,
    words::{heartbeat_ok, login_ok, resume_ok, sequenced, snapshot, stream_id, streams, text, users},
};
use crate::protocol::{
    ClientFrame, Done, Event, LoginOk, NodeLeaving, RenewTokenOk, Request, SdpOk, SequencedEvent, Snapshot, WireError,
};

/// The server's truth.
#[derive(Default)]
pub(super) struct Server {
    pub(super) users: BTreeSet<u8>,
    pub(super) streams: BTreeSet<(u8, u8)>,
    pub(super) seq: u64,
    pub(super) log: Vec<SequencedEvent>,
    /// Events up to this number are not kept.
    pub(super) forgotten: u64,
    pub(super) session: bool,
    pub(super) down: u8,
    pub(super) refusal: Option<WireError>,
    pub(super) deaf: bool,
    pub(super) publishing: bool,
    /// The other nodes of its cloud.
    pub(super) nodes: Vec<String>,
}

impl Server {
    fn snapshot(&self) -> Snapshot {
        let users: Vec<String> = self.users.iter().map(|user| format!("u{user}")).collect();
        let streams: Vec<String> = self
            .streams
            .iter()
            .map(|(user, stream)| format!("s{user}-{stream}@u{user}"))
            .collect();
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
        snapshot(self.seq, &users, &streams)
    }

    /// The answer to a login: the session is another one.
    pub(super) fn log_in(&mut self) -> LoginOk {
        self.session = true;
        self.publishing = false;
        LoginOk {
            nodes: self.nodes.clone(),
            ..login_ok(self.snapshot())
        }
    }

    /// It says that it is going to stop.
    pub(super) fn leave(&mut self) -> SequencedEvent {
        let nodes = self.nodes.clone();
        self.note(Event::NodeLeaving(NodeLeaving { nodes }))
    }

    fn note(&mut self, event: Event) -> SequencedEvent {
        self.seq += 1;
        let event = sequenced(self.seq, event);
        self.log.push(event.clone());
        event
    }

    /// Toggles a user; its streams go before it.
    pub(super) fn toggle_user(&mut self, user: u8) -> Vec<SequencedEvent> {
        if self.users.insert(user) {
            return vec![self.note(users(&format!("+u{user}")))];
        }
        self.users.remove(&user);
        let gone: Vec<(u8, u8)> = self.streams.iter().filter(|(owner, _)| *owner == user).copied().collect();
        let mut events = Vec::new();
        for (owner, stream) in gone {
            self.streams.remove(&(owner, stream));
            events.push(self.note(streams(&format!("-s{owner}-{stream}@u{owner}"))));
        }
        events.push(self.note(users(&format!("-u{user}"))));
        events
    }

    pub(super) fn toggle_stream(&mut self, user: u8, stream: u8) -> Vec<SequencedEvent> {
        if !self.users.contains(&user) {
            return self.toggle_user(user);
        }
        let sign = if self.streams.insert((user, stream)) { '+' } else { '-' };
        if sign == '-' {
            self.streams.remove(&(user, stream));
        }
        vec![self.note(streams(&format!("{sign}s{user}-{stream}@u{user}")))]
    }

    pub(super) fn answer(&mut self, bench: &mut Bench, frame: &ClientFrame) {
        let asks = matches!(frame.request, Request::Login(_) | Request::Resume(_));
        if let Some(error) = self.refusal.take_if(|_| asks) {
            return bench.error(frame.id, error);
        }
        match &frame.request {
            Request::Login(_) => {
                let ok = self.log_in();
                bench.ok(frame.id, &ok);
            }
            Request::Resume(_) if !self.session => bench.error(frame.id, WireError::fatal(1002051, "unknown")),
            Request::Resume(resume) => {
                let missed: Vec<_> = self.log.iter().filter(|event| event.seq > resume.last_seq).cloned().collect();
                let kept = resume.last_seq >= self.forgotten;
                let mut ok = match kept {
                    true => resume_ok(Some(missed), None),
                    false => resume_ok(None, Some(self.snapshot())),
                };
                if self.publishing {
                    ok.publishing = vec![stream_id("mine")];
                }
                bench.ok(frame.id, &ok);
            }
            Request::Heartbeat(_) => bench.ok(frame.id, &heartbeat_ok(self.seq)),
            Request::Publish(_) => {
                self.publishing = true;
                let answer = String::new();
                bench.ok(frame.id, &SdpOk { answer, loudest: 0 });
            }
            Request::Unpublish(_) => {
                self.publishing = false;
                bench.ok(frame.id, &Done {});
            }
            Request::RenewToken(_) => bench.ok(
                frame.id,
                &RenewTokenOk {
                    token_expires_in_ms: 1_000,
                },
            ),
            _ => bench.ok(frame.id, &Done {}),
        }
    }
}

/// What an application makes of the events, and whether they were legal.
#[derive(Default)]
pub(super) struct Application {
    told: Option<Reason>,
    users: BTreeSet<String>,
    streams: BTreeMap<String, String>,
    checked: usize,
}

impl Application {
    pub(super) fn check(&mut self, bench: &Bench) {
        for event in &bench.events[self.checked..] {
            self.hear(event);
        }
        self.checked = bench.events.len();
    }

    fn hear(&mut self, event: &RoomEvent) {
        let over = [Reason::LoginFailed, Reason::ReconnectFailed, Reason::Kickout, Reason::Logout];
        assert!(
            !self.told.is_some_and(|told| over.contains(&told)),
            "{} after {:?}",
            text(event),
            self.told
        );
        let connected = matches!(self.told, Some(Reason::Logined | Reason::Reconnected));
        match event {
            RoomEvent::StateChanged { reason, code, .. } => {
                assert!(self.may_follow(*reason), "{reason} after {:?}", self.told);
                let fine = matches!(
                    reason,
                    Reason::Logining | Reason::Logined | Reason::Reconnected | Reason::Logout
                );
                assert_eq!(*code == 0, fine, "{reason} {code}");
                self.told = Some(*reason);
            }
            RoomEvent::UserUpdate { update, users } => {
                assert!(connected && !users.is_empty());
                for user in users {
                    let id = user.user_id.to_string();
                    let changed = match update {
                        ZegoUpdateType::Add => self.users.insert(id),
                        _ => self.users.remove(&id),
                    };
                    assert!(changed, "{}", text(event));
                }
            }
            RoomEvent::StreamUpdate { update, streams, .. } => {
                assert!(connected && !streams.is_empty());
                for stream in streams {
                    let (id, owner) = (stream.stream_id.to_string(), stream.user.user_id.to_string());
                    assert!(self.users.contains(&owner), "a stream without its user: {}", text(event));
                    let changed = match update {
                        ZegoUpdateType::Add => self.streams.insert(id, owner).is_none(),
                        _ => self.streams.remove(&id).is_some(),
                    };
                    assert!(changed, "{}", text(event));
                }
            }
            RoomEvent::LinkRestored { .. } | RoomEvent::StreamEnded { .. } => assert!(connected, "{}", text(event)),
            _ => assert!(self.told.is_some_and(|told| told != Reason::Logining), "{}", text(event)),
        }
    }

    fn may_follow(&self, reason: Reason) -> bool {
        match self.told {
            None => reason == Reason::Logining,
            Some(Reason::Logining) => {
                matches!(
                    reason,
                    Reason::Logined | Reason::LoginFailed | Reason::Kickout | Reason::Logout
                )
            }
            Some(Reason::Logined | Reason::Reconnected) => {
                matches!(reason, Reason::Reconnecting | Reason::Kickout | Reason::Logout)
            }
            Some(Reason::Reconnecting) => {
                matches!(
                    reason,
                    Reason::Reconnected | Reason::ReconnectFailed | Reason::Kickout | Reason::Logout
                )
            }
            Some(_) => false,
        }
    }

    pub(super) fn agrees_with(&self, server: &Server) {
        let users: BTreeSet<String> = server.users.iter().map(|user| format!("u{user}")).collect();
        let streams: BTreeSet<String> = server
            .streams
            .iter()
            .map(|(user, stream)| format!("s{user}-{stream}"))
            .collect();
        assert_eq!(self.users, users);
        assert_eq!(self.streams.keys().cloned().collect::<BTreeSet<_>>(), streams);
    }
}
