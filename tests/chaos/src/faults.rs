//! What goes wrong, drawn from the dice.

use std::time::Duration;

use crate::agenda::Due;
use crate::world::World;

impl World {
    pub(crate) fn line_fault(&mut self, client: usize) {
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

    pub(crate) fn server_fault(&mut self) {
        if self.dice.percent(30) {
            let jump = [1_000, 60_000, 3_600_000];
            let jump = self.dice.pick(&jump).unwrap_or_default();
            self.trace.note(self.now, || format!("server FAULT wall clock + {jump} ms"));
            self.wall_ahead_ms += jump;
        } else if self.servers[0].state.is_some() {
            self.crash_server(0);
            let wait = self.dice.between(100, 30_000);
            self.agenda.note(self.now + wait, Due::Boot(0));
        }
    }
}
