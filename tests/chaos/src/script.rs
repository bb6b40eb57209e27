//! A run: when something happens, and how it ends.

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
        for node in 0..self.servers.len() {
            self.boot(node);
        }
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
            0..70 => self.call(client),
            70..75 => self.business(),
            75..90 => self.line_fault(client),
            90..98 if self.cloud.is_none() => self.line_fault(client),
            _ if self.steady => {}
            _ if self.cloud.is_some() => self.cloud_fault(),
            _ => self.server_fault(),
        }
        let wait = self.dice.between(500, 16_000);
        self.agenda.note(self.now + wait, Due::Act);
    }

    /// Everything is whole from now on.
    pub(crate) fn calm_down(&mut self) {
        self.trace.note(self.now, || "calm".into());
        self.calm = true;
        match self.cloud {
            Some(_) => self.calm_cloud(),
            None => self.boot(0),
        }
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
