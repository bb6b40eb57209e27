//! A business server: it makes tokens, and keeps out whom it will by the server API.

use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::admin::{
    AdminCall, CloseRoom, DeleteUserRule, ForbidStream, Forbids, KickUsers, ResumeStream, RuleTarget, SetUserRule, StreamOrder,
};
use express_token::{Grant, Iv, Secret, issue};

use crate::ledger::Made;
use crate::server::{APP, SECRET};
use crate::world::World;

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
        if self.server.state.is_none() {
            return;
        }
        match self.dice.below(100) {
            0..40 => self.kick(),
            40..46 => self.close_room(),
            46..74 => self.forbid_user(),
            74..82 => self.permit_user(),
            82..92 => self.order_stream(true),
            _ => self.order_stream(false),
        }
    }

    /// Asks the server; whether it did what was asked.
    fn ask_api<C: AdminCall>(&mut self, call: C) -> bool {
        let mut done = false;
        self.on_server(|state, now| {
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

    fn kick(&mut self) {
        let (room_id, user) = (Self::room_id(usize::from(self.dice.percent(12))), self.some_user());
        self.trace.note(self.now, || format!("API kicks {user} out of {room_id}"));
        self.note_kick(&room_id, &user);
        self.ask_api(KickUsers {
            room_id,
            user_ids: vec![user],
            reason: String::new(),
        });
    }

    fn close_room(&mut self) {
        let room_id = Self::room_id(usize::from(self.dice.percent(12)));
        self.trace.note(self.now, || format!("API closes {room_id}"));
        let Some(state) = &self.server.state else { return };
        let there = self.ledger.sessions_in(&room_id);
        let there = there.filter(|(session, _)| state.snapshot_of(session).is_some());
        let members: Vec<UserId> = there.map(|(_, user)| user.clone()).collect();
        for user in members {
            self.note_kick(&room_id, &user);
        }
        self.ask_api(CloseRoom {
            room_id,
            reason: String::new(),
            tell_business: false,
        });
    }

    fn some_target(&mut self) -> RuleTarget {
        let room = Self::room_id(usize::from(self.dice.percent(12)));
        match self.dice.below(10) {
            0 => RuleTarget::Room(room),
            1..6 => RuleTarget::User(self.some_user()),
            _ => RuleTarget::UserInRoom(room, self.some_user()),
        }
    }

    fn forbid_user(&mut self) {
        let (target, lasts) = (self.some_target(), self.dice.between(1_000, 90_000));
        let what = self.dice.below(3);
        let forbids = Forbids {
            login: what != 0,
            publish: what != 1,
        };
        self.trace
            .note(self.now, || format!("API: {target:?} {forbids:?} for {lasts:?}"));
        let (rule, until) = (target.clone(), self.now + lasts);
        if self.ask_api(SetUserRule { target, forbids, lasts }) {
            self.books.kept_out.forbid(rule, forbids, until);
        }
    }

    fn permit_user(&mut self) {
        let Some(target) = self.books.kept_out.some_rule(self.dice.below(100)) else {
            return;
        };
        self.trace.note(self.now, || format!("API: {target:?} is forbidden nothing"));
        self.books.kept_out.permit(&target);
        self.ask_api(DeleteUserRule { target });
    }

    fn order_stream(&mut self, forbid: bool) {
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
            self.books.kept_out.forbid_stream(stream_id);
            self.ask_api(ForbidStream(order));
        } else {
            self.books.kept_out.permit_stream(&stream_id);
            self.ask_api(ResumeStream(order));
        }
    }

    fn note_kick(&mut self, room: &RoomId, user: &UserId) {
        let lasts = Duration::from_secs(self.server.config.timings.kick_revokes_s);
        let (until, last_s) = (self.now + lasts, self.unix_s());
        self.books.kept_out.kicked(room.clone(), user.clone(), last_s, until);
        self.ledger.kicked(room, user);
    }
}
