//! What goes wrong, and what people do: all drawn from the dice.

use std::time::Duration;

use crate::agenda::Due;
use crate::world::World;

/// How long faults and calls go on.
pub(crate) const STORM: Duration = Duration::from_secs(600);
/// How long everything then has to come to rest: more than the longest back-off and the server's patience together.
pub(crate) const CALM: Duration = Duration::from_secs(150);
/// How long after the last logout nothing may be left.
pub(crate) const EMPTY: Duration = Duration::from_secs(115);
/// How often the invariants are looked at.
pub(crate) const CHECK: Duration = Duration::from_secs(1);

impl World {
    /// Notes everything that a run begins with.
    pub(crate) fn begin_run(&mut self) {
        self.boot();
        for client in 0..self.clients.len() {
            let at = self.dice.between(0, 3_000);
            self.agenda.note(at, Due::Begin(client));
        }
        self.agenda.note(Duration::from_secs(3), Due::Act);
        self.agenda.note(self.storm, Due::Calm);
        self.agenda.note(self.storm + CALM, Due::Leave);
        self.agenda.note(Duration::ZERO, Due::Media);
        self.agenda.note(CHECK, Due::Check);
    }

    /// One call or one fault.
    pub(crate) fn act(&mut self) {
        if self.calm {
            return;
        }
        let client = self.dice.below(self.clients.len());
        match self.dice.below(100) {
            0..74 => self.call(client),
            74..98 => self.line_fault(client),
            _ if self.steady => {}
            _ => self.server_fault(),
        }
        let wait = self.dice.between(500, 16_000);
        self.agenda.note(self.now + wait, Due::Act);
    }

    fn call(&mut self, client: usize) {
        let state = &self.clients[client];
        if !state.running || state.asleep {
            return;
        }
        if state.view.room.is_none() || !(state.view.is_in_room() || self.is_logging_in(client)) {
            return self.login(client);
        }
        match self.dice.below(100) {
            0..25 => self.publish(client),
            25..35 => self.unpublish(client),
            35..60 => self.play(client),
            60..68 => self.stop_play(client),
            68..76 => self.mute(client),
            76..82 => self.mute_play(client),
            82..88 => self.info(client),
            88..92 => self.say(client),
            92..95 => self.renew(client),
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
        let life_s = [45, 200, 3_600, 86_400];
        let ttl_s = self.dice.pick(&life_s).unwrap_or(3_600);
        let token = self.token(&user, ttl_s);
        let room = Self::room_id(usize::from(self.dice.percent(12)));
        let user_update = self.dice.percent(85);
        self.clients[client].view.user_update = user_update;
        let result = self.on_engine(client, |engine, _| {
            engine.login_room(room.as_str(), token, &user, user_update)
        });
        self.note_call(client, &format!("loginRoom {room}, token for {ttl_s} s"), &result);
    }

    /// The streamIDs that a user publishes under: its own, and one that all want.
    fn own_stream(&mut self, client: usize) -> String {
        match self.dice.below(4) {
            0 => "wanted".into(),
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
            self.clients[client].wishes.mute_play(&stream, false);
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
        let text = format!("text {}", self.number());
        for room in 0..2 {
            let room_id = Self::room_id(room);
            if let Ok(room) = self.clients[client].engine.room_to_send(room_id.as_str(), &text) {
                self.broadcast(client, room, text.clone());
            }
        }
    }

    fn renew(&mut self, client: usize) {
        let user = self.clients[client].user.clone();
        let token = self.token(&user, 3_600);
        let result = self.on_engine(client, |engine, _| engine.renew_token(&token));
        self.note_call(client, "renewToken", &result);
    }

    fn line_fault(&mut self, client: usize) {
        match self.dice.below(100) {
            0..30 => {
                let most = if self.dice.percent(30) { 150_000 } else { 15_000 };
                let lasts = self.dice.between(100, most);
                self.hold_line(client, lasts, |line| line.cut = true, "cut");
            }
            30..42 => {
                let lasts = self.dice.between(1_000, 60_000);
                self.hold_line(client, lasts, |line| line.no_media = true, "without media");
            }
            42..60 => {
                for socket in self.sockets_of(client) {
                    self.trace
                        .note(self.now, || format!("c{client} FAULT socket {socket} is reset"));
                    self.reset(socket);
                }
            }
            60..74 => {
                for socket in self.sockets_of(client) {
                    self.trace
                        .note(self.now, || format!("c{client} FAULT socket {socket} is half-open"));
                    if let Some(socket) = self.sockets.get_mut(&socket) {
                        socket.black = true;
                    }
                }
            }
            74..84 => self.sleep(client),
            84..94 => self.crash(client),
            _ => {
                let delay = self.dice.between(2, 400);
                self.trace.note(self.now, || format!("c{client} FAULT delay {delay:?}"));
                self.lines[client].delay = delay;
            }
        }
    }

    fn hold_line(&mut self, client: usize, lasts: Duration, hold: impl FnOnce(&mut crate::line::Line), how: &str) {
        self.trace
            .note(self.now, || format!("c{client} FAULT line {how} for {lasts:?}"));
        let fault = self.number();
        let line = &mut self.lines[client];
        hold(line);
        line.fault = fault;
        self.agenda.note(self.now + lasts, Due::Mend { client, fault });
    }

    /// A line is whole again.
    pub(crate) fn mend(&mut self, client: usize, fault: u64) {
        let line = &mut self.lines[client];
        if line.fault != fault {
            return;
        }
        (line.cut, line.no_media, line.whole_since) = (false, false, self.now);
        self.trace.note(self.now, || format!("c{client} line is whole"));
        self.release(client);
    }

    fn sleep(&mut self, client: usize) {
        let state = &mut self.clients[client];
        if !state.running || state.asleep {
            return;
        }
        state.asleep = true;
        let most = if self.dice.percent(30) { 600_000 } else { 60_000 };
        let lasts = self.dice.between(1_000, most);
        // Some systems stop the monotonic clock while they sleep, some do not.
        let stops = self.dice.percent(50);
        self.trace
            .note(self.now, || format!("c{client} FAULT sleeps {lasts:?}, clock stops: {stops}"));
        let state = &mut self.clients[client];
        state.sleeps = Some((self.now, stops));
        let life = state.life;
        self.agenda.note(self.now + lasts, Due::Wake { client, life });
    }

    pub(crate) fn wake(&mut self, client: usize, life: u32) {
        let now = self.now;
        let state = &mut self.clients[client];
        let Some((since, stops)) = state.sleeps.take_if(|_| state.life == life) else {
            return;
        };
        state.asleep = false;
        if stops {
            state.slept += now - since;
        }
        self.trace.note(now, || format!("c{client} wakes"));
        self.lines[client].whole_since = now;
        self.books.woke(client, now);
        self.release(client);
        self.work(client);
    }

    fn crash(&mut self, client: usize) {
        if !self.clients[client].running {
            return;
        }
        // The process alone, whose sockets its system closes; or the whole machine, which says nothing.
        let hard = self.dice.percent(40);
        self.trace
            .note(self.now, || format!("c{client} FAULT crashes, machine too: {hard}"));
        for socket in self.sockets_of(client) {
            self.client_end(socket);
            if hard {
                if let Some(socket) = self.sockets.get_mut(&socket) {
                    socket.black = true;
                }
            } else {
                self.send_up(socket, crate::line::Up::Reset);
            }
        }
        let state = &mut self.clients[client];
        (state.running, state.asleep, state.sleeps) = (false, false, None);
        let wait = self.dice.between(500, 130_000);
        self.agenda.note(self.now + wait, Due::Begin(client));
    }

    fn server_fault(&mut self) {
        if self.dice.percent(30) {
            let jump = [1_000, 60_000, 3_600_000];
            let jump = self.dice.pick(&jump).unwrap_or_default();
            self.trace.note(self.now, || format!("server FAULT wall clock + {jump} ms"));
            self.server.wall_ahead_ms += jump;
        } else if self.server.state.is_some() {
            self.crash_server();
            let wait = self.dice.between(100, 30_000);
            self.agenda.note(self.now + wait, Due::Boot);
        }
    }

    /// Everything is whole from now on.
    pub(crate) fn calm_down(&mut self) {
        self.trace.note(self.now, || "calm".into());
        self.calm = true;
        self.boot();
        for client in 0..self.clients.len() {
            self.mend(client, self.lines[client].fault);
            self.lines[client].delay = self.lines[client].delay.min(Duration::from_millis(150));
            self.wake(client, self.clients[client].life);
        }
    }

    /// Half of them log out, the others end their engines.
    pub(crate) fn leave(&mut self) {
        self.check_rest();
        self.trace.note(self.now, || "all leave".into());
        for client in 0..self.clients.len() {
            if !self.clients[client].running {
                continue;
            }
            self.note_leaving(client);
            if self.dice.percent(50) {
                let _ = self.on_engine(client, |engine, _| engine.logout_room());
            } else {
                self.clients[client].wishes.destroyed = Some(self.now);
                self.on_engine(client, |engine, _| ((), engine.destroy()));
            }
        }
    }
}
