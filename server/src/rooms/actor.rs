//! Carries the decisions of [`RoomsState`] out: to sockets, to the media plane, in time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::{Actor, Context, Handler, MessageResult, ResponseFuture};
use express_signalling::protocol::IceServer;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::admin::{AdminCall, AdminFault, Begun};
use super::cloud::Cloud;
use super::hosts::Hosts;
use super::mail::{
    Admin, CloudNews, Connect, ConnectionLink, Disconnected, Drain, DrainNow, GetCounters, GetIceServers, Host, Incoming,
    MediaNews, OnResource, Outgoing,
};
use super::{
    BusinessServers, CloseReason, ConnectionId, Effect, HostRefusal, Hosted, MediaPlane, Negotiation, Now, RoomsState,
    SharedNotice, StateOptions, Ticket,
};
use crate::alarm::{Alarm, Woken};
use crate::forwarder::MediaRequest;

/// Requests that wait for the actor, from all sockets; a socket waits for its turn and is not read meanwhile.
const MAILBOX: usize = 1024;

/// How the actor is made.
pub struct RoomsOptions {
    /// What it decides by.
    pub state: StateOptions,
    /// What carries media.
    pub media: Box<dyn MediaPlane>,
    /// What tells business servers.
    pub business: Box<dyn BusinessServers>,
    /// The other nodes; nothing is asked of them where [`StateOptions::cloud`] is `None`.
    pub cloud: Box<dyn Cloud>,
    /// Dropped with the actor, however it ends: a server without rooms must not live on.
    pub alive: oneshot::Sender<()>,
}

impl fmt::Debug for RoomsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomsOptions")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What becomes of a call that waited, with the number that it waited for.
type WaitingCall = Box<dyn FnOnce(&mut RoomsActor, Result<u64, ()>, &mut Context<RoomsActor>)>;
/// The way back to who asked.
type Answer<C> = oneshot::Sender<Result<<C as AdminCall>::Ok, AdminFault>>;

/// Owner of [`RoomsState`]; one for each server.
pub struct RoomsActor {
    state: RoomsState,
    media: Box<dyn MediaPlane>,
    business: Box<dyn BusinessServers>,
    cloud: Box<dyn Cloud>,
    links: HashMap<ConnectionId, ConnectionLink>,
    hosts: Hosts,
    /// Calls of business servers that wait for other nodes.
    calls: HashMap<Ticket, WaitingCall>,
    last_connection: u64,
    started: Instant,
    wall_clock: fn() -> SystemTime,
    /// When the state will be woken.
    alarm: Alarm,
    _alive: oneshot::Sender<()>,
}

impl fmt::Debug for RoomsActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomsActor")
            .field("sockets", &self.links.len())
            .finish_non_exhaustive()
    }
}

impl RoomsActor {
    /// No rooms, no sockets.
    pub fn new(options: RoomsOptions) -> Self {
        Self {
            state: RoomsState::new(options.state),
            media: options.media,
            business: options.business,
            cloud: options.cloud,
            links: HashMap::new(),
            hosts: Hosts::default(),
            calls: HashMap::new(),
            last_connection: 0,
            started: Instant::now(),
            wall_clock: SystemTime::now,
            alarm: Alarm::default(),
            _alive: options.alive,
        }
    }

    /// The same with another wall clock than the system's, which tokens are judged by. For tests in virtual time.
    #[must_use]
    pub fn with_wall_clock(mut self, wall_clock: fn() -> SystemTime) -> Self {
        self.wall_clock = wall_clock;
        self
    }

    /// The one place that reads the clocks.
    fn now(&self) -> Now {
        let unix = (self.wall_clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Instant::now().saturating_duration_since(self.started),
            unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Reply { connection, frame } => self.send(connection, Outgoing::Text(frame.to_text())),
                Effect::Event { connection, seq, event } => self.send(connection, Outgoing::Text(event.frame(seq))),
                Effect::Notice { connection, notice } => self.send_notice(connection, &notice),
                Effect::Close { connection, reason } => self.send(connection, Outgoing::Close(reason)),
                Effect::Negotiate(negotiation) => effects.extend(self.negotiate(&negotiation)),
                Effect::RemovePeer(peer) => self.media.remove(peer),
                Effect::RestartIce { ticket, peer, remote } => {
                    let outcome = self.media.restart_ice(peer, remote);
                    effects.extend(self.state.on_restarted(ticket, outcome));
                }
                Effect::Hosted { ticket, outcome } => self.hosts.answer(ticket, outcome),
                Effect::ResourceEnded(resource) => self.hosts.give_back(&resource),
                Effect::Business(event) => {
                    let at = self.now().unix_ms;
                    self.business.tell(at, event);
                }
                Effect::PausePlayer { peer, paused } => self.media.set_player_paused(peer, paused),
                Effect::Wish(wish) => self.cloud.wish(wish),
                Effect::CallGoesOn(ticket, number) => {
                    if let Some(go_on) = self.calls.remove(&ticket) {
                        go_on(self, number, ctx);
                    }
                }
                Effect::TakeRelay { stream, group } => {
                    let outcome = self.media.take_relay(stream, group);
                    effects.extend(self.state.on_relay_taken(self.now(), stream, outcome));
                }
                Effect::SetRelaySource { peer, from } => self.media.set_relay_source(peer, from),
                Effect::SendRelay(wanted) => {
                    let outcome = self
                        .media
                        .send_relay(wanted.stream, wanted.group, &wanted.terms, wanted.loudest);
                    effects.extend(self.state.on_relay_sent(self.now(), wanted, outcome));
                }
            }
        }
        Alarm::set(self, ctx);
    }

    fn serve_call<C: AdminCall>(&mut self, app_id: u32, call: C, answer: Answer<C>, ctx: &mut Context<Self>) {
        let (begun, effects) = self.state.begin_call(self.now(), app_id, call);
        match begun {
            // Who asked may have hung up.
            Begun::Done(done) => drop(answer.send(done)),
            Begun::WhenSaid(ticket, ok) => {
                let go_on = move |_: &mut Self, number: Result<u64, ()>, _: &mut Context<Self>| {
                    drop(answer.send(number.map(ok).map_err(|()| AdminFault::NotTaken)));
                };
                self.calls.insert(ticket, Box::new(go_on));
            }
        }
        self.carry_out(effects, ctx);
    }

    fn negotiate(&mut self, negotiation: &Negotiation) -> Vec<Effect> {
        let answer = self.media.answer(&MediaRequest {
            stream: negotiation.stream,
            group: negotiation.group,
            wish: negotiation.wish,
            offer: &negotiation.offer,
            certificates: negotiation.certificates,
        });
        self.state.on_negotiated(self.now(), negotiation.ticket, answer)
    }

    fn send(&mut self, connection: ConnectionId, outgoing: Outgoing) {
        let Some(link) = self.links.get(&connection) else {
            return;
        };
        match link.outgoing.try_send(outgoing) {
            // A socket that has ended says so itself.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                tracing::info!(connection = connection.0, "socket closed: its reader is too slow");
                self.state.on_slow_reader(connection);
                if let Some(link) = self.links.remove(&connection) {
                    let _ = link.kill.send(CloseReason::try_again_later("the reader is too slow"));
                }
            }
        }
    }

    /// A notice goes only where the reader keeps up: with a queue more than half full it is left out.
    fn send_notice(&mut self, connection: ConnectionId, notice: &SharedNotice) {
        let Some(link) = self.links.get(&connection) else {
            return;
        };
        if link.outgoing.capacity().saturating_mul(2) < link.outgoing.max_capacity() {
            self.state.on_notice_dropped();
        } else {
            self.send(connection, Outgoing::Text(notice.frame().into()));
        }
    }
}

impl Woken for RoomsActor {
    fn next_deadline(&self) -> Option<Duration> {
        self.state.next_deadline()
    }

    fn clock(&self) -> Duration {
        self.now().mono
    }

    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn on_alarm(&mut self, ctx: &mut Context<Self>) {
        let effects = self.state.on_time(self.now());
        self.carry_out(effects, ctx);
    }
}

impl Actor for RoomsActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Connect> for RoomsActor {
    type Result = MessageResult<Connect>;

    fn handle(&mut self, Connect(link): Connect, ctx: &mut Self::Context) -> Self::Result {
        self.last_connection = self.last_connection.saturating_add(1);
        let connection = ConnectionId(self.last_connection);
        let from = link.from;
        self.links.insert(connection, link);
        let effects = self.state.on_open(self.now(), connection);
        if let Some(from) = from {
            self.state.on_address(connection, from);
        }
        self.carry_out(effects, ctx);
        MessageResult(connection)
    }
}

impl Handler<Incoming> for RoomsActor {
    type Result = ();

    fn handle(&mut self, Incoming { connection, frame }: Incoming, ctx: &mut Self::Context) {
        let now = self.now();
        let effects = match frame {
            Ok((id, request)) => self.state.on_request(now, connection, id, request),
            Err(bad) => self.state.on_bad_frame(now, connection, bad),
        };
        self.carry_out(effects, ctx);
    }
}

impl Handler<Disconnected> for RoomsActor {
    type Result = ();

    fn handle(&mut self, Disconnected { connection, end }: Disconnected, ctx: &mut Self::Context) {
        self.links.remove(&connection);
        let effects = self.state.on_closed(self.now(), connection, end);
        self.carry_out(effects, ctx);
    }
}

impl Handler<Host> for RoomsActor {
    type Result = ResponseFuture<Result<Hosted, HostRefusal>>;

    fn handle(&mut self, Host { request, place }: Host, ctx: &mut Self::Context) -> Self::Result {
        let (ticket, answer) = self.hosts.wait(Some(place));
        let effects = self.state.on_host(self.now(), ticket, request);
        self.carry_out(effects, ctx);
        answer
    }
}

impl Handler<OnResource> for RoomsActor {
    type Result = ResponseFuture<Result<Hosted, HostRefusal>>;

    fn handle(&mut self, OnResource(request): OnResource, ctx: &mut Self::Context) -> Self::Result {
        let (ticket, answer) = self.hosts.wait(None);
        let effects = self.state.on_resource(self.now(), ticket, request);
        self.carry_out(effects, ctx);
        answer
    }
}

impl Handler<GetIceServers> for RoomsActor {
    type Result = Result<Vec<IceServer>, HostRefusal>;

    fn handle(&mut self, GetIceServers { app_id, bearer }: GetIceServers, _: &mut Self::Context) -> Self::Result {
        self.state.ice_servers_for(self.now(), app_id, &bearer)
    }
}

impl<C: AdminCall> Handler<Admin<C>> for RoomsActor {
    type Result = ResponseFuture<Result<C::Ok, AdminFault>>;

    fn handle(&mut self, Admin { app_id, call }: Admin<C>, ctx: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        let (wait, effects) = self.state.look_for_call(self.now(), app_id, &call);
        match wait {
            Some(ticket) => {
                let go_on = move |actor: &mut Self, _, ctx: &mut Context<Self>| actor.serve_call(app_id, call, answer, ctx);
                self.calls.insert(ticket, Box::new(go_on));
            }
            None => self.serve_call(app_id, call, answer, ctx),
        }
        self.carry_out(effects, ctx);
        Box::pin(async move { answered.await.unwrap_or(Err(AdminFault::NotTaken)) })
    }
}

impl Handler<MediaNews> for RoomsActor {
    type Result = ();

    fn handle(&mut self, MediaNews(event): MediaNews, ctx: &mut Self::Context) {
        let effects = self.state.on_media(self.now(), event);
        self.carry_out(effects, ctx);
    }
}

impl Handler<GetCounters> for RoomsActor {
    type Result = MessageResult<GetCounters>;

    fn handle(&mut self, _: GetCounters, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.state.counters())
    }
}

impl Handler<Drain> for RoomsActor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        let effects = self.state.drain();
        self.carry_out(effects, ctx);
    }
}

impl Handler<DrainNow> for RoomsActor {
    type Result = ();

    fn handle(&mut self, _: DrainNow, ctx: &mut Self::Context) {
        let effects = self.state.drain_now();
        self.carry_out(effects, ctx);
    }
}

impl Handler<CloudNews> for RoomsActor {
    type Result = ();

    fn handle(&mut self, CloudNews(news): CloudNews, ctx: &mut Self::Context) {
        let effects = self.state.on_news(self.now(), news);
        self.carry_out(effects, ctx);
    }
}
