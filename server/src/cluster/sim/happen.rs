//! What happens, one thing at a time: letters and answers arrive, nodes wake.

use std::sync::Arc;

use super::registry::RegistryAnswer;
use super::{Action, CloudSim, Happens, LEASE, Letter, NodeEntry, Question, Revision, SimNode, SimRooms, Ticket};

impl<R: SimRooms> CloudSim<R> {
    pub(super) fn happen(&mut self, happens: Happens) {
        let now = self.now();
        let (number, actions) = match happens {
            Happens::Letter(to, letter) => match self.hears(to) {
                Some(node) => (to, node.state.on_letter(now, letter)),
                None => return,
            },
            Happens::Question(to, letter, asker) => match self.asked(to, letter, asker) {
                Some(actions) => (to, actions),
                None => return,
            },
            Happens::Answer(to, life, ticket, answer) => match self.lives(to, life) {
                Some(node) => (to, node.state.on_answer(now, ticket, answer)),
                None => return,
            },
            Happens::Registry(from, life, op, work) => return self.work(from, life, op, work),
            Happens::Answered(to, life, op, answer) => {
                let Some(node) = self.lives(to, life) else { return };
                let actions = match answer {
                    RegistryAnswer::Got(got) => node.state.on_got(now, op, got),
                    RegistryAnswer::Written(written) => node.state.on_written(now, op, written),
                    RegistryAnswer::Changed(changes) => node.state.on_changes(now, changes),
                };
                node.asking = node.asking.saturating_sub(1);
                if let Some((op, work)) = node.waiting.pop_front() {
                    self.begin_work(to, op, work);
                }
                (to, actions)
            }
            Happens::Node(to, entry, revision) => match self.hears(to) {
                Some(node) => (to, node.state.on_node(now, &entry, revision)),
                None => return,
            },
            Happens::Nodes(from, entry, revision) => return self.entry_reaches_all(from, &entry, revision),
            Happens::Orders(to) => {
                let orders = self.orders.values().cloned().collect();
                match self.hears(to) {
                    Some(node) => (to, node.state.on_orders(now, orders)),
                    None => return,
                }
            }
            Happens::Notice(number) => (number, self.notice(number)),
            Happens::Wake(number, life) => {
                let at = self.now;
                let Some(node) = self
                    .lives(number, life)
                    .filter(|node| node.woken_at.is_none_or(|due| due <= at))
                else {
                    return;
                };
                node.woken_at = None;
                (number, node.state.on_time(now))
            }
            Happens::Wish(number, life, wish) => match self.lives(number, life) {
                Some(node) => (number, node.state.on_wish(now, wish)),
                None => return,
            },
        };
        self.carry_out(number, actions);
    }

    /// A question arrives.
    fn asked(&mut self, to: usize, letter: Letter, asker: (usize, Ticket)) -> Option<Vec<Action>> {
        let now = self.now();
        self.last_question += 1;
        let question = self.last_question;
        let node = self.hears(to)?;
        node.questions.insert(question, asker);
        Some(node.state.on_question(now, Question(question), letter))
    }

    fn entry_reaches_all(&mut self, from: usize, entry: &Arc<NodeEntry>, revision: Revision) {
        let now = self.now();
        for to in 0..self.nodes.len() {
            if to == from || self.cut.contains(&(from, to)) {
                continue;
            }
            if let Some(node) = self.hears(to) {
                let actions = node.state.on_node(now, entry, revision);
                if !actions.is_empty() {
                    self.carry_out(to, actions);
                }
            }
        }
    }

    /// A node in this life of it.
    fn lives(&mut self, number: usize, life: u64) -> Option<&mut SimNode<R>> {
        let node = &mut self.nodes[number];
        (node.alive && node.life == life).then_some(node)
    }

    /// A node that runs and reaches the broker.
    fn hears(&mut self, number: usize) -> Option<&mut SimNode<R>> {
        let node = &mut self.nodes[number];
        (node.alive && node.reaches_broker).then_some(node)
    }

    fn notice(&mut self, number: usize) -> Vec<Action> {
        let now = self.now();
        let node = &mut self.nodes[number];
        if !node.reaches_broker {
            return node.state.on_disconnected();
        }
        // Who is there is read first, and everybody is reminded a little later.
        let time = self.now;
        let there = self.leases.values().filter(|(.., at)| time.saturating_sub(*at) <= LEASE);
        let leases: Vec<_> = there.cloned().collect();
        let mut actions = Vec::new();
        for (entry, revision, _) in leases {
            actions.extend(node.state.on_node(now, &entry, revision));
        }
        actions.extend(node.state.on_connected(now));
        actions
    }
}
