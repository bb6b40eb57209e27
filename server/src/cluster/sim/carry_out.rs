//! What nodes decide is carried out: letters are posted, the registry is asked, rooms are told.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::registry::{RegistryAnswer, RegistryWork};
use super::{
    Action, AdminOrder, CloudSim, Happens, Letter, Message, NodeEntry, NodeLife, OpId, PATIENCE, Question, SimRooms, order_key,
};

/// So many changes are told in the time of one thing that is asked.
const CHANGES_A_TURN: usize = 50;
/// Of what is answered without a number.
const NO_OP: OpId = OpId(0);

impl<R: SimRooms> CloudSim<R> {
    pub(super) fn carry_out(&mut self, number: usize, actions: Vec<Action>) {
        if !self.nodes[number].alive {
            return;
        }
        let mut wishes = Vec::new();
        for action in actions {
            match action {
                Action::News(news) => {
                    let now = self.now();
                    wishes.extend(self.nodes[number].rooms.on_news(now, news));
                }
                other => self.carry_out_one(number, other),
            }
        }
        for wish in wishes {
            self.wish(number, wish);
        }
        self.wake(number);
    }

    fn carry_out_one(&mut self, number: usize, action: Action) {
        let from = NodeLife {
            name: self.nodes[number].name.clone(),
            life: self.nodes[number].life,
        };
        match action {
            Action::Send(to, message) => {
                self.totals.letters += 1;
                if let Some(&to) = self.by_name.get(&to)
                    && let Some(letter) = self.posted(number, to, Letter { from, message })
                {
                    self.letter_to(to, letter);
                }
            }
            Action::Broadcast(message) => {
                self.totals.broadcasts += 1;
                let nobody = self.options.logins_only_counted && matches!(message, Message::LoggedIn(_));
                for to in 0..if nobody { 0 } else { self.nodes.len() } {
                    let letter = Letter {
                        from: from.clone(),
                        message: message.clone(),
                    };
                    if to != number
                        && let Some(letter) = self.posted(number, to, letter)
                    {
                        self.letter_to(to, letter);
                    }
                }
            }
            Action::Ask(ticket, to, message) => {
                self.totals.letters += 2;
                let to = self.by_name.get(&to).copied();
                let posted = to.and_then(|to| Some((to, self.posted(number, to, Letter { from, message })?)));
                if let Some((to, letter)) = posted {
                    self.after(self.options.letter, Happens::Question(to, letter, (number, ticket)));
                }
                // It comes behind an answer, which then has been taken already.
                let life = self.nodes[number].life;
                self.queue
                    .put(self.now + PATIENCE, Happens::Answer(number, life, ticket, None));
            }
            Action::Answer(Question(question), message) => {
                let asker = self.nodes[number].questions.remove(&question);
                if let Some((asker, ticket)) = asker
                    && let Some(letter) = self.posted(number, asker, Letter { from, message })
                {
                    let life = self.nodes[asker].life;
                    self.after(self.options.letter, Happens::Answer(asker, life, ticket, Some(letter)));
                }
            }
            Action::Get(op, key) => self.ask_registry(number, op, RegistryWork::Get(key)),
            Action::Put(op, key, value, expected) => self.ask_registry(number, op, RegistryWork::Put(key, value, expected)),
            Action::Delete(op, key, expected) => self.ask_registry(number, op, RegistryWork::Delete(key, expected)),
            Action::ReadChanges(after, most) => self.ask_registry(number, NO_OP, RegistryWork::Changes(after, most)),
            Action::Lease(entry) => self.lease(number, entry),
            Action::Unlease => {
                self.leases.remove(&self.nodes[number].name);
            }
            Action::Keep(order) => self.keep(number, order),
            Action::ReadOrders => self.after(self.options.registry, Happens::Orders(number)),
            Action::News(_) => {}
        }
    }

    /// The letter as it arrives; `None`: it does not.
    fn posted(&mut self, from: usize, to: usize, letter: Letter) -> Option<Letter> {
        let left = self.leaves_gaps && matches!(letter.message, Message::Again { .. });
        let lost = left || self.rng.random_range(0..1000) < self.options.lost_permille;
        if lost || !self.nodes[from].reaches_broker || self.cut.contains(&(from, to)) {
            return None;
        }
        if !self.options.through_json {
            return Some(letter);
        }
        let json = serde_json::to_vec(&letter).ok()?;
        self.totals.bytes += json.len() as u64;
        serde_json::from_slice(&json).ok()
    }

    fn letter_to(&mut self, to: usize, letter: Letter) {
        self.after(self.options.letter, Happens::Letter(to, letter));
    }

    fn keep(&mut self, number: usize, order: AdminOrder) {
        self.totals.registry += 1;
        if !self.nodes[number].reaches_broker {
            return self.nodes[number].state.on_not_kept(order);
        }
        let known = self.orders.entry(order_key(&order)).or_insert_with(|| order.clone());
        if known.at_ms <= order.at_ms {
            *known = order;
        }
    }

    fn lease(&mut self, number: usize, entry: NodeEntry) {
        self.totals.leases += 1;
        if !self.nodes[number].reaches_broker {
            return;
        }
        let revision = self.registry.next_revision();
        let entry = Arc::new(entry);
        let kept = (Arc::clone(&entry), revision, self.now);
        self.leases.insert(entry.node.name.clone(), kept);
        if self.options.leases_together {
            self.after(self.options.registry, Happens::Nodes(number, entry, revision));
            return;
        }
        for to in 0..self.nodes.len() {
            if to != number && self.nodes[to].alive && !self.cut.contains(&(number, to)) {
                self.after(self.options.registry, Happens::Node(to, Arc::clone(&entry), revision));
            }
        }
    }

    fn ask_registry(&mut self, number: usize, op: OpId, work: RegistryWork) {
        self.totals.registry += 1;
        self.totals.reads += u64::from(matches!(work, RegistryWork::Get(_)));
        let turns = self.options.registry_turns;
        let node = &mut self.nodes[number];
        if turns > 0 && node.asking >= turns {
            node.waiting.push_back((op, work));
        } else {
            self.begin_work(number, op, work);
        }
    }

    /// What a node asks of the registry is on its way there.
    pub(super) fn begin_work(&mut self, number: usize, op: OpId, work: RegistryWork) {
        let node = &mut self.nodes[number];
        node.asking += 1;
        let life = node.life;
        self.after(self.options.registry, Happens::Registry(number, life, op, work));
    }

    /// The registry does its work, and answers if it can be reached and is not too busy.
    pub(super) fn work(&mut self, from: usize, life: u64, op: OpId, work: RegistryWork) {
        if !self.nodes[from].reaches_broker {
            let answer = work.unavailable();
            return self.queue.put(self.now + PATIENCE, Happens::Answered(from, life, op, answer));
        }
        let wait = self.registry.turn(self.now, self.options.registry_a_second);
        if wait > PATIENCE {
            let answer = work.unavailable();
            self.registry.work(self.now, work);
            return self.queue.put(self.now + PATIENCE, Happens::Answered(from, life, op, answer));
        }
        let answer = self.registry.work(self.now, work);
        if let RegistryAnswer::Changed(Ok(Some(keys))) = &answer {
            // Each is a message, which costs less than a question.
            for _ in 0..keys.len() / CHANGES_A_TURN {
                self.registry.turn(self.now, self.options.registry_a_second);
            }
        }
        let (least, most) = self.options.registry;
        self.after((least + wait, most + wait), Happens::Answered(from, life, op, answer));
    }

    pub(super) fn wake(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let Some(next) = node.state.next_deadline() else {
            return;
        };
        if node.woken_at.is_none_or(|at| next < at) {
            node.woken_at = Some(next);
            let life = node.life;
            self.queue.put(next.max(self.now), Happens::Wake(number, life));
        }
    }

    pub(super) fn after(&mut self, (from, to): (Duration, Duration), happens: Happens) {
        let wait = if to > from {
            Duration::from_micros(self.rng.random_range(from.as_micros() as u64..=to.as_micros() as u64))
        } else {
            from
        };
        self.queue.put(self.now + wait, happens);
    }
}
