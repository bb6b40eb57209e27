//! Published streams.
//!
//! ```text
//!                startPublishingStream       media flows
//!   NO_PUBLISH ───────────────────────► PUBLISH_REQUESTING ◄──────────► PUBLISHING
//!       ▲                                       │             fault          │
//!       └───────────────────────────────────────┴────────────────────────────┘
//!         stopPublishingStream (0), room ended, refused, retry time over
//! ```
//!
//! A publication is accepted while a login still runs; its part starts with LOGINED.

use std::time::Instant;

use express_messages::{
    ZegoError, codes,
    exceptions::{PublishExceptions, PublishInterval},
    ids::{LocalStreamId, RoomId, StreamId},
    publisher::{EncoderOptions, PublisherEvent, PublisherOptions},
    room::SessionFate,
    stats::ZegoPublishStats,
    types::PublisherState as State,
};

use super::{Command, EngineState, LifeId, Step, life::Slot, network::Report};
use crate::{
    actor::supervise::{RestartLog, Role, Verdict},
    events::{ExceptionUpdate, PublishQualityUpdate, PublisherStateUpdate},
    options::ZegoPublishOptions,
};

/// One `startPublishingStream`, until NO_PUBLISH.
#[derive(Debug)]
pub(super) struct Publication {
    options: PublisherOptions,
    /// The room that it is published in.
    room: RoomId,
    /// `None` until the login is done and the predecessor is gone.
    life: Option<LifeId>,
    /// What the application was told last.
    told: (State, i32),
    quality: Option<ZegoPublishStats>,
    exceptions: PublishExceptions,
    pub(super) grade: Report,
    restarts: RestartLog,
}

impl Publication {
    pub(super) fn stream_id(&self) -> &StreamId {
        &self.options.stream_id
    }

    pub(super) fn room(&self) -> &RoomId {
        &self.room
    }

    pub(super) fn local_stream(&self) -> LocalStreamId {
        self.options.local_stream
    }

    pub(super) fn life(&self) -> Option<LifeId> {
        self.life
    }

    /// Tells a new state, unless it is the one that was told last.
    fn tell(&mut self, state: State, code: i32, extended_data: &str, out: &mut Step) {
        if self.told != (state, code) {
            self.told = (state, code);
            out.emit(state_update(self.stream_id(), state, code, extended_data));
        }
    }
}

impl EngineState {
    /// `startPublishingStream`. `local` is `None` for a stream of another engine.
    pub(crate) fn start_publishing(
        &mut self,
        stream_id: &str,
        local: Option<LocalStreamId>,
        options: ZegoPublishOptions,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        options.check()?;
        let local_stream = local.ok_or_else(|| {
            ZegoError::new(
                codes::PUBLISH_NO_PREVIEW,
                "this engine did not make that local stream; use create_zego_stream",
            )
        })?;
        let local = self
            .locals
            .get(&local_stream)
            .ok_or_else(|| ZegoError::new(codes::PUBLISH_NO_CAPTURE, "that local stream was destroyed; make a new one"))?;
        if !local.has_sound() {
            let text = "that local stream captures nothing; call start_capture_microphone or start_capture_custom_audio first";
            return Err(ZegoError::new(codes::PUBLISH_NO_CAPTURE, text));
        }
        let encoder = EncoderOptions {
            bitrate_kbps: local.bitrate_kbps(),
            channels: local.channels(),
            dtx: options.enable_dtx,
            frame: local.frame(),
            ..EncoderOptions::default()
        };
        let room = self.room_to_publish(options.room_id.as_deref())?;
        if self.publication(&stream_id).is_some() {
            let text = format!("stream {stream_id} is being published already");
            return Err(ZegoError::new(codes::PUBLISHER_IS_PUBLISHING, text));
        }
        let mut publication = Publication {
            options: PublisherOptions {
                stream_id,
                local_stream,
                encoder,
                extra_info: options.extra_info,
                muted: false,
                timings: self.settings.publish_timings(),
            },
            room,
            life: None,
            told: (State::NoPublish, 0),
            quality: None,
            exceptions: PublishExceptions::default(),
            grade: Report::default(),
            restarts: RestartLog::default(),
        };
        publication.tell(State::PublishRequesting, 0, "", out);
        self.publications.push(publication);
        self.watch_network(out);
        self.start_streams(out);
        Ok(())
    }

    /// `stopPublishingStream`.
    pub(crate) fn stop_publishing(&mut self, stream_id: &str, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        if self.publication(&stream_id).is_none() {
            let text = format!("stream {stream_id} is not being published");
            return Err(ZegoError::new(codes::PUBLISHER_STREAM_NO_FOUND, text));
        }
        self.end_publication(&stream_id, 0, String::new(), out);
        Ok(())
    }

    /// `getPublishingStreamQuality`: the last report.
    pub(crate) fn publish_quality(&self, stream_id: &str) -> Option<ZegoPublishStats> {
        let publication = self.publications.iter().find(|p| *p.stream_id() == *stream_id)?;
        publication.quality.clone()
    }

    /// The server took another text for the stream of publisher `life`: a fresh part publishes with it.
    pub(crate) fn on_extra_info_taken(&mut self, life: LifeId, extra_info: String) {
        if let Some(publication) = self.publications.iter_mut().find(|p| p.life == Some(life)) {
            publication.options.extra_info = extra_info;
        }
    }

    /// The server ended a publication of a room: where it lost the media (1103027, 1103028) the part negotiates anew, any other
    /// code is final.
    pub(super) fn on_publication_ended(
        &mut self,
        room_id: &RoomId,
        stream_id: &StreamId,
        code: i32,
        message: String,
        out: &mut Step,
    ) {
        if self
            .publication(stream_id)
            .is_none_or(|publication| publication.room() != room_id)
        {
            return;
        }
        if !matches!(
            code,
            codes::PUBLISHER_SESSION_CLOSED | codes::PUBLISHER_MEDIA_CONNECTION_ERROR
        ) {
            self.end_publication(stream_id, code, message, out);
        } else if let Some(life) = self.publication(stream_id).and_then(|publication| publication.life) {
            out.command(Command::RestorePublisher {
                life,
                session: SessionFate::Lost,
            });
        }
    }

    /// Ends one publication with `code`; its part still has to tell the server.
    pub(super) fn end_publication(&mut self, stream_id: &StreamId, code: i32, message: String, out: &mut Step) {
        let Some(index) = self.publications.iter().position(|p| p.stream_id() == stream_id) else {
            return;
        };
        let publication = self.publications.remove(index);
        out.emit(state_update(stream_id, State::NoPublish, code, &message));
        if let Some(life) = publication.life {
            out.command(Command::StopPublisher { life, code, message });
            self.retire(life, Slot::Publisher(stream_id.clone()), out);
        }
    }

    pub(super) fn end_all_publications(&mut self, code: i32, message: &str, out: &mut Step) {
        for stream_id in self.published_ids(|_| true) {
            self.end_publication(&stream_id, code, message.into(), out);
        }
    }

    /// Ends the publications in one room.
    pub(super) fn end_publications_in(&mut self, room_id: &RoomId, code: i32, message: &str, out: &mut Step) {
        for stream_id in self.published_ids(|p| p.room() == room_id) {
            self.end_publication(&stream_id, code, message.into(), out);
        }
    }

    /// Ends the publications of one local stream.
    pub(super) fn end_publications_of(&mut self, local: LocalStreamId, code: i32, message: &str, out: &mut Step) {
        for stream_id in self.published_ids(|p| p.options.local_stream == local) {
            self.end_publication(&stream_id, code, message.into(), out);
        }
    }

    /// Whether anything of that local stream is published.
    pub(super) fn publishes(&self, local: LocalStreamId) -> bool {
        self.publications.iter().any(|p| p.local_stream() == local)
    }

    fn published_ids(&self, wanted: impl Fn(&Publication) -> bool) -> Vec<StreamId> {
        let wanted = self.publications.iter().filter(|p| wanted(p));
        wanted.map(|p| p.stream_id().clone()).collect()
    }

    /// What a publisher reported.
    pub(crate) fn on_publisher_event(&mut self, life: LifeId, event: PublisherEvent, now: Instant, out: &mut Step) {
        let Some(publication) = self.publications.iter_mut().find(|p| p.life == Some(life)) else {
            if matches!(event, PublisherEvent::Exited { .. }) {
                self.on_expected_exit(life, out);
            }
            return;
        };
        let stream_id = publication.stream_id().clone();
        match event {
            PublisherEvent::StateChanged {
                state: State::NoPublish,
                code,
                extended_data,
            } => self.on_publisher_over(&stream_id, code, &extended_data, out),
            PublisherEvent::StateChanged {
                state,
                code,
                extended_data,
            } => publication.tell(state, code, &extended_data, out),
            PublisherEvent::Quality(stats) => {
                publication.grade.note(stats.audio.audio_quality);
                publication.quality = Some(stats.clone());
                out.emit(PublishQualityUpdate { stream_id, stats });
            }
            PublisherEvent::Interval(interval) => self.on_publish_interval(&stream_id, interval, out),
            PublisherEvent::Exited { panicked } => self.on_publisher_lost(&stream_id, life, panicked, now, out),
            other => tracing::warn!(?other, "a publisher event that this engine does not know"),
        }
    }

    /// A file, a bot or a tone may be silent for as long as it likes; only of a microphone is silence an exception.
    fn on_publish_interval(&mut self, stream_id: &StreamId, interval: PublishInterval, out: &mut Step) {
        let is_microphone = |p: &Publication| p.stream_id() == stream_id && self.is_microphone(p.local_stream());
        let is_microphone = self.publications.iter().any(is_microphone);
        let Some(publication) = self.publication(stream_id) else {
            return;
        };
        let interval = PublishInterval {
            capture_level: interval.capture_level.filter(|_| is_microphone),
            ..interval
        };
        for exception in publication.exceptions.judge(&interval) {
            let stream_id = stream_id.clone();
            out.emit(ExceptionUpdate { stream_id, exception });
        }
    }

    /// A publisher gave up by itself; it ends without being told to.
    fn on_publisher_over(&mut self, stream_id: &StreamId, code: i32, extended_data: &str, out: &mut Step) {
        let Some(index) = self.publications.iter().position(|p| p.stream_id() == stream_id) else {
            return;
        };
        let publication = self.publications.remove(index);
        out.emit(state_update(stream_id, State::NoPublish, code, extended_data));
        if let Some(life) = publication.life {
            self.retire(life, Slot::Publisher(stream_id.clone()), out);
        }
    }

    /// A publisher is gone without a last word.
    fn on_publisher_lost(&mut self, stream_id: &StreamId, life: LifeId, panicked: bool, now: Instant, out: &mut Step) {
        out.command(Command::Forget(life));
        let Some(publication) = self.publication(stream_id) else {
            return;
        };
        publication.life = None;
        tracing::error!(%stream_id, panicked, "a publisher ended by itself");
        match publication.restarts.judge(Role::Publisher, panicked, now) {
            Verdict::Restart(_) => {
                let text = "the publisher failed and is started afresh";
                publication.tell(State::PublishRequesting, codes::PUBLISHER_INNER_ERROR, text, out);
                self.restarts = self.restarts.saturating_add(1);
                self.start_streams(out);
            }
            Verdict::GiveUp => {
                let text = "the publisher of the engine failed".into();
                self.end_publication(stream_id, codes::PUBLISHER_INNER_ERROR, text, out);
            }
        }
    }

    /// Takes every publication from its part, to start afresh when the audio device part is back.
    pub(super) fn unseat_publishers(&mut self, out: &mut Step) {
        let text = "the audio device part failed and is started afresh";
        self.unseat_publishers_where(|_| true, codes::PUBLISHER_INNER_ERROR, text, out);
    }

    /// Takes the publications that are `wanted` from their parts, to start afresh when that is possible again.
    pub(super) fn unseat_publishers_where(
        &mut self,
        wanted: impl Fn(&Publication) -> bool,
        code: i32,
        text: &str,
        out: &mut Step,
    ) {
        let mut unseated = Vec::new();
        for publication in self.publications.iter_mut().filter(|p| wanted(p)) {
            let Some(life) = publication.life.take() else { continue };
            publication.tell(State::PublishRequesting, code, text, out);
            unseated.push((life, publication.stream_id().clone()));
        }
        for (life, stream_id) in unseated {
            let (code, message) = (0, String::new());
            out.command(Command::StopPublisher { life, code, message });
            self.retire(life, Slot::Publisher(stream_id), out);
        }
    }

    /// Starts each publication that waits and can go.
    pub(super) fn start_publishers(&mut self, out: &mut Step) {
        for index in 0..self.publications.len() {
            let publication = &self.publications[index];
            let slot = Slot::Publisher(publication.stream_id().clone());
            if publication.life.is_some() || self.is_taken(&slot) {
                continue;
            }
            let Some(room) = self.carrier(publication.room()) else {
                continue;
            };
            let muted = self.is_muted(publication.options.local_stream);
            let life = self.new_life();
            let publication = &mut self.publications[index];
            publication.life = Some(life);
            publication.options.muted = muted;
            let options = publication.options.clone();
            out.command(Command::StartPublisher { life, room, options });
        }
    }

    pub(super) fn restore_publishers(&self, room_id: &RoomId, session: SessionFate, out: &mut Step) {
        let of_room = self.publications.iter().filter(|p| p.room() == room_id);
        for life in of_room.filter_map(|p| p.life) {
            out.command(Command::RestorePublisher { life, session });
        }
    }

    /// Tells the publishers of the local streams that `changed` names whether they are muted now.
    pub(super) fn note_muted(&self, changed: impl Fn(LocalStreamId) -> bool, out: &mut Step) {
        for publication in &self.publications {
            let local = publication.options.local_stream;
            if let Some(life) = publication.life.filter(|_| changed(local)) {
                let muted = self.is_muted(local);
                out.command(Command::NotePublisherMuted { life, muted });
            }
        }
    }

    /// Ends all publications when the engine ends; nobody is told.
    pub(super) fn drop_publications(&mut self, out: &mut Step) {
        for publication in std::mem::take(&mut self.publications) {
            let Some(life) = publication.life else { continue };
            let (code, message) = (0, String::new());
            out.command(Command::StopPublisher { life, code, message });
            self.retire(life, Slot::Publisher(publication.options.stream_id), out);
        }
    }
}

fn state_update(stream_id: &StreamId, state: State, error_code: i32, extended_data: &str) -> PublisherStateUpdate {
    PublisherStateUpdate {
        stream_id: stream_id.clone(),
        state,
        error_code,
        extended_data: extended_data.into(),
    }
}
