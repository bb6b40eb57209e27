//! Carries out what [`Publication`] decides.

use std::{sync::Arc, time::Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, ResponseActFuture, SpawnHandle,
    StreamHandler, WrapFuture,
};
use express_messages::{
    ExitGuard, ZegoError,
    audio_device::{AttachSink, DetachSink, SinkId},
    codes,
    ice::IceServer,
    publisher::{
        NoteListeners, NotePublisherMuted, PublisherEvent, PublisherLink, PublisherLinkRestored, PublisherOptions,
        PublisherPeers, SetPublisherExtraInfo, StopPublisher,
    },
    room::{GetIceServers, MuteStream, PublishStream, RequestError, SetStreamExtraInfo, UnpublishStream},
    stats::ListenerReport,
};
use futures::{StreamExt, channel::mpsc};

mod link;

use super::{
    extra_info::ExtraInfo,
    feedback::Feedback,
    state::{Effect, Publication},
};
use crate::{
    quality::PublishQuality,
    rtp::{RtpStart, SendControl, SendPipeline, SendPlan, SendStats, send_pipeline},
    transport::{MediaTransport, OPUS_PAYLOAD_TYPE, PublishOffer, SendPackets, TransportEvent, TransportFactory, TransportStats},
};

/// Starts one publication on this thread's arbiter.
pub(crate) fn start(
    options: PublisherOptions,
    events: Recipient<PublisherEvent>,
    peers: PublisherPeers,
    transports: Arc<dyn TransportFactory>,
) -> PublisherLink {
    PublisherActor::new(options, events, peers, transports).start().into()
}

/// One published stream.
struct PublisherActor {
    owner: ExitGuard<PublisherEvent>,
    peers: PublisherPeers,
    transports: Arc<dyn TransportFactory>,
    options: PublisherOptions,
    extra_info: ExtraInfo,
    state: Publication,
    /// What `started` is to carry out.
    first: Vec<Effect>,
    /// `None` where the encoder could not be made.
    pipeline: Option<Pipeline>,
    quality: PublishQuality,
    feedback: Feedback,
    /// How the stream is sent now.
    plan: SendPlan,
    /// What the server told last of the listeners, and when.
    listeners: Option<(ListenerReport, Instant)>,
    ssrc: u32,
    sink: Option<SinkId>,
    transport: Option<Arc<dyn MediaTransport>>,
    /// The connection that is kept until there is another.
    former: Option<Arc<dyn MediaTransport>>,
    timer: Option<SpawnHandle>,
    watch: Option<SpawnHandle>,
}

/// The handles of the sending pipeline; the sink itself goes to the audio device role.
struct Pipeline {
    sink: Option<SendPipeline>,
    packets: SendPackets,
    control: SendControl,
    stats: SendStats,
}

impl PublisherActor {
    fn new(
        options: PublisherOptions,
        events: Recipient<PublisherEvent>,
        peers: PublisherPeers,
        transports: Arc<dyn TransportFactory>,
    ) -> Self {
        let (mut state, mut first) = Publication::start(now(), options.timings.clone());
        let ssrc = rand::random();
        let rtp = RtpStart {
            ssrc,
            payload_type: OPUS_PAYLOAD_TYPE,
            sequence: rand::random::<u16>() >> 1,
            timestamp: rand::random(),
        };
        let asked_bps = options.encoder.bitrate_kbps.saturating_mul(1_000);
        let pipeline = match send_pipeline(&options.encoder, rtp) {
            Ok((sink, packets, control, stats)) => Some(Pipeline {
                sink: Some(sink),
                packets: Arc::new(tokio::sync::Mutex::new(packets)),
                control,
                stats,
            }),
            Err(error) => {
                // PUBLISH_REQUESTING is the first event in any case.
                first.truncate(1);
                first.extend(state.on_stop(codes::PUBLISHER_INNER_ERROR, &error.to_string()));
                None
            }
        };
        Self {
            owner: ExitGuard::new(events, |panicked| PublisherEvent::Exited { panicked }),
            peers,
            transports,
            feedback: Feedback::new(asked_bps, options.encoder.frame),
            plan: SendPlan::plain(asked_bps),
            extra_info: ExtraInfo::new(options.extra_info.clone()),
            options,
            state,
            first,
            pipeline,
            quality: PublishQuality::new(now()),
            listeners: None,
            ssrc,
            sink: None,
            transport: None,
            former: None,
            timer: None,
            watch: None,
        }
    }
}

impl Actor for PublisherActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let first = std::mem::take(&mut self.first);
        self.carry_out(first, ctx);
    }
}

impl Handler<StopPublisher> for PublisherActor {
    type Result = ();

    fn handle(&mut self, stop: StopPublisher, ctx: &mut Self::Context) {
        let effects = self.state.on_stop(stop.code, &stop.message);
        self.carry_out(effects, ctx);
    }
}

impl Handler<PublisherLinkRestored> for PublisherActor {
    type Result = ();

    fn handle(&mut self, link: PublisherLinkRestored, ctx: &mut Self::Context) {
        let effects = self.state.on_link_restored(link.session, now());
        self.carry_out(effects, ctx);
    }
}

impl Handler<NotePublisherMuted> for PublisherActor {
    type Result = ();

    fn handle(&mut self, muted: NotePublisherMuted, _: &mut Self::Context) {
        self.options.muted = muted.0;
        // Where the server does not have the stream yet, the next offer says it.
        self.peers.mute.do_send(MuteStream {
            stream_id: self.options.stream_id.clone(),
            muted: muted.0,
        });
    }
}

impl Handler<NoteListeners> for PublisherActor {
    type Result = ();

    fn handle(&mut self, NoteListeners(report): NoteListeners, _: &mut Self::Context) {
        self.listeners = Some((report, now()));
        let plan = self.feedback.on_listeners(&report, now());
        self.send_by(plan);
    }
}

impl Handler<SetPublisherExtraInfo> for PublisherActor {
    type Result = ResponseActFuture<Self, Result<(), RequestError>>;

    fn handle(&mut self, SetPublisherExtraInfo(extra_info): SetPublisherExtraInfo, _: &mut Self::Context) -> Self::Result {
        self.extra_info.ask(&extra_info);
        let asked = self.peers.extra_info.send(SetStreamExtraInfo {
            stream_id: self.options.stream_id.clone(),
            extra_info: extra_info.clone(),
        });
        Box::pin(asked.into_actor(self).map(move |answer, this, _| {
            let answer = answer.unwrap_or(Err(RequestError::Disconnected));
            this.extra_info.answered(extra_info, answer.is_ok());
            answer
        }))
    }
}

/// What a transport told, and which try it belongs to.
struct FromTransport(u32, TransportEvent);

impl StreamHandler<FromTransport> for PublisherActor {
    fn handle(&mut self, FromTransport(attempt, event): FromTransport, ctx: &mut Self::Context) {
        let effects = self.state.on_transport(attempt, event, now(), rand::random());
        self.carry_out(effects, ctx);
    }

    /// The transport is gone; the actor is not.
    fn finished(&mut self, _: &mut Self::Context) {}
}

/// The local stream is heard, or cannot be. Sent by the task that asked for it.
#[derive(Message)]
#[rtype(result = "()")]
struct Attached(Result<SinkId, ZegoError>);

impl Handler<Attached> for PublisherActor {
    type Result = ();

    fn handle(&mut self, Attached(attached): Attached, ctx: &mut Self::Context) {
        match attached {
            Ok(sink) => self.sink = Some(sink),
            Err(error) => {
                let effects = self.state.on_attach_failed(&error);
                self.carry_out(effects, ctx);
            }
        }
    }
}

impl PublisherActor {
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Emit(state, code, extended_data) => {
                    tracing::debug!(stream = %self.options.stream_id, %state, code, extended_data, "publisher");
                    self.owner.tell(PublisherEvent::StateChanged {
                        state,
                        code,
                        extended_data,
                    });
                }
                Effect::Attach => self.attach(ctx),
                Effect::Open(attempt) => self.open(attempt, ctx),
                Effect::Exchange(attempt, offer) => self.exchange(attempt, offer, ctx),
                Effect::Apply(attempt, answer) => self.apply(attempt, answer, ctx),
                Effect::Send => self.send(ctx),
                Effect::Report(attempt) => self.report(attempt, ctx),
                Effect::Close => {
                    self.stop_sending(ctx);
                    close(self.former.take());
                    close(self.transport.take());
                }
                Effect::Keep => close(std::mem::replace(&mut self.former, self.transport.take())),
                Effect::Discard => close(self.transport.take()),
                Effect::Retire => {
                    self.stop_sending(ctx);
                    close(self.former.take());
                }
                Effect::Unpublish => self.peers.unpublish.do_send(UnpublishStream {
                    stream_id: self.options.stream_id.clone(),
                }),
                Effect::End => ctx.stop(),
            }
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

    /// Asks for the local stream. The answer is waited for outside of this actor, so that a sink that comes after its end is
    /// given back.
    fn attach(&mut self, ctx: &Context<Self>) {
        let Some(sink) = self.pipeline.as_mut().and_then(|pipeline| pipeline.sink.take()) else {
            return;
        };
        let asked = self.peers.attach.send(AttachSink {
            local_stream: self.options.local_stream,
            sink: Box::new(sink),
        });
        let (me, detach) = (ctx.address(), self.peers.detach.clone());
        actix::spawn(async move {
            let attached = asked.await.unwrap_or_else(|_| Err(no_audio_device()));
            let sink = attached.as_ref().ok().copied();
            if me.send(Attached(attached)).await.is_err()
                && let Some(sink) = sink
            {
                detach.do_send(DetachSink(sink));
            }
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
        let offer = PublishOffer {
            ssrc: self.ssrc,
            channels: self.options.encoder.channels,
        };
        let transport = self.transports.publish(offer, pipeline.packets.clone(), ice_servers, events);
        self.transport = Some(transport.clone());
        let offered = async move { transport.offer().await }.into_actor(self);
        ctx.spawn(offered.map(move |offer, this, ctx| {
            let effects = this.state.on_offer(attempt, offer, now(), rand::random());
            this.carry_out(effects, ctx);
        }));
    }

    fn exchange(&self, attempt: u32, offer: String, ctx: &mut Context<Self>) {
        let asked = self.peers.publish.send(PublishStream {
            stream_id: self.options.stream_id.clone(),
            offer,
            extra_info: self.extra_info.current().to_owned(),
            muted: self.options.muted,
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

    fn send(&mut self, ctx: &mut Context<Self>) {
        // It gives the packets over.
        close(self.former.take());
        let plan = self.feedback.reconnected();
        self.send_by(plan);
        if let Some(pipeline) = &self.pipeline {
            pipeline.control.set_active(true);
        }
        self.watch_link(ctx);
        // The interval of the first report begins here.
        self.measure(TransportStats::default());
    }

    fn stop_sending(&mut self, ctx: &mut Context<Self>) {
        if let Some(watch) = self.watch.take() {
            ctx.cancel_future(watch);
        }
        if let Some(pipeline) = &self.pipeline {
            pipeline.control.set_active(false);
        }
    }
}

fn close(transport: Option<Arc<dyn MediaTransport>>) {
    if let Some(transport) = transport {
        // It takes up to 100 ms, and nobody waits for it.
        actix::spawn(async move { transport.close().await });
    }
}

impl Drop for PublisherActor {
    /// The sink goes back whether the actor stopped or panicked.
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            self.peers.detach.do_send(DetachSink(sink));
        }
    }
}

fn no_audio_device() -> ZegoError {
    ZegoError::new(codes::PUBLISHER_INNER_ERROR, "the audio device role is gone")
}

/// The one clock of this file; follows a paused tokio clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
