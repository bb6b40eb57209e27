//! What users do: they call, talk, hang up, and call again.

use std::time::Duration;

use express_server::rooms::cloud::Wish;
use rand::RngExt;

use super::{Cloud, LATER};
use crate::population::{Kind, talk};
use crate::world::{At, Event};

impl Cloud {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Begin(room) => self.begin(room),
            Event::Login(user, call, target) => self.login(user, call, target),
            Event::Leave(user, call) => self.leave(user, call),
            Event::Move(user) => self.move_away(user),
            Event::EndOld(user, node) => {
                if self.world.borrow().users[user as usize].from == Some(node) && self.sim.is_alive(node) {
                    let mut wishes = Vec::new();
                    self.sim.rooms_mut(node).leave(user, &mut wishes);
                    self.wish_all(node, wishes);
                }
            }
        }
    }

    /// A small room begins: its members come within 20 s and leave at its end, some of them earlier.
    fn begin(&mut self, room: u32) {
        let (plan, life) = {
            let slot = &self.world.borrow().rooms[room as usize];
            (slot.plan, slot.life)
        };
        let lasts = talk(&mut self.rng, plan.kind, life == 0);
        for user in plan.first..plan.first + plan.size {
            let wait = if user == plan.first {
                Duration::ZERO
            } else {
                self.seconds(1.0, 20.0)
            };
            let part = if self.rng.random::<f64>() < 0.15 {
                self.rng.random_range(0.2..1.0)
            } else {
                1.0
            };
            let ends = lasts.mul_f64(part).max(wait) + self.seconds(1.0, 5.0);
            let at = self.in_a(wait);
            self.put_life(at, Event::Login(user, life, None));
            let at = self.in_a(ends);
            self.put_life(at, Event::Leave(user, life));
        }
    }

    pub(super) fn login(&mut self, user: u32, call: u32, target: Option<usize>) {
        let (known, kind) = {
            let world = self.world.borrow();
            let known = world.users[user as usize].clone();
            let kind = world.rooms[known.plan.room as usize].plan.kind;
            (known, kind)
        };
        if known.call > call || known.at == At::Room && known.from.is_none() {
            return;
        }
        let is_first = known.at == At::Home && !known.in_call;
        if is_first && kind != Kind::Small {
            let lasts = talk(&mut self.rng, kind, call == 0);
            let at = self.in_a(lasts);
            self.put_life(at, Event::Leave(user, call));
        }
        let target = target.filter(|target| self.takes_clients(*target));
        let node = target.or_else(|| self.some_node(known.plan.region));
        let Some(node) = node else {
            // No node at all: the client tries again.
            let at = self.sim.now().mono + LATER;
            return self.put_soon(at, Event::Login(user, call, None));
        };
        {
            let known = &mut self.world.borrow_mut().users[user as usize];
            known.call = call;
            known.at = At::Door;
            known.node = node;
            if is_first {
                known.seen_to_leave = false;
            }
        }
        let now = self.sim.now();
        let wishes = self.sim.rooms_mut(node).login(now, user, target.is_some());
        self.wish_all(node, wishes);
    }

    fn leave(&mut self, user: u32, call: u32) {
        let known = self.world.borrow().users[user as usize].clone();
        if known.call != call || known.at == At::Home && !known.in_call {
            return;
        }
        if known.at != At::Room || known.from.is_some() {
            let at = self.in_a(LATER);
            return self.put_life(at, Event::Leave(user, call));
        }
        let mut wishes = Vec::new();
        {
            let known = &mut self.world.borrow_mut().users[user as usize];
            known.at = At::Home;
            known.in_call = false;
        }
        self.sim.rooms_mut(known.node).leave(user, &mut wishes);
        self.wish_all(known.node, wishes);
        self.next_call(user, known.plan.room);
    }

    /// What comes behind a call: in a small room the next one of all its members, elsewhere somebody else's.
    fn next_call(&mut self, user: u32, room: u32) {
        let wait = self.seconds(5.0, 40.0);
        let at = self.in_a(wait);
        let mut world = self.world.borrow_mut();
        let slot = &mut world.rooms[room as usize];
        if slot.plan.kind != Kind::Small {
            let call = world.users[user as usize].call + 1;
            drop(world);
            return self.put_life(at, Event::Login(user, call, None));
        }
        slot.gone += 1;
        if slot.gone == slot.plan.size {
            slot.gone = 0;
            slot.life += 1;
            drop(world);
            self.put_life(at, Event::Begin(room));
        }
    }

    fn wish_all(&mut self, node: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            self.sim.wish(node, wish);
        }
    }

    fn takes_clients(&self, node: usize) -> bool {
        self.sim.is_alive(node) && !self.draining[node]
    }

    /// Any node of the user's region, or of another one where that has none, as a balancer with health checks names it.
    fn some_node(&mut self, region: u8) -> Option<usize> {
        for near in [true, false] {
            let fits = |node: &usize| (!near || self.regions[*node] == region) && self.takes_clients(*node);
            if let Some(last) = (0..self.sim.len()).filter(fits).count().checked_sub(1) {
                let one = self.rng.random_range(0..=last);
                let fits = |node: &usize| (!near || self.regions[*node] == region) && self.takes_clients(*node);
                return (0..self.sim.len()).filter(fits).nth(one);
            }
        }
        None
    }
}
