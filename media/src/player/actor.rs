//! Carries out what [`Playback`] decides.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseActFuture, SpawnHandle,
    StreamHandler, WrapFuture, fut,
};
use express_messages::{
    ExitGuard,
    audio_device::{AttachSource, DetachSource},
    codes,
    ice::IceServer,
    player::{
        MutePlayback, NoteUplink, PlaybackEnded, PlayerEvent, PlayerLink, PlayerLinkRestored, PlayerOptions, PlayerPeers,
        StopPlayer, StreamAppeared,
    },
    room::{GetIceServers, PausePlayStream, PlayStream, RequestError, StopPlayStream},
    stats::UplinkReport,
};
use futures::{StreamExt, channel::mpsc};

use super::state::{Effect, Playback};
use crate::{
    quality::{PlayQuality, PlayQualityInput},
    rtp::{ReceiveOptions, ReceivePipeline, ReceiveStats, receive_pipeline},
    transport::{MediaTransport, ReceivePackets, TransportEvent, TransportFactory},
};

/// Starts one playback on this thread's arbiter.
pub(crate) fn start(
    options: PlayerOptions,
    events: Recipient<PlayerEvent>,
    peers: PlayerPeers,
    transports: Arc<dyn TransportFactory>,
) -> PlayerLink {
    PlayerActor::new(options, events, peers, transports).start().into()
}

/// One played stream.
struct PlayerActor {
    owner: ExitGuard<PlayerEvent>,
    peers: PlayerPeers,
    transports: Arc<dyn TransportFactory>,
    options: PlayerOptions,
    state: Playback,
    /// What `started` is to carry out.
    first: Vec<Effect>,
    /// `None` where the decoder could not be made.
    pipeline: Option<Pipeline>,
    quality: PlayQuality,
    /// What the server told last of the publisher's part of the way.
    uplink: Option<UplinkReport>,
    attached: bool,
    transport: Option<Arc<dyn MediaTransport>>,
    /// The connection that is kept until there is another.
    former: Option<Arc<dyn MediaTransport>>,
    timer: Option<SpawnHandle>,
    awaiting: Option<SpawnHandle>,
}

/// The handles of the receiving pipeline; the source itself goes to the audio device role.
struct Pipeline {
    source: Option<ReceivePipeline>,
    packets: ReceivePackets,
    stats: ReceiveStats,
}

impl PlayerActor {
    fn new(
        options: PlayerOptions,
        events: Recipient<PlayerEvent>,
        peers: PlayerPeers,
        transports: Arc<dyn TransportFactory>,
    ) -> Self {
        let (mut state, mut first) = Playback::start(now(), options.timings.clone());
        let receive = ReceiveOptions {
            jitter_buffer_target: options.jitter_buffer_target,
            low_latency: options.low_latency,
            ..ReceiveOptions::default()
        };
        let pipeline = match receive_pipeline(receive) {
            Ok((source, packets, stats)) => Some(Pipeline {
                source: Some(source),
                packets: Arc::new(Mutex::new(packets)),
                stats,
            }),
            Err(error) => {
                // PLAY_REQUESTING is the first event in any case.
                first.truncate(1);
                first.extend(state.on_stop(codes::PLAYER_INTERNAL_EXCEPTION, &error.to_string()));
                None
            }
        };
        Self {
            owner: ExitGuard::new(events, |panicked| PlayerEvent::Exited { panicked }),
            peers,
            transports,
            options,
            state,
            first,
            pipeline,
            quality: PlayQuality::new(now()),
            uplink: None,
            attached: false,
            transport: None,
            former: None,
            timer: None,
            awaiting: None,
        }
    }
}

impl Actor for PlayerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let first = std::mem::take(&mut self.first);
        self.carry_out(first, ctx);
    }
}

impl Handler<StopPlayer> for PlayerActor {
    type Result = ();

    fn handle(&mut self, stop: StopPlayer, ctx: &mut Self::Context) {
        let effects = self.state.on_stop(stop.code, &stop.message);
        self.carry_out(effects, ctx);
    }
}

impl Handler<PlayerLinkRestored> for PlayerActor {
    type Result = ();

    fn handle(&mut self, link: PlayerLinkRestored, ctx: &mut Self::Context) {
        let effects = self.state.on_link_restored(link.session, now());
        self.carry_out(effects, ctx);
    }
}

impl Handler<StreamAppeared> for PlayerActor {
    type Result = ();

    fn handle(&mut self, _: StreamAppeared, ctx: &mut Self::Context) {
        let effects = self.state.on_appeared(now());
        self.carry_out(effects, ctx);
    }
}

impl Handler<PlaybackEnded> for PlayerActor {
    type Result = ();

    fn handle(&mut self, ended: PlaybackEnded, ctx: &mut Self::Context) {
        let effects = self.state.on_ended(ended.code, &ended.message, now(), rand::random());
        self.carry_out(effects, ctx);
    }
}

impl Handler<NoteUplink> for PlayerActor {
    type Result = ();

    fn handle(&mut self, NoteUplink(report): NoteUplink, _: &mut Self::Context) {
        self.uplink = Some(report);
    }
}

impl Handler<MutePlayback> for PlayerActor {
    type Result = ResponseActFuture<Self, Result<(), RequestError>>;

    fn handle(&mut self, MutePlayback(paused): MutePlayback, ctx: &mut Self::Context) -> Self::Result {
        let (asked, effects) = self.state.on_mute(paused, now());
        self.carry_out(effects, ctx);
        let Some(attempt) = asked else {
            return Box::pin(fut::ready(Ok(())));
        };
        let request = self.ask_pause(paused).into_actor(self);
        Box::pin(request.map(move |answer, this, ctx| {
            let (answer, effects) = this.state.on_mute_answered(attempt, paused, answer, now());
            this.carry_out(effects, ctx);
            answer
        }))
    }
}

/// What a transport told, and which try it belongs to.
struct FromTransport(u32, TransportEvent);

impl StreamHandler<FromTransport> for PlayerActor {
    fn handle(&mut self, FromTransport(attempt, event): FromTransport, ctx: &mut Self::Context) {
        let effects = self.state.on_transport(attempt, event, now(), rand::random());
        self.carry_out(effects, ctx);
    }

    /// The transport is gone; the actor is not.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl PlayerActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Emit(state, code, extended_data) => {
                    tracing::debug!(stream = %self.options.stream_id, %state, code, extended_data, "player");
                    self.owner.tell(PlayerEvent::StateChanged {
                        state,
                        code,
                        extended_data,
                    });
                }
                Effect::Negotiated => self.owner.tell(PlayerEvent::Negotiated),
                Effect::Open(attempt) => self.open(attempt, ctx),
                Effect::Exchange(attempt, offer) => self.exchange(attempt, offer, ctx),
                Effect::Apply(attempt, answer) => self.apply(attempt, answer, ctx),
                Effect::Attach => self.attach(),
                Effect::Pause(attempt, paused) => self.pause(attempt, paused, ctx),
                Effect::AwaitMedia(attempt) => self.await_media(attempt, ctx),
                Effect::Poll(attempt) => self.poll(attempt),
                Effect::Report(attempt) => self.report(attempt, ctx),
                Effect::Close => {
                    close(self.former.take());
                    self.discard(ctx);
                }
                Effect::Keep => close(std::mem::replace(&mut self.former, self.transport.take())),
                Effect::Discard => self.discard(ctx),
                Effect::Retire => close(self.former.take()),
                Effect::StopPlay => self.peers.stop_play.do_send(StopPlayStream {
                    stream_id: self.options.stream_id.clone(),
                }),
                Effect::End => ctx.stop(),
            }
        }
        if let Some(pipeline) = &self.pipeline {
            let packets = pipeline.packets.lock().unwrap_or_else(PoisonError::into_inner);
            packets.set_paused(self.state.is_paused());
        }
        self.arm(ctx);
    }

    /// One timer, for whatever is due first.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        self.timer = self.state.next_deadline().map(|due| {
            let wait = due.saturating_duration_since(now());
            ctx.run_later(wait, |this, ctx| {
                this.timer = None;
                let effects = this.state.on_time(now(), rand::random());
                this.carry_out(effects, ctx);
            })
        });
    }

    /// Each try has the ICE servers of its moment: their credentials expire.
    fn open(&self, attempt: u32, ctx: &mut Context<Self>) {
        let asked = self.peers.ice_servers.send(GetIceServers).into_actor(self);
        ctx.spawn(asked.map(move |servers, this, ctx| {
            // Without a room role there is still the direct way.
            this.open_with(attempt, &servers.unwrap_or_default(), ctx);
        }));
    }

    fn open_with(&mut self, attempt: u32, ice_servers: &[IceServer], ctx: &mut Context<Self>) {
        let Some(pipeline) = self.pipeline.as_ref().filter(|_| self.state.is_offering(attempt)) else {
            return;
        };
        let (events, incoming) = mpsc::unbounded();
        ctx.add_stream(incoming.map(move |event| FromTransport(attempt, event)));
        let transport = self.transports.play(pipeline.packets.clone(), ice_servers, events);
        self.transport = Some(transport.clone());
        let offered = async move { transport.offer().await }.into_actor(self);
        ctx.spawn(offered.map(move |offer, this, ctx| {
            let effects = this.state.on_offer(attempt, offer, now(), rand::random());
            this.carry_out(effects, ctx);
        }));
    }

    fn exchange(&self, attempt: u32, offer: String, ctx: &mut Context<Self>) {
        let asked = self.peers.play.send(PlayStream {
            stream_id: self.options.stream_id.clone(),
            offer,
            loudest: self.options.loudest,
        });
        ctx.spawn(asked.into_actor(self).map(move |answer, this, ctx| {
            // A room role that is gone is a link that is away: who stops the room stops us too.
            let answer = answer.unwrap_or(Err(RequestError::Disconnected));
            let effects = this.state.on_answer(attempt, answer, now(), rand::random());
            this.carry_out(effects, ctx);
        }));
    }

    fn apply(&self, attempt: u32, answer: String, ctx: &mut Context<Self>) {
        let Some(transport) = self.transport.clone() else { return };
        let applied = async move { transport.apply_answer(answer).await }.into_actor(self);
        ctx.spawn(applied.map(move |applied, this, ctx| {
            let effects = this.state.on_applied(attempt, applied, now(), rand::random());
            this.carry_out(effects, ctx);
        }));
    }

    fn attach(&mut self) {
        if let Some(source) = self.pipeline.as_mut().and_then(|pipeline| pipeline.source.take()) {
            self.attached = true;
            self.peers.attach.do_send(AttachSource {
                stream_id: self.options.stream_id.clone(),
                source: Box::new(source),
            });
        }
    }

    /// The server's word on stopping or resuming the audio.
    fn ask_pause(&self, paused: bool) -> impl Future<Output = Result<(), RequestError>> + 'static {
        let asked = self.peers.pause_play.send(PausePlayStream {
            stream_id: self.options.stream_id.clone(),
            paused,
        });
        async move { asked.await.unwrap_or(Err(RequestError::Disconnected)) }
    }

    /// Restores after a reconnect what the application wants. What fails is asked for again with the next report, the next
    /// link, or the next connection.
    fn pause(&self, attempt: u32, paused: bool, ctx: &mut Context<Self>) {
        let asked = self.ask_pause(paused).into_actor(self);
        ctx.spawn(asked.map(move |answer, this, _| match answer {
            Ok(()) => this.state.on_paused(attempt, paused),
            Err(error) => tracing::debug!(stream = %this.options.stream_id, %error, "the pause was not restored yet"),
        }));
    }

    fn await_media(&mut self, attempt: u32, ctx: &mut Context<Self>) {
        let Some(pipeline) = &self.pipeline else { return };
        let stats = pipeline.stats.clone();
        let decoded = async move { stats.next_decoded().await }.into_actor(self);
        let awaiting = ctx.spawn(decoded.map(move |(), this, ctx| {
            this.awaiting = None;
            let effects = this.state.on_decoded(attempt, now());
            this.carry_out(effects, ctx);
        }));
        if let Some(before) = self.awaiting.replace(awaiting) {
            ctx.cancel_future(before);
        }
    }

    fn poll(&mut self, attempt: u32) {
        if let Some(pipeline) = &self.pipeline {
            let decoded = pipeline.stats.snapshot().playout.packets_played;
            self.state.on_media(attempt, decoded, now());
        }
    }

    fn report(&self, attempt: u32, ctx: &mut Context<Self>) {
        let Some(transport) = self.transport.clone() else { return };
        let known = async move { transport.stats().await }.into_actor(self);
        ctx.spawn(known.map(move |known, this, _| {
            let Some(pipeline) = this.pipeline.as_ref().filter(|_| this.state.is_playing(attempt)) else {
                return;
            };
            let input = PlayQualityInput {
                snapshot: pipeline.stats.snapshot(),
                peak_level: pipeline.stats.take_peak_level(),
                round_trip_time: known.round_trip_time,
                uplink: this.uplink,
                muted: this.state.is_paused(),
                connected: this.state.hears_server(),
            };
            let (stats, interval) = this.quality.report(now(), &input);
            this.owner.tell(PlayerEvent::Quality(Box::new(stats)));
            this.owner.tell(PlayerEvent::Interval(interval));
        }));
    }

    fn discard(&mut self, ctx: &mut Context<Self>) {
        if let Some(awaiting) = self.awaiting.take() {
            ctx.cancel_future(awaiting);
        }
        close(self.transport.take());
    }
}

fn close(transport: Option<Arc<dyn MediaTransport>>) {
    if let Some(transport) = transport {
        // It takes up to 100 ms, and nobody waits for it.
        actix::spawn(async move { transport.close().await });
    }
}

impl Drop for PlayerActor {
    /// The source goes whether the actor stopped or panicked.
    fn drop(&mut self) {
        if self.attached {
            self.peers.detach.do_send(DetachSource(self.options.stream_id.clone()));
        }
    }
}

/// The one clock of this file; follows a paused tokio clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
