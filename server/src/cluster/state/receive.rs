//! Letters, questions and answers of other nodes.

use express_messages::types::StreamDeleteReason;

use super::letters::{Letter, Message, NodeLife, SectionId, Standing, Whole};
use super::room::Change;
use super::section::Taken;
use super::{Action, Asked, ClusterState, count};
use crate::rooms::cloud::{Fact, News, NodeName, Question, RelayRefusal, RoomName, Saying};
use crate::rooms::{Now, Ticket};

/// What was asked for is asked for again so late.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);
/// Facts of one letter.
const FACTS: usize = 64;

impl ClusterState {
    /// Another node wrote.
    pub(crate) fn on_letter(&mut self, now: Now, letter: Letter) -> Vec<Action> {
        let Letter { from, message } = letter;
        if from.name == self.entry.node.name {
            return Vec::new();
        }
        count(&mut self.counters.letters_received);
        if !self.nodes.hear(&from, now.mono) {
            count(&mut self.counters.letters_refused);
            return Vec::new();
        }
        match message {
            Message::Hello(standing) => self.hello(now, &from, standing),
            Message::Facts {
                room,
                section,
                first,
                facts,
            } => self.facts(now, &from, (room, section), first, facts),
            Message::Again { room, section, after } => self.again(&from.name, &room, section, after),
            Message::Whole(whole) => self.whole(now, &from, whole),
            Message::Without { room, upto } => self.without(now, &from, &room, upto),
            Message::Beat(standings) => {
                for standing in standings {
                    self.compare(now, &from, &standing);
                }
            }
            Message::Bye => self.bye(now, &from),
            Message::Info(room, info) => self.hear_said(&room, Saying::Info(info)),
            Message::Whisper(room, words) => {
                if self.rooms.get(&room).is_some_and(super::room::Room::is_open) {
                    self.actions.push(Action::News(News::Whispered(room, words)));
                }
            }
            Message::LoggedIn(login) => self.actions.push(Action::News(News::LoggedIn(login))),
            Message::Taken(stream) => {
                if self.claims.contains_key(&stream) {
                    self.add_job(super::ops::Job::Settle(stream));
                }
            }
            Message::Ordered { number, order } => self.ordered_elsewhere(now, &from, number, order),
            Message::OrdersAgain { after } => self.tell_orders_again(&from.name, after),
            Message::OrdersBefore { upto, orders } => self.orders_told_again(now, &from, upto, orders),
            Message::Report(stream, heard) => self.actions.push(Action::News(News::Reported(stream, heard))),
            // Questions and answers come by ways of their own.
            Message::Say { .. } | Message::Said { .. } | Message::Relay { .. } | Message::Relayed(_) => {
                count(&mut self.counters.letters_refused);
            }
        }
        self.take_actions()
    }

    /// Another node asks, and waits for an answer.
    pub(crate) fn on_question(&mut self, now: Now, question: Question, letter: Letter) -> Vec<Action> {
        count(&mut self.counters.letters_received);
        self.nodes.hear(&letter.from, now.mono);
        match letter.message {
            Message::Say { room, epoch, saying } => self.order_wanted(question, &room, epoch, saying),
            Message::Relay { stream, terms, loudest } => {
                let node = letter.from.name;
                self.actions.push(Action::News(News::RelayWanted {
                    question,
                    node,
                    stream,
                    terms,
                    loudest,
                }));
            }
            _ => count(&mut self.counters.letters_refused),
        }
        self.take_actions()
    }

    /// What a question came to; `None`: there is no answer.
    pub(crate) fn on_answer(&mut self, now: Now, ticket: Ticket, answer: Option<Letter>) -> Vec<Action> {
        if let Some(letter) = &answer {
            self.nodes.hear(&letter.from, now.mono);
        }
        let (from, answer) = answer.map(|letter| (letter.from, letter.message)).unzip();
        match self.asked.remove(&ticket) {
            Some(Asked::Relay { stream, ssrc }) => {
                let answer = match answer {
                    Some(Message::Relayed(answer)) => answer,
                    _ => Err(RelayRefusal::NoAnswer),
                };
                let news = News::RelayAnswer { stream, ssrc, answer };
                self.actions.push(Action::News(news));
            }
            Some(Asked::Order { ticket, room, saying }) => {
                let done = matches!(answer, Some(Message::Said { done: true, .. }));
                if let (
                    Some(from),
                    Some(Message::Said {
                        fact: Some((id, number)),
                        ..
                    }),
                ) = (from, answer)
                {
                    self.facts(now, &from, (room.clone(), id), number, vec![Fact::Said(saying.clone())]);
                }
                self.ordered(ticket, &room, saying, done);
            }
            None => {}
        }
        self.take_actions()
    }

    /// A node has opened a room: it hears what this one says about it, and is asked the same.
    fn hello(&mut self, now: Now, from: &NodeLife, standing: Standing) {
        if !self.rooms.contains_key(&standing.room) {
            self.send_without(&from.name, standing.room);
            return;
        }
        self.send_whole(&from.name, &standing.room);
        self.compare(now, from, &standing);
    }

    /// Asks for what is missing of a section, if something is.
    fn compare(&mut self, now: Now, from: &NodeLife, standing: &Standing) {
        let Some(room) = self.rooms.get_mut(&standing.room) else {
            self.send_without(&from.name, standing.room.clone());
            return;
        };
        // Who said it may be gone, and the sender may have heard it from nobody.
        let newer = room.info.as_ref().filter(|info| info.update_time_ms > standing.info_ms);
        let newer = newer.map(|info| Message::Info(standing.room.clone(), info.clone()));
        // Nearly all of what beats say is known: that is one look at the room.
        if let Some(section) = room.others.get_mut(&from.name)
            && section.id == standing.section
            && section.id.life == from.life
            && section.seq.is_some_and(|seq| seq >= standing.seq)
        {
            section.orphan_until = None;
            room.take_home(from, standing);
            newer.into_iter().for_each(|info| self.send(&from.name, info));
            return;
        }
        let Some(section) = self.section_of(now, &standing.room, from, standing.section) else {
            return;
        };
        section.orphan_until = None;
        let seq = section.seq;
        if let Some(room) = self.rooms.get_mut(&standing.room) {
            room.take_home(from, standing);
        }
        newer.into_iter().for_each(|info| self.send(&from.name, info));
        match seq {
            None if standing.seq == 0 => {
                // There is nothing yet, and nothing of an earlier life holds any more.
                let whole = Whole {
                    standing: standing.clone(),
                    part: 0,
                    parts: 1,
                    members: Vec::new(),
                    streams: Vec::new(),
                    info: None,
                };
                self.whole(now, from, whole);
            }
            Some(seq) if seq >= standing.seq => {}
            after => self.ask_again(now, from, (&standing.room, standing.section), after),
        }
    }

    fn ask_again(&mut self, now: Now, from: &NodeLife, (room, id): (&RoomName, SectionId), after: Option<u64>) {
        let Some(section) = self.section_of(now, room, from, id) else {
            return;
        };
        let lately = section.asked.is_some_and(|asked| now.mono.saturating_sub(asked) < ASK_AGAIN);
        if lately {
            return;
        }
        section.asked = Some(now.mono);
        count(&mut self.counters.gaps);
        let (room, section) = (room.clone(), id);
        self.send(&from.name, Message::Again { room, section, after });
    }

    fn facts(&mut self, now: Now, from: &NodeLife, (name, id): (RoomName, SectionId), first: u64, facts: Vec<Fact>) {
        if !self.rooms.contains_key(&name) {
            self.send_without(&from.name, name);
            return;
        }
        self.counters.facts_received = self.counters.facts_received.saturating_add(facts.len() as u64);
        let Some(section) = self.section_of(now, &name, from, id) else {
            return;
        };
        section.orphan_until = None;
        // What an earlier life said is replaced by a whole alone.
        let fresh = section.seq.is_some() || section.standings == super::section::Standings::default();
        let taken = if fresh { section.take(first, facts) } else { Taken::Gap(None) };
        let is_greeted = |room: &super::room::Room| room.greeted.contains_key(&from.name);
        if taken == Taken::Gap(None) && self.rooms.get(&name).is_some_and(is_greeted) {
            // The whole is on its way; what it has not is asked for then.
            return;
        }
        match taken {
            Taken::Touched(touched) => {
                let mut changes = Vec::new();
                if let Some(room) = self.rooms.get_mut(&name) {
                    room.refresh(&from.name, touched, &mut changes);
                }
                self.tell_changes(&name, changes);
            }
            Taken::Gap(after) => self.ask_again(now, from, (&name, id), after),
        }
    }

    /// A node has missed something of this one's section.
    fn again(&mut self, from: &NodeName, name: &RoomName, id: SectionId, after: Option<u64>) {
        let Some(room) = self.rooms.get(name) else {
            self.send_without(from, name.clone());
            return;
        };
        let since = after
            .filter(|_| room.own.id == id)
            .and_then(|after| Some((after, room.own.since(after)?)));
        let Some((after, facts)) = since else {
            self.send_whole(from, name);
            return;
        };
        let section = room.own.id;
        for (number, some) in facts.chunks(FACTS).enumerate() {
            let message = Message::Facts {
                room: name.clone(),
                section,
                first: after + 1 + (number * FACTS) as u64,
                facts: some.to_vec(),
            };
            self.send(from, message);
        }
    }

    fn send_whole(&mut self, to: &NodeName, name: &RoomName) {
        let Some(room) = self.rooms.get(name) else {
            return;
        };
        for part in room.own.whole(&room.standing(name), room.info.as_ref()) {
            count(&mut self.counters.wholes_sent);
            self.send(to, Message::Whole(part));
        }
    }

    fn whole(&mut self, now: Now, from: &NodeLife, whole: Whole) {
        let name = whole.standing.room.clone();
        let Some(section) = self.section_of(now, &name, from, whole.standing.section) else {
            return;
        };
        let before = section.seq;
        let standing = whole.standing.clone();
        let Some((touched, info)) = section.take_whole(whole) else {
            return;
        };
        if let Some(before) = before {
            let missed = standing.seq.saturating_sub(before);
            self.counters.sayings_lost = self.counters.sayings_lost.saturating_add(missed);
        }
        let mut changes = Vec::new();
        if let Some(room) = self.rooms.get_mut(&name) {
            room.greeted.remove(&from.name);
            room.take_home(from, &standing);
            room.refresh(&from.name, touched, &mut changes);
            if let Some(info) = info
                && room.take_info(info.clone())
            {
                changes.push(Change::Said(Saying::Info(info)));
            }
        }
        self.tell_changes(&name, changes);
        self.open_if_greeted(now, &name);
    }

    fn without(&mut self, now: Now, from: &NodeLife, name: &RoomName, upto: SectionId) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if room.others.get(&from.name).is_some_and(|section| section.id > upto) {
            return;
        }
        room.greeted.remove(&from.name);
        // Who was in it before the node began anew may come back.
        self.note_life(now, name, from);
        self.rehome(name, &from.name);
        self.section_over(name, &from.name, StreamDeleteReason::Stopped);
        self.open_if_greeted(now, name);
    }
}
