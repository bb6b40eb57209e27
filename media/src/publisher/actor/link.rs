//! What the actor measures of its link, what it tells of that, and how it sends by it.

use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use express_messages::{
    exceptions::PublishInterval,
    publisher::PublisherEvent,
    stats::{ListenerReport, ZegoPublishStats},
};

use super::{PublisherActor, now};
use crate::{
    quality::{PublishQualityInput, RemoteReport},
    rtp::SendPlan,
    transport::TransportStats,
};

/// The server repeats what does not change every 5 s; two may be lost.
const LISTENERS_COUNT_FOR: Duration = Duration::from_secs(15);

/// So often the link is looked at while published: an answer that is overdue has to be noticed before the queue is long.
const LINK_EVERY: Duration = Duration::from_millis(50);

impl PublisherActor {
    /// Looks at the link every 50 ms until the transport is closed; one look at a time.
    pub(super) fn watch_link(&mut self, ctx: &mut Context<Self>) {
        let sending = self.former.as_ref().or(self.transport.as_ref());
        let Some(transport) = sending.cloned() else { return };
        let look = async move {
            tokio::time::sleep(LINK_EVERY).await;
            transport.stats().await
        };
        let watch = ctx.spawn(look.into_actor(self).map(|known, this, ctx| {
            this.watch = None;
            if let Some(pipeline) = &this.pipeline {
                let sent = pipeline.stats.snapshot().packets;
                let plan = this.feedback.on_link(&known, sent, now());
                this.send_by(plan);
            }
            this.watch_link(ctx);
        }));
        if let Some(before) = self.watch.replace(watch) {
            ctx.cancel_future(before);
        }
    }

    /// How frames are encoded and protected from now on.
    pub(super) fn send_by(&mut self, plan: SendPlan) {
        if plan != self.plan {
            tracing::debug!(stream = %self.options.stream_id, ?plan, "sent in another way");
            self.plan = plan;
        }
        if let Some(pipeline) = &self.pipeline {
            pipeline.control.set_plan(plan);
        }
    }

    /// Tells the owner of the quality of this try.
    pub(super) fn report(&self, attempt: u32, ctx: &mut Context<Self>) {
        let Some(transport) = self.transport.clone() else { return };
        let known = async move { transport.stats().await }.into_actor(self);
        ctx.spawn(known.map(move |known, this, _| {
            if this.state.is_publishing(attempt)
                && let Some((stats, interval)) = this.measure(known)
            {
                this.owner.tell(PublisherEvent::Quality(stats));
                this.owner.tell(PublisherEvent::Interval(interval));
            }
        }));
    }

    /// The quality since the last call.
    pub(super) fn measure(&mut self, known: TransportStats) -> Option<(ZegoPublishStats, PublishInterval)> {
        let pipeline = self.pipeline.as_ref()?;
        let is_recent = |(_, at): &(ListenerReport, Instant)| now().saturating_duration_since(*at) < LISTENERS_COUNT_FOR;
        let input = PublishQualityInput {
            snapshot: pipeline.stats.snapshot(),
            remote: known.remote.map(|remote| RemoteReport {
                packets_lost: remote.packets_lost,
                jitter: remote.jitter,
            }),
            round_trip_time: known.round_trip_time,
            peak_level: pipeline.stats.take_peak_level(),
            asked_kbps: f64::from(self.options.encoder.bitrate_kbps),
            target_kbps: f64::from(self.plan.bits_per_second) / 1_000.0,
            listeners: self.listeners.filter(is_recent).map(|(report, _)| report),
            muted: self.options.muted,
            connected: self.state.hears_server(),
        };
        Some(self.quality.report(now(), &input))
    }
}
