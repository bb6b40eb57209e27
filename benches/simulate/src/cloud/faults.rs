//! What befalls nodes, and what their users do then.

use std::rc::Rc;
use std::time::Duration;

use express_server::rooms::cloud::Wish;
use rand::RngExt;

use super::{BACK_MS, Cloud, LATER};
use crate::rooms::LightRooms;
use crate::world::{At, Event, User};

impl Cloud {
    /// Nodes fail; their users come back elsewhere. How many those are.
    pub fn kill(&mut self, nodes: &[usize]) -> usize {
        let now = self.sim.now().mono;
        for &node in nodes {
            self.sim.kill(node);
        }
        let mut thrown_out = Vec::new();
        {
            let mut world = self.world.borrow_mut();
            for number in 0..world.users.len() {
                let back = world.wait(BACK_MS.0, BACK_MS.1);
                let user = &mut world.users[number];
                user.from.take_if(|from| nodes.contains(from));
                if user.at != At::Home && nodes.contains(&user.node) {
                    user.at = At::Door;
                    user.lost = Some(user.node);
                    user.published = None;
                    thrown_out.push((now + back, Event::Login(number as u32, user.call, None)));
                }
            }
        }
        let count = thrown_out.len();
        for (at, event) in thrown_out {
            self.put_soon(at, event);
        }
        count
    }

    /// A node starts again, empty.
    pub fn restart(&mut self, node: usize) {
        self.draining[node] = false;
        let rooms = LightRooms::new(node, Rc::clone(&self.world));
        self.sim.restart(node, rooms);
    }

    /// A node takes nobody any more, and its users move to others within that time.
    pub fn drain(&mut self, node: usize, within: Duration) {
        self.draining[node] = true;
        self.sim.wish(node, Wish::Leave);
        let here: Vec<u32> = {
            let world = self.world.borrow();
            let is_here = |(_, user): &(u32, &User)| user.at != At::Home && user.node == node;
            (0..).zip(&world.users).filter(is_here).map(|(number, _)| number).collect()
        };
        for user in here {
            let at = self.sim.now().mono + within.mul_f64(self.rng.random());
            self.put_soon(at, Event::Move(user));
        }
    }

    pub(super) fn move_away(&mut self, user: u32) {
        let (call, busy) = {
            let mut world = self.world.borrow_mut();
            let known = &mut world.users[user as usize];
            if known.at == At::Home || !self.draining[known.node] {
                return;
            }
            let busy = known.at == At::Door || known.from.is_some();
            known.from = known.from.or((!busy).then_some(known.node));
            (known.call, busy)
        };
        if busy {
            let at = self.sim.now().mono + LATER;
            return self.put_soon(at, Event::Move(user));
        }
        self.login(user, call, None);
    }

    /// A node that has drained ends.
    pub fn stop(&mut self, node: usize) -> usize {
        let left = self.kill_quietly(node);
        self.sim.stop(node);
        left
    }

    /// Who is still there is thrown out.
    fn kill_quietly(&mut self, node: usize) -> usize {
        let now = self.sim.now().mono;
        let left: Vec<(u32, u32)> = {
            let mut world = self.world.borrow_mut();
            let users = (0..).zip(&mut world.users);
            users
                .filter_map(|(number, user)| {
                    user.from.take_if(|from| *from == node);
                    let is_here = user.at != At::Home && user.node == node;
                    is_here.then(|| {
                        user.at = At::Door;
                        user.published = None;
                        (number, user.call)
                    })
                })
                .collect()
        };
        for (user, call) in &left {
            self.put_soon(now + LATER, Event::Login(*user, *call, None));
        }
        left.len()
    }
}
