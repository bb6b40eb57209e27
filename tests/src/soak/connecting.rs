//! The media of the clients, as seen from the one who holds all strings: offers, answers, counts.

use std::time::{Duration, Instant};

use express_bench_forwarder::{crowd::MemberId, tally::Traffic};
use express_messages::{
    ids::StreamId,
    room::{PlayStream, PublishStream, RequestError, SdpAnswer},
};

use super::{
    client::{Presence, Stage},
    media::{News, Order, Try, place},
    world::{Note, TOO_LONG, World, is_older},
};

/// DTLS may take so long.
const CONNECT: Duration = Duration::from_secs(10);
/// A request that failed is made again after.
pub(super) const AGAIN: Duration = Duration::from_millis(300);
/// Clients that read later than this are too slow to judge the server by ...
const IN_TIME: Duration = Duration::from_millis(250);
/// ... and for so long after.
const CALM_AGAIN: Duration = Duration::from_secs(3);
/// Who hears nothing for so long makes another connection, as a player does.
const DEAF: Duration = Duration::from_secs(6);

impl World {
    /// A machine that has no time for the clients says nothing of the server.
    fn note_waited(&mut self, waited: Duration, now: Instant) {
        if waited > IN_TIME {
            self.busy_until = now + CALM_AGAIN;
            self.report.busy_looks += 1;
        }
    }

    pub(super) fn on_media(&mut self, news: News, now: Instant) {
        match news {
            News::Offer(which, member, offer) => self.on_offer(which, member, offer),
            News::Looks(looks, waited) => {
                self.note_waited(waited, now);
                for (member, look) in looks {
                    let client = self.by_member.get(&member).copied();
                    let client = client.filter(|client| self.clients[*client].media.member == Some(member));
                    match (client, look) {
                        (Some(client), Some(look)) => {
                            let media = &mut self.clients[client].media;
                            media.heard_ns = look.heard_ns;
                            if look.connected && matches!(media.stage, Stage::Connects(_)) {
                                self.on_connected(client, member);
                            }
                        }
                        (Some(client), None) => self.connect_again(client, now),
                        (None, _) => {}
                    }
                }
            }
            News::Accounts(accounts) => {
                for (member, traffic) in accounts {
                    self.on_account(member, &traffic);
                }
            }
            News::Problem(what) => self.report.remark(what),
        }
    }

    fn on_account(&mut self, member: MemberId, traffic: &Traffic) {
        if let Some(what) = self.report.note_traffic(traffic) {
            let user = self
                .by_member
                .get(&member)
                .map_or("?", |client| self.clients[*client].user.as_str());
            let what = format!("{user} {what}");
            self.report.problem(what);
        }
    }

    fn on_offer(&mut self, which: Try, member: MemberId, offer: String) {
        let (id, number) = which;
        let client = &mut self.clients[id];
        let wanted = client.media.number == number && client.media.stage == Stage::Asks;
        let Some(link) = client.link.clone().filter(|_| wanted) else {
            return self.media.order(Order::Vanish(member));
        };
        client.media.member = Some(member);
        self.by_member.insert(member, id);
        let stream_id = StreamId::new(format!("room-{}", client.room)).expect("the name is in order");
        let (tell, talks) = (self.tell.clone(), client.talks);
        actix_rt::spawn(async move {
            let answer = match talks {
                true => {
                    let publish = PublishStream {
                        stream_id,
                        offer,
                        extra_info: String::new(),
                        muted: false,
                    };
                    link.publish.send(publish).await
                }
                false => {
                    let play = PlayStream {
                        stream_id,
                        offer,
                        loudest: None,
                    };
                    link.play.send(play).await
                }
            };
            // A program that has ended answers nothing.
            let _ = tell.send(Note::Answer(which, answer.unwrap_or(Err(RequestError::Disconnected))));
        });
    }

    pub(super) fn on_answer(&mut self, (id, number): Try, answer: Result<SdpAnswer, RequestError>, now: Instant) {
        let media = &mut self.clients[id].media;
        let (true, Some(member)) = (media.number == number && media.stage == Stage::Asks, media.member) else {
            return;
        };
        let again = match answer {
            Ok(answer) => {
                media.stage = Stage::Connects(now);
                return self.media.order(Order::Accept(member, answer.sdp));
            }
            Err(RequestError::Refused {
                retry_after: Some(after),
                ..
            }) => after,
            Err(RequestError::Refused { code, message, .. }) => {
                let user = self.clients[id].user.clone();
                self.report.problem(format!("{user}'s stream is refused: {message} ({code})"));
                TOO_LONG
            }
            Err(_) => AGAIN,
        };
        self.connect_again(id, now);
        self.clients[id].media.stage = Stage::Waits(now + again);
    }

    fn on_connected(&mut self, id: usize, member: MemberId) {
        self.clients[id].media.stage = Stage::Up;
        if self.clients[id].talks {
            self.media.order(Order::Speak(member, self.plan.packet_every));
        }
    }

    /// Gives the media connection up, and makes another as soon as that can be.
    pub(super) fn connect_again(&mut self, id: usize, now: Instant) {
        let media = &mut self.clients[id].media;
        media.number += 1;
        media.stage = Stage::Waits(now);
        (media.counted, media.heard_ns) = (false, 0);
        if let Some(member) = media.member.take() {
            self.by_member.remove(&member);
            self.media.order(Order::Vanish(member));
        }
    }

    pub(super) fn drive_media(&mut self, id: usize, now: Instant) {
        let room = self.room_name(self.clients[id].room);
        let client = &mut self.clients[id];
        if client.presence != (Presence::In { link: true }) {
            return;
        }
        match client.media.stage {
            Stage::Waits(at) if at <= now && (client.talks || client.streams.contains(&room)) => {
                client.media.number += 1;
                client.media.stage = Stage::Asks;
                let place = place(client.talks, &room, &client.user);
                self.media.order(Order::Invite((id, client.media.number), place));
            }
            Stage::Connects(since) if now > since + CONNECT => self.connect_again(id, now),
            Stage::Up if !client.talks && client.media.heard_ns > 0 && is_older(client.media.heard_ns, DEAF) => {
                self.connect_again(id, now);
            }
            _ => {}
        }
    }

    /// Ends the counts of these, which a fault is about to meet.
    pub(super) fn end_counts(&mut self, ids: &[usize]) {
        let mut members = Vec::new();
        for id in ids {
            let media = &mut self.clients[*id].media;
            if std::mem::take(&mut media.counted) {
                members.extend(media.member);
            }
        }
        self.media.order(Order::Account(members));
    }

    /// Asks how the members are.
    pub(super) fn look(&self) {
        let watched = self
            .clients
            .iter()
            .filter(|client| !matches!(client.media.stage, Stage::Asks));
        let members = watched.filter_map(|client| client.media.member).collect();
        self.media.order(Order::Look(members));
    }
}
