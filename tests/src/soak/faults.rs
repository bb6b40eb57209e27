//! What goes wrong: kinds of faults, whom they meet, and how they are done.

use std::time::{Duration, Instant};

use rand::{RngExt, rngs::StdRng};

use super::{
    client::{Presence, Stage},
    house,
    line::Carries,
    media::Order,
    world::{Note, World},
};

/// Between the end of the counts of those whom a fault meets, and the fault.
const FOREWARNED: Duration = Duration::from_millis(600);
/// A stopped server goes on after.
const PAUSE: Duration = Duration::from_secs(2);
/// Who left, crashed or was kicked out comes back after. More than a list may take, so that the lists without him are seen, too.
const AWAY: Duration = Duration::from_secs(8);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The signalling socket is reset.
    Reset,
    /// Nobody reads what the server sends.
    SlowReader,
    /// The signalling socket carries nothing, and nobody is told.
    HalfOpen,
    /// The media socket is closed; the client opens another.
    MediaGone,
    /// The media comes from another port from now on.
    Rebound,
    /// The same user logs in from another program, which takes over.
    SecondLogin,
    /// Kicked out by the server API.
    Kicked,
    /// Logged out, and back.
    Left,
    /// The program is killed, and another comes.
    Crashed,
    /// The server is stopped for 2 s.
    ServerStopped,
    /// The server is killed and started again.
    ServerKilled,
    /// A stranger sends forged checks, handshakes and packets.
    Forgeries,
    /// Strangers with oversized frames, endless fragments, deep JSON, half a handshake, noise.
    Strangers,
    /// None was made, and somebody is unwell.
    Unexplained,
}

impl Kind {
    /// Those that are drawn, and how often of 20.
    const DRAWN: [(Self, u32); 11] = [
        (Self::Reset, 3),
        (Self::SlowReader, 1),
        (Self::HalfOpen, 1),
        (Self::MediaGone, 2),
        (Self::Rebound, 3),
        (Self::SecondLogin, 2),
        (Self::Kicked, 2),
        (Self::Left, 2),
        (Self::Crashed, 2),
        (Self::Forgeries, 1),
        (Self::Strangers, 1),
    ];

    /// In the words of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "signalling reset (RST)",
            Self::SlowReader => "signalling not read",
            Self::HalfOpen => "signalling half-open",
            Self::MediaGone => "media socket closed",
            Self::Rebound => "media from another port",
            Self::SecondLogin => "second login of the user",
            Self::Kicked => "kicked by the server API, back after 8 s",
            Self::Left => "logged out, back after 8 s",
            Self::Crashed => "killed, back after 8 s",
            Self::ServerStopped => "server stopped for 2 s (SIGSTOP)",
            Self::ServerKilled => "server killed and started (SIGKILL)",
            Self::Forgeries => "forged checks, handshakes, packets",
            Self::Strangers => "oversized frames, fragments, deep JSON",
            Self::Unexplained => "unexplained",
        }
    }

    fn draw(rng: &mut StdRng) -> Self {
        let all = Self::DRAWN.iter().map(|(_, weight)| weight).sum();
        let mut drawn = rng.random_range(0..all);
        for (kind, weight) in Self::DRAWN {
            match drawn.checked_sub(weight) {
                Some(left) => drawn = left,
                None => return kind,
            }
        }
        Self::Reset
    }

    /// Whether the client's media goes on as if nothing was.
    fn spares_media(self) -> bool {
        matches!(self, Self::Reset | Self::SlowReader | Self::HalfOpen)
    }

    /// Whether it is over for the client that it is meant for only when that has another socket.
    fn wants_a_link(self) -> bool {
        !matches!(
            self,
            Self::MediaGone | Self::Rebound | Self::ServerStopped | Self::Unexplained
        )
    }

    fn is_for_all(self) -> bool {
        matches!(self, Self::ServerStopped | Self::ServerKilled)
    }
}

/// A fault whose victims are not counted any more, and when it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    at: Instant,
    kind: Kind,
    victim: usize,
}

impl World {
    /// Draws the fault of this second.
    pub(super) fn draw_fault(&mut self, now: Instant, elapsed_s: u64) {
        let kind = match self.plan.seconds {
            seconds if seconds >= 120 && elapsed_s == seconds / 2 => Kind::ServerKilled,
            _ if elapsed_s % 60 == 20 => Kind::ServerStopped,
            _ => Kind::draw(&mut self.rng),
        };
        if kind == Kind::Strangers {
            self.report.note_fault(kind);
            let server = self.house.address();
            drop(std::thread::spawn(move || house::strangers(server)));
            return;
        }
        let victim = if kind.is_for_all() { Some(0) } else { self.draw_victim(now) };
        let Some(victim) = victim else {
            return self.report.no_victim += 1;
        };
        self.report.note_fault(kind);
        if kind == Kind::Forgeries {
            return self.forge(victim);
        }
        let met = self.met_by(kind, victim);
        if !kind.spares_media() {
            self.end_counts(&met);
        }
        let at = now + FOREWARNED;
        // Nobody else may meet them until then.
        for client in met {
            let is_meant = client == victim || kind.is_for_all();
            self.begin_trouble(client, kind, at, is_meant && kind.wants_a_link());
        }
        self.pending.push(Pending { at, kind, victim });
    }

    /// Does what is due.
    pub(super) fn do_faults(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.house.pause(false);
        }
        let due: Vec<Pending> = self.pending.extract_if(.., |fault| fault.at <= now).collect();
        for fault in due {
            self.do_fault(now, fault);
        }
    }

    fn draw_victim(&mut self, now: Instant) -> Option<usize> {
        let rooms: Vec<usize> = (0..self.plan.rooms).filter(|room| self.is_quiet(*room, now)).collect();
        if rooms.is_empty() {
            return None;
        }
        let room = rooms[self.rng.random_range(0..rooms.len())];
        let there: Vec<usize> = self.members_of(room).filter(|client| self.clients[*client].well).collect();
        (!there.is_empty()).then(|| there[self.rng.random_range(0..there.len())])
    }

    fn met_by(&self, kind: Kind, victim: usize) -> Vec<usize> {
        let client = &self.clients[victim];
        match kind {
            _ if kind.is_for_all() => (0..self.clients.len()).collect(),
            _ if client.talks && !kind.spares_media() => self.members_of(client.room).collect(),
            _ => vec![victim],
        }
    }

    fn do_fault(&mut self, now: Instant, Pending { kind, victim, .. }: Pending) {
        match kind {
            Kind::Reset => self.clients[victim].lines.set(Carries::Reset),
            Kind::SlowReader => self.clients[victim].lines.set(Carries::Up),
            Kind::HalfOpen => self.clients[victim].lines.set(Carries::Nothing),
            Kind::MediaGone => self.connect_again(victim, now),
            Kind::Rebound => {
                if let (Some(member), Stage::Up) = (self.clients[victim].media.member, self.clients[victim].media.stage) {
                    self.media.order(Order::Rebind(member));
                }
            }
            Kind::SecondLogin => {
                self.disconnect(victim, now);
                self.log_in(victim, now);
            }
            Kind::Kicked => self.kick(victim),
            Kind::Left => self.log_out(victim, Presence::Away { until: now + AWAY }),
            Kind::Crashed => self.crash(victim, now + AWAY),
            Kind::ServerStopped => {
                self.house.pause(true);
                self.paused_until = Some(now + PAUSE);
                (0..self.clients.len()).for_each(|client| self.begin_trouble(client, kind, now + PAUSE, false));
            }
            Kind::ServerKilled => self.house.restart(),
            Kind::Forgeries | Kind::Strangers | Kind::Unexplained => {}
        }
    }

    fn forge(&self, victim: usize) {
        if let Some(member) = self.clients[victim].media.member {
            self.media.order(Order::Forge(member));
        }
    }

    fn kick(&self, victim: usize) {
        let client = &self.clients[victim];
        let kick = self.house.kick(&self.room_name(client.room), &client.user);
        let tell = self.tell.clone();
        drop(std::thread::spawn(move || tell.send(Note::Kicked(kick()))));
    }

    /// The KICKOUT of a kick.
    pub(super) fn note_kickout(&mut self, client: usize, code: i32, now: Instant) {
        let trouble = self.clients[client].trouble.map(|trouble| trouble.kind);
        if code != 1_002_055 || trouble != Some(Kind::Kicked) {
            self.report
                .problem(format!("{} was kicked out: {code}", self.clients[client].user));
        }
        self.disconnect(client, now);
        self.leave(client, Presence::Away { until: now + AWAY });
    }
}
