//! A business server: it makes tokens, and keeps out whom it will by the server API.

use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::admin::{
    AdminCall, CloseRoom, DeleteUserRule, ForbidStream, Forbids, KickUsers, ResumeStream, RuleTarget, SetUserRule, StreamOrder,
};
use express_token::{Grant, Iv, Secret, issue};

use crate::invariants::LATER;
use crate::ledger::Made;
use crate::server::{APP, SECRET};
use crate::world::World;

/// Letters between nodes, and those that follow from them, are under way for some milliseconds.
const UNDER_WAY: Duration = Duration::from_millis(20);

impl World {
    /// A token of `user` that the business server makes now.
    pub(crate) fn token(&mut self, user: &str, ttl_s: i64) -> String {
        let grant = Grant {
            app_id: APP,
            user_id: user.into(),
            ttl_s,
            privileges: None,
        };
        let number = self.number();
        let nonce = i64::try_from(number).unwrap_or_default();
        let at_s = self.unix_s();
        let secret = Secret::new(SECRET).expect("32 characters");
        let token = issue(&grant.claims(nonce, at_s), &secret, &Iv::Gcm([7; 12])).expect("the grant is in order");
        let expires_s = at_s + ttl_s;
        self.ledger.token_made(&token, Made { number, at_s, expires_s });
        token
    }

    /// One call of the server API.
    pub(crate) fn business(&mut self) {
        let Some(node) = self.some_server() else { return };
        match self.dice.below(100) {
            0..40 => self.kick(node),
            40..46 => self.close_room(node),
            46..74 => self.forbid_user(node),
            74..82 => self.permit_user(node),
            82..92 => self.order_stream(node, true),
            _ => self.order_stream(node, false),
        }
    }

    /// The server that is asked: the only one, or any that runs.
    fn some_server(&mut self) -> Option<usize> {
        let there = self.servers.iter().enumerate().filter(|(_, server)| server.state.is_some());
        let there: Vec<usize> = there.map(|(node, _)| node).collect();
        match self.cloud {
            Some(_) => self.dice.pick(&there),
            None => there.first().copied(),
        }
    }

    /// From when on each server obeys what one is ordered now.
    fn obeyed_from(&self, asked: usize, node: usize) -> Duration {
        match (node == asked, self.nodes_hear()) {
            (true, _) => self.now,
            (false, true) => self.now + UNDER_WAY,
            (false, false) => LATER,
        }
    }

    /// Asks a server; whether it did what was asked.
    fn ask_api<C: AdminCall>(&mut self, node: usize, call: C) -> bool {
        let mut done = false;
        self.on_server(node, |state, now| {
            let (answer, effects) = state.admin(now, APP, call);
            done = answer.is_ok();
            effects
        });
        done
    }

    fn some_user(&mut self) -> UserId {
        let client = self.dice.below(self.clients.len());
        UserId::new(self.clients[client].user.as_str()).expect("a short id of letters")
    }

    fn kick(&mut self, node: usize) {
        let (room_id, user) = (Self::room_id(usize::from(self.dice.percent(12))), self.some_user());
        self.trace.note(self.now, || format!("API kicks {user} out of {room_id}"));
        self.note_kick(self.now, node, &room_id, &user);
        self.ask_api(
            node,
            KickUsers {
                room_id,
                user_ids: vec![user],
                reason: String::new(),
            },
        );
    }

    fn close_room(&mut self, node: usize) {
        let room_id = Self::room_id(usize::from(self.dice.percent(12)));
        self.trace.note(self.now, || format!("API closes {room_id}"));
        let there = self.ledger.sessions_in(&room_id);
        let there = there.filter(|(session, _)| self.shown_to(session).is_some());
        let members: Vec<UserId> = there.map(|(_, user)| user.clone()).collect();
        let state = self.servers[node].state.as_ref();
        let is_open = state.is_some_and(|state| state.users_in(APP, room_id.as_str()).is_some());
        // Rooms that are open on other nodes alone the actor opens before it asks; here such a room is none.
        if is_open || self.servers.len() == 1 {
            for user in members {
                self.note_kick_by_closing(node, &room_id, &user);
            }
        }
        self.ask_api(
            node,
            CloseRoom {
                room_id,
                reason: String::new(),
                tell_business: false,
            },
        );
    }

    fn some_target(&mut self) -> RuleTarget {
        let room = Self::room_id(usize::from(self.dice.percent(12)));
        match self.dice.below(10) {
            0 => RuleTarget::Room(room),
            1..6 => RuleTarget::User(self.some_user()),
            _ => RuleTarget::UserInRoom(room, self.some_user()),
        }
    }

    fn forbid_user(&mut self, node: usize) {
        let (target, lasts) = (self.some_target(), self.dice.between(1_000, 90_000));
        let what = self.dice.below(3);
        let forbids = Forbids {
            login: what != 0,
            publish: what != 1,
        };
        self.trace
            .note(self.now, || format!("API: {target:?} {forbids:?} for {lasts:?}"));
        let (rule, until) = (target.clone(), self.now + lasts);
        if self.ask_api(node, SetUserRule { target, forbids, lasts }) {
            for at in 0..self.servers.len() {
                let from = self.obeyed_from(node, at);
                self.books.kept_out[at].forbid(rule.clone(), forbids, (from, until));
            }
        }
    }

    fn permit_user(&mut self, node: usize) {
        let Some(target) = self.books.kept_out[node].some_rule(self.dice.below(100)) else {
            return;
        };
        self.trace.note(self.now, || format!("API: {target:?} is forbidden nothing"));
        for kept_out in &mut self.books.kept_out {
            kept_out.permit(&target);
        }
        self.ask_api(node, DeleteUserRule { target });
    }

    fn order_stream(&mut self, node: usize, forbid: bool) {
        let stream = match self.dice.below(4) {
            0 => "wanted".into(),
            _ => format!("u{}-a", self.dice.below(5)),
        };
        let stream_id = StreamId::new(stream).expect("a short id of letters");
        self.trace
            .note(self.now, || format!("API: {stream_id} is forbidden: {forbid}"));
        let sequence = i64::try_from(self.number()).unwrap_or(i64::MAX);
        let order = StreamOrder {
            stream_id: stream_id.clone(),
            sequence,
        };
        if forbid {
            for at in 0..self.servers.len() {
                let from = self.obeyed_from(node, at);
                self.books.kept_out[at].forbid_stream(stream_id.clone(), from);
            }
            self.ask_api(node, ForbidStream(order));
        } else {
            self.permit_stream(node, order);
        }
    }

    fn permit_stream(&mut self, node: usize, order: StreamOrder) {
        for kept_out in &mut self.books.kept_out {
            kept_out.permit_stream(&order.stream_id);
        }
        self.ask_api(node, ResumeStream(order));
    }

    /// Nodes may have been told different things while they did not hear each other: they are told anew.
    pub(crate) fn permit_all_streams(&mut self) {
        for stream in ["wanted".to_owned()]
            .into_iter()
            .chain((0..5).map(|user| format!("u{user}-a")))
        {
            let stream_id = StreamId::new(stream).expect("a short id of letters");
            for node in 0..self.servers.len() {
                let sequence = i64::try_from(self.number()).unwrap_or(i64::MAX);
                let stream_id = stream_id.clone();
                self.permit_stream(node, StreamOrder { stream_id, sequence });
            }
        }
    }

    /// A node that closes a room knows those who are in it there and those that it shows; of others it hears from theirs.
    fn note_kick_by_closing(&mut self, node: usize, room: &RoomId, user: &UserId) {
        let state = self.servers[node].state.as_ref();
        let shown = state.and_then(|state| state.users_in(APP, room.as_str())).unwrap_or_default();
        let asked_from = match (shown.contains(user), self.nodes_hear()) {
            (true, _) => self.now,
            (false, true) => self.now + UNDER_WAY,
            (false, false) => LATER,
        };
        self.note_kick(asked_from, node, room, user);
    }

    /// - `asked_from`: from when on the node that is asked knows of it
    fn note_kick(&mut self, asked_from: Duration, node: usize, room: &RoomId, user: &UserId) {
        let lasts = Duration::from_secs(self.servers[0].config.timings.kick_revokes_s);
        let (until, last_s) = (self.now + lasts, self.unix_s());
        for at in 0..self.servers.len() {
            let from = match at == node {
                true => asked_from,
                false => self.obeyed_from(node, at),
            };
            self.books.kept_out[at].kicked(room.clone(), user.clone(), last_s, (from, until));
            if from != LATER {
                self.ledger.kicked(at, room, user, from);
            }
        }
    }
}
