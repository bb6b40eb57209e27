//! What people do: calls of applications, drawn from the dice.

use std::collections::BTreeSet;

use express_messages::ids::UserId;
use express_messages::room::SetRoomExtraInfo;

use crate::agenda::Due;
use crate::world::World;

impl World {
    /// One call of an application.
    pub(crate) fn call(&mut self, client: usize) {
        let state = &self.clients[client];
        if !state.running || state.asleep {
            return;
        }
        if state.view.room.is_none() || !(state.view.is_in_room() || self.is_logging_in(client)) {
            return self.login(client);
        }
        match self.dice.below(100) {
            0..22 => self.publish(client),
            22..30 => self.unpublish(client),
            30..52 => self.play(client),
            52..58 => self.stop_play(client),
            58..65 => self.mute(client),
            65..70 => self.mute_play(client),
            70..74 => self.volume(client),
            74..80 => self.info(client),
            80..84 => self.say(client),
            84..87 => self.whisper(client),
            87..90 => self.describe(client),
            90..93 => self.renew(client),
            93..95 => self.switch(client),
            95 => self.destroy(client),
            _ => {
                self.note_leaving(client);
                let result = self.on_engine(client, |engine, _| engine.logout_room());
                self.note_call(client, "logoutRoom", &result);
            }
        }
    }

    /// `destroyEngine`, and a new process after a while.
    fn destroy(&mut self, client: usize) {
        self.trace.note(self.now, || format!("c{client} destroyEngine"));
        self.note_leaving(client);
        self.clients[client].wishes.destroyed = Some(self.now);
        self.on_engine(client, |engine, _| ((), engine.destroy()));
        let wait = self.dice.between(3_000, 20_000);
        self.agenda.note(self.now + wait, Due::Begin(client));
    }

    fn is_logging_in(&self, client: usize) -> bool {
        self.clients[client].view.room == Some(express_engine::RoomStateChangedReason::Logining)
    }

    fn login(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        let token = self.some_token(&user);
        let room = Self::room_id(usize::from(self.dice.percent(12)));
        let user_update = self.dice.percent(85);
        self.clients[client].view.user_update = user_update;
        let result = self.on_engine(client, |engine, _| {
            engine.login_room(room.as_str(), token, &user, user_update)
        });
        self.note_call(client, &format!("loginRoom {room}"), &result);
    }

    /// Into the other room.
    fn switch(&mut self, client: usize) {
        let from = self.clients[client].view.room_id.clone();
        let to = Self::room_id(usize::from(from == Self::room_id(0).as_str()));
        let (user, user_update) = (self.clients[client].user.clone(), self.clients[client].view.user_update);
        let token = self.some_token(&user);
        self.note_leaving(client);
        let result = self.on_engine(client, |engine, _| engine.switch_room(&from, to.as_str(), token, user_update));
        if result.is_err() {
            self.clients[client].wishes.stays();
        }
        self.note_call(client, &format!("switchRoom {from} {to}"), &result);
    }

    /// A fresh token, or now and then one that the user kept.
    fn some_token(&mut self, user: &str) -> String {
        if self.dice.percent(20)
            && let Some(token) = self.kept_tokens.get(user)
        {
            self.trace.note(self.now, || format!("{user} shows an old token"));
            return token.clone();
        }
        let life_s = [45, 200, 3_600, 86_400];
        let ttl_s = self.dice.pick(&life_s).unwrap_or(3_600);
        let token = self.token(user, ttl_s);
        self.kept_tokens.insert(user.into(), token.clone());
        token
    }

    /// The streamIDs that a user publishes under: its own, and one that all want.
    fn own_stream(&mut self, client: usize) -> String {
        match self.dice.below(4) {
            0 => "wanted".into(),
            // Over nodes there is more to be decided about those that several want.
            1 if self.cloud.is_some() => "wanted".into(),
            1 => format!("{}-b", self.clients[client].user),
            _ => format!("{}-a", self.clients[client].user),
        }
    }

    fn any_stream(&mut self, client: usize) -> String {
        let seen: Vec<String> = self.clients[client].view.streams.keys().cloned().collect();
        match self.dice.pick(&seen) {
            Some(stream) if self.dice.percent(85) => stream,
            _ => format!("u{}-a", self.dice.below(5)),
        }
    }

    fn publish(&mut self, client: usize) {
        let stream = self.own_stream(client);
        let Some(local) = self.clients[client].local else { return };
        let info = format!("info {}", self.number());
        let result = self.on_engine(client, |engine, _| engine.start_publishing(&stream, local, &info));
        if result.is_ok() {
            self.clients[client].wishes.info_begins(&stream, &info);
        }
        self.note_call(client, &format!("startPublishingStream {stream}"), &result);
    }

    fn unpublish(&mut self, client: usize) {
        let mine: Vec<String> = self.clients[client].view.publishing.keys().cloned().collect();
        let Some(stream) = self.dice.pick(&mine) else { return };
        let result = self.on_engine(client, |engine, _| engine.stop_publishing(&stream));
        self.note_call(client, &format!("stopPublishingStream {stream}"), &result);
    }

    fn play(&mut self, client: usize) {
        let stream = self.any_stream(client);
        let result = self.on_engine(client, |engine, _| engine.start_playing(&stream));
        if result.is_ok() {
            self.clients[client].wishes.play_begins(&stream);
        }
        self.note_call(client, &format!("startPlayingStream {stream}"), &result);
    }

    fn stop_play(&mut self, client: usize) {
        let mine: Vec<String> = self.clients[client].view.playing.keys().cloned().collect();
        let Some(stream) = self.dice.pick(&mine) else { return };
        let result = self.on_engine(client, |engine, _| engine.stop_playing(&stream));
        self.note_call(client, &format!("stopPlayingStream {stream}"), &result);
    }

    fn mute(&mut self, client: usize) {
        let muted = self.dice.percent(50);
        let result = self.on_engine(client, |engine, now| engine.mute_microphone(muted, now));
        self.clients[client].wishes.muted = muted;
        self.note_call(client, &format!("muteMicrophone {muted}"), &result);
    }

    fn mute_play(&mut self, client: usize) {
        let mine: Vec<String> = self.clients[client].view.playing.keys().cloned().collect();
        let (muted, Some(stream)) = (self.dice.percent(50), self.dice.pick(&mine)) else {
            return;
        };
        let result = self.on_engine(client, |engine, now| engine.mute_playback(&stream, muted, now));
        self.clients[client].wishes.mute_play(&stream, muted);
        self.note_call(client, &format!("mutePlayStreamAudio {stream} {muted}"), &result);
    }

    fn volume(&mut self, client: usize) {
        let mine: Vec<String> = self.clients[client].view.playing.keys().cloned().collect();
        let Some(stream) = self.dice.pick(&mine) else { return };
        let percent = u16::try_from(self.dice.below(201)).unwrap_or_default();
        self.trace
            .note(self.now, || format!("c{client} volume of {stream}: {percent}"));
        if self.on_engine(client, |engine, _| engine.set_volume(&stream, percent)) {
            self.clients[client].wishes.volumes.insert(stream, percent);
        }
    }

    fn info(&mut self, client: usize) {
        let mine: Vec<String> = self.clients[client].view.publishing.keys().cloned().collect();
        let Some(stream) = self.dice.pick(&mine) else { return };
        let text = format!("info {}", self.number());
        if let Ok(part) = self.clients[client].engine.publisher_of(&stream, &text) {
            self.trace
                .note(self.now, || format!("c{client} setStreamExtraInfo {stream} {text}"));
            self.set_extra_info(client, part, text);
        }
    }

    fn say(&mut self, client: usize) {
        let (text, room_id) = (format!("text {}", self.number()), self.clients[client].view.room_id.clone());
        if let Ok(room) = self.clients[client].engine.room_to_send(&room_id, &text) {
            self.broadcast(client, room, text);
        }
    }

    /// A custom command to some users, of whom not all need be there.
    fn whisper(&mut self, client: usize) {
        let (text, room_id) = (
            format!("command {}", self.number()),
            self.clients[client].view.room_id.clone(),
        );
        let count = self.dice.below(3);
        let names: BTreeSet<usize> = (0..count).map(|_| self.dice.below(5)).collect();
        let users = names.iter().map(|number| UserId::new(format!("u{number}")));
        let users = users.map(|user| user.expect("a short id of letters")).collect();
        if let Ok(room) = self.clients[client].engine.room_to_send(&room_id, &text) {
            self.command(client, room, text, users);
        }
    }

    /// `setRoomExtraInfo`.
    fn describe(&mut self, client: usize) {
        let room_id = self.clients[client].view.room_id.clone();
        let info = SetRoomExtraInfo {
            key: "topic".into(),
            value: format!("value {}", self.number()),
        };
        if let Ok(room) = self.clients[client].engine.room_to_describe(&room_id, &info) {
            self.describe_room(client, room, info);
        }
    }

    fn renew(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        let token = self.token(&user, 3_600);
        let result = self.on_engine(client, |engine, _| engine.renew_token(&token));
        self.note_call(client, "renewToken", &result);
    }
}
