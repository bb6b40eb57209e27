//! RoomActor: carries out what [`RoomState`] decides.

use std::{collections::HashMap, sync::Arc, time::Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, ActorStreamExt, AsyncContext, Context, Handler, ResponseFuture, SpawnHandle,
    fut::wrap_stream,
};
use express_messages::{
    ExitGuard, ZegoError,
    ice::IceServer,
    ids::UserId,
    room::{
        GetIceServers, Logout, MuteStream, PausePlayStream, PlayStream, PublishStream, RenewToken, ReportQuality, RequestError,
        RoomEvent, SdpAnswer, SendBarrageMessage, SendBroadcastMessage, SendCustomCommand, SetRoomExtraInfo, SetStreamExtraInfo,
        StopPlayStream, StopRoom, UnpublishStream,
    },
};
use futures::{StreamExt, channel::oneshot, stream};
use tokio::sync::mpsc::{Receiver, Sender, error::TrySendError};
use tracing::{Span, debug, warn};

use super::{
    link::{Connector, Incoming, LinkError, Outgoing},
    requests::{Answer, Ticket},
    state::{Effect, LinkId, RoomState},
};

/// Commands that may wait in the mailbox; each is small, and a burst of publishers and players fits.
const MAILBOX: usize = 256;

/// One login to one room. Started by [`Signalling`](super::Signalling), commanded through
/// [`RoomLink`](express_messages::room::RoomLink), and gone when the login is over.
pub struct RoomActor {
    owner: ExitGuard<RoomEvent>,
    connector: Arc<dyn Connector>,
    state: RoomState,
    span: Span,
    link: Option<OpenLink>,
    /// The second link, of a login that moves.
    beside: Option<OpenLink>,
    /// Waits for another network, as long as the state wants one.
    networks: Option<SpawnHandle>,
    alarm: Option<(Instant, SpawnHandle)>,
    waiting: HashMap<Ticket, Reply>,
    last_ticket: u64,
}

struct OpenLink {
    outgoing: Sender<Outgoing>,
    reading: SpawnHandle,
}

/// Whoever waits for an answer. Dropped without one, it says `Disconnected`.
type Reply = Box<dyn FnOnce(Result<Answer, RequestError>)>;

impl RoomActor {
    pub(super) fn new(state: RoomState, connector: Arc<dyn Connector>, owner: ExitGuard<RoomEvent>, span: Span) -> Self {
        Self {
            owner,
            connector,
            state,
            span,
            link: None,
            beside: None,
            networks: None,
            alarm: None,
            waiting: HashMap::new(),
            last_ticket: 0,
        }
    }

    /// Lets the state decide, then does what it wants, then sets the alarm for its next deadline.
    fn turn<R>(&mut self, ctx: &mut Context<Self>, decide: impl FnOnce(&mut RoomState, Instant) -> R) -> R {
        let span = self.span.clone();
        let _in_room = span.enter();
        let result = decide(&mut self.state, now());
        loop {
            let effects = self.state.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.carry_out(ctx, effect);
            }
        }
        self.set_alarm(ctx);
        self.watch_networks(ctx);
        result
    }

    fn carry_out(&mut self, ctx: &mut Context<Self>, effect: Effect) {
        match effect {
            Effect::Emit(event) => self.owner.tell(event),
            Effect::Connect { link, url } => self.link = Some(self.connect(ctx, link, &url)),
            Effect::ConnectBeside { link, url } => self.beside = Some(self.connect(ctx, link, &url)),
            Effect::Send(text) => self.send(Outgoing::Text(text)),
            Effect::SendBeside(text) => self.send_beside(text),
            Effect::Ping => self.send(Outgoing::Ping),
            Effect::HangUp => hang_up(ctx, self.link.take()),
            Effect::HangUpBeside => hang_up(ctx, self.beside.take()),
            Effect::Promote => {
                let beside = self.beside.take();
                hang_up(ctx, std::mem::replace(&mut self.link, beside));
            }
            Effect::Answer(ticket, answer) => self.answer(ticket, answer),
            Effect::End => ctx.stop(),
        }
    }

    fn connect(&self, ctx: &mut Context<Self>, id: LinkId, url: &str) -> OpenLink {
        let link = self.connector.connect(url);
        let frames = wrap_stream::<_, Self>(frames(link.incoming));
        let reading = frames
            .map(move |frame, actor, ctx| actor.on_incoming(ctx, id, frame))
            .finish();
        OpenLink {
            outgoing: link.outgoing,
            reading: ctx.spawn(reading.map(|(), _, _| ())),
        }
    }

    fn on_incoming(&mut self, ctx: &mut Context<Self>, link: LinkId, frame: Incoming) {
        self.turn(ctx, |state, now| match frame {
            Incoming::Opened => state.on_opened(link),
            Incoming::Text(text) => state.on_text(now, link, &text),
            Incoming::Alive => state.on_alive(now, link),
            Incoming::Closed(why) => state.on_closed(now, link, &why),
        });
    }

    fn send(&mut self, frame: Outgoing) {
        let Some(link) = &self.link else { return };
        // A closed queue means that `Closed` is under way; a full one is a socket that takes nothing any more.
        if let Err(TrySendError::Full(_)) = link.outgoing.try_send(frame) {
            warn!("the socket takes no more");
            self.state.on_stuck(now());
        }
    }

    /// A login or a logout into an empty queue. Were the queue closed, `Closed` would be under way.
    fn send_beside(&self, text: String) {
        if let Some(link) = &self.beside
            && let Err(error) = link.outgoing.try_send(Outgoing::Text(text))
        {
            debug!(%error, "the second socket takes nothing");
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Answer, RequestError>) {
        if let Some(reply) = self.waiting.remove(&ticket) {
            reply(answer);
        }
    }

    fn set_alarm(&mut self, ctx: &mut Context<Self>) {
        let next = self.state.next_deadline();
        if next == self.alarm.map(|(at, _)| at) {
            return;
        }
        if let Some((_, alarm)) = self.alarm.take() {
            ctx.cancel_future(alarm);
        }
        self.alarm = next.map(|at| {
            let wait = at.saturating_duration_since(now());
            let alarm = ctx.run_later(wait, |actor, ctx| {
                actor.alarm = None;
                actor.turn(ctx, RoomState::on_time);
            });
            (at, alarm)
        });
    }

    fn watch_networks(&mut self, ctx: &mut Context<Self>) {
        let wanted = self.state.wants_network();
        if wanted && self.networks.is_none() {
            let networks = wrap_stream::<_, Self>(self.connector.networks());
            let watching = networks.map(|(), actor, ctx| actor.turn(ctx, RoomState::on_network)).finish();
            self.networks = Some(ctx.spawn(watching));
        } else if !wanted && let Some(watching) = self.networks.take() {
            ctx.cancel_future(watching);
        }
    }

    /// Lets the state ask the server; `take` finds what the asker wants in the answer.
    fn ask<T: 'static>(
        &mut self,
        ctx: &mut Context<Self>,
        take: fn(Answer) -> Option<T>,
        decide: impl FnOnce(&mut RoomState, Instant, Ticket),
    ) -> ResponseFuture<Result<T, RequestError>> {
        let (sender, answer) = oneshot::channel();
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let reply = move |answer: Result<Answer, RequestError>| {
            if let Some(answer) = answer.map(take).transpose() {
                // An asker that no longer waits is no error.
                drop(sender.send(answer));
            }
        };
        self.waiting.insert(ticket, Box::new(reply));
        self.turn(ctx, |state, now| decide(state, now, ticket));
        // Without an answer the actor is gone.
        Box::pin(async move { answer.await.unwrap_or(Err(RequestError::Disconnected)) })
    }
}

fn hang_up(ctx: &mut Context<RoomActor>, link: Option<OpenLink>) {
    if let Some(link) = link {
        ctx.cancel_future(link.reading);
    }
}

/// The frames of a link; should whatever carries it die without a word, that is a frame too.
fn frames(mut incoming: Receiver<Incoming>) -> impl futures::Stream<Item = Incoming> {
    let frames = stream::poll_fn(move |cx| incoming.poll_recv(cx));
    frames.chain(stream::iter([Incoming::Closed(LinkError::Gone)]))
}

/// The one clock of this actor.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Actor for RoomActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.turn(ctx, RoomState::start);
    }
}

impl Handler<Logout> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Logout, ctx: &mut Self::Context) {
        self.turn(ctx, RoomState::logout);
    }
}

impl Handler<StopRoom> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: StopRoom, ctx: &mut Self::Context) {
        self.turn(ctx, |state, _| state.stop());
    }
}

impl Handler<RenewToken> for RoomActor {
    type Result = Result<(), ZegoError>;

    fn handle(&mut self, command: RenewToken, ctx: &mut Self::Context) -> Self::Result {
        self.turn(ctx, |state, now| state.renew_token(now, command.token))
    }
}

impl Handler<GetIceServers> for RoomActor {
    type Result = Vec<IceServer>;

    fn handle(&mut self, _: GetIceServers, _: &mut Self::Context) -> Self::Result {
        self.state.ice_servers.clone()
    }
}

/// Commands that the server answers: the answer that each asks for, and how the state carries it out.
macro_rules! asked {
    ($($command:ty => $answer:ty, $take:expr, $decide:expr;)*) => {
        $(impl Handler<$command> for RoomActor {
            type Result = ResponseFuture<Result<$answer, RequestError>>;

            fn handle(&mut self, command: $command, ctx: &mut Self::Context) -> Self::Result {
                let decide: fn(&mut RoomState, Instant, Ticket, $command) = $decide;
                self.ask(ctx, $take, |state, now, ticket| decide(state, now, ticket, command))
            }
        })*
    };
}

asked! {
    PublishStream => SdpAnswer, sdp, RoomState::publish;
    PlayStream => SdpAnswer, sdp, RoomState::play;
    PausePlayStream => (), done, RoomState::pause_play;
    SetStreamExtraInfo => (), done, RoomState::set_extra_info;
    SetRoomExtraInfo => (), done, RoomState::set_room_info;
    SendBroadcastMessage => u64, broadcast, RoomState::broadcast;
    SendBarrageMessage => String, barrage, RoomState::barrage;
    SendCustomCommand => Vec<UserId>, absent, RoomState::custom_command;
}

/// Commands that nobody waits for.
macro_rules! told {
    ($($command:ty => $decide:expr;)*) => {
        $(impl Handler<$command> for RoomActor {
            type Result = ();

            fn handle(&mut self, command: $command, ctx: &mut Self::Context) {
                let decide: fn(&mut RoomState, Instant, $command) = $decide;
                self.turn(ctx, |state, now| decide(state, now, command));
            }
        })*
    };
}

told! {
    UnpublishStream => |state, now, command| state.unpublish(now, command.stream_id);
    StopPlayStream => |state, now, command| state.stop_play(now, command.stream_id);
    MuteStream => |state, now, command| state.mute_stream(now, &command);
    ReportQuality => RoomState::report_quality;
}

fn sdp(answer: Answer) -> Option<SdpAnswer> {
    match answer {
        Answer::Sdp(sdp) => Some(sdp),
        _ => None,
    }
}

fn done(answer: Answer) -> Option<()> {
    matches!(answer, Answer::Done).then_some(())
}

fn broadcast(answer: Answer) -> Option<u64> {
    match answer {
        Answer::Broadcast(id) => Some(id),
        _ => None,
    }
}

fn barrage(answer: Answer) -> Option<String> {
    match answer {
        Answer::Barrage(id) => Some(id),
        _ => None,
    }
}

fn absent(answer: Answer) -> Option<Vec<UserId>> {
    match answer {
        Answer::Absent(users) => Some(users),
        _ => None,
    }
}

impl std::fmt::Debug for RoomActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomActor")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
