//! What the server sends while the login stands.

use std::time::Instant;

use express_messages::{
    codes,
    ids::StreamId,
    room::{RequestError, RoomEvent, SdpAnswer, StreamRole},
    stats::{ListenerReport, UplinkReport, UserQuality},
    types::{ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{debug, warn};

use super::{
    ice::within_limits,
    requests::{Answer, Purpose, Ticket, refusal},
    session::parse,
    state::{LinkId, Phase, RoomState},
    timers::{Timer, after},
};
use crate::protocol::{
    self, CustomCommand, Done, Event, HeartbeatOk, KickOut, Notice, RenewTokenOk, RoomBarrage, RoomMessage, SdpOk,
    SendBarrageMessageOk, SendBroadcastMessageOk, SendCustomCommandOk, SequencedEvent, ServerFrame, SetRoomExtraInfoOk,
    StreamEnded, StreamRoleWord, WireError,
};

impl RoomState {
    /// A text frame came.
    pub(super) fn on_text(&mut self, now: Instant, link: LinkId, text: &str) {
        if self.is_beside(link) {
            return self.on_beside_text(now, text);
        }
        if !self.is_current(link) {
            return;
        }
        let frame = match ServerFrame::parse(text) {
            Ok(frame) => frame,
            Err(error) => {
                warn!(%error, bytes = text.len(), "unreadable frame");
                return self.on_unreadable(now);
            }
        };
        match self.phase {
            Phase::Up => {
                self.watch_link(now);
                self.on_frame(now, frame);
            }
            Phase::Asking { id, ask } => self.on_asked_frame(now, (id, ask), frame),
            Phase::Leaving(leaving) => self.on_leaving_frame(leaving, &frame),
            Phase::Opening => self.counters.early_frames.one(),
            Phase::Idle | Phase::Waiting | Phase::Over => {}
        }
    }

    /// The other side does not speak the protocol: the link is dropped, a resume brings what the frame may have meant.
    fn on_unreadable(&mut self, now: Instant) {
        self.counters.unreadable_frames.one();
        match self.phase {
            Phase::Up => self.lose_link(now),
            Phase::Asking { .. } => self.unreadable_answer(now),
            Phase::Opening => self.fail_attempt(now),
            Phase::Leaving(_) => self.end(),
            Phase::Idle | Phase::Waiting | Phase::Over => {}
        }
    }

    fn on_frame(&mut self, now: Instant, frame: ServerFrame) {
        match frame {
            ServerFrame::Event(event) => self.on_sequenced(now, event),
            ServerFrame::Notice(notice) => self.on_notice(notice),
            ServerFrame::Ok { id, ok } => match self.requests.take(id) {
                Some(purpose) => self.on_ok(now, purpose, ok),
                None => self.counters.stray_replies.one(),
            },
            ServerFrame::Error { id, error } => match self.requests.take(id) {
                Some(purpose) => self.on_refused(now, purpose, error),
                None => self.counters.stray_replies.one(),
            },
        }
    }

    fn on_sequenced(&mut self, now: Instant, SequencedEvent { seq, event }: SequencedEvent) {
        if let Event::KickOut(kick) = event {
            return self.on_kick_out(now, &kick);
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if seq <= session.last_seq {
            return self.counters.repeated_events.one();
        }
        if Some(seq) != session.last_seq.checked_add(1) {
            warn!(last = session.last_seq, seq, "events are missing");
            self.counters.gaps.one();
            return self.lose_link(now);
        }
        session.last_seq = seq;
        self.on_event(now, event);
    }

    /// Carries out an event, live or replayed.
    pub(super) fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::RoomUserUpdate(update) => {
                let changes = self.roster.update_users(update);
                self.report_changes(changes);
            }
            Event::RoomStreamUpdate(update) => {
                let changes = self.roster.update_streams(update);
                self.report_changes(changes);
            }
            Event::KickOut(kick) => self.on_kick_out(now, &kick),
            Event::StreamEnded(ended) => self.on_stream_ended(ended),
            Event::StreamMicUpdate(update) => {
                let changes = self.roster.update_mic(update);
                self.report_changes(changes);
            }
            Event::StreamExtraInfoUpdate(update) => {
                let changes = self.roster.update_extra_infos(update);
                self.report_changes(changes);
            }
            Event::RoomExtraInfoUpdate(update) => {
                for info in update.infos {
                    let news = self.info.update(info).map(RoomEvent::RoomExtraInfo);
                    self.emit(news);
                }
            }
            Event::BroadcastMessage(broadcast) => {
                let messages: Vec<_> = broadcast.messages.into_iter().map(message_info).collect();
                self.emit((!messages.is_empty()).then_some(RoomEvent::BroadcastMessages(messages)));
            }
            Event::CustomCommand(CustomCommand { from_user, command }) => {
                self.emit([RoomEvent::CustomCommand { from_user, command }]);
            }
            Event::NodeLeaving(leaving) => self.on_node_leaving(now, &leaving.nodes),
            Event::Unknown => self.counters.unknown_events.one(),
        }
    }

    fn on_stream_ended(&mut self, ended: StreamEnded) {
        let role = match ended.role {
            StreamRoleWord::Publish => StreamRole::Publish,
            StreamRoleWord::Play => StreamRole::Play,
        };
        // An offer that is out is younger than this news, which crossed it: it asks for the stream anew.
        let asked_anew = self.requests.ask_for(role, &ended.stream_id);
        match role {
            StreamRole::Publish if asked_anew => {
                self.media.lost(role, &ended.stream_id);
                self.mics.lost(&ended.stream_id);
            }
            StreamRole::Publish => self.forget_published(&ended.stream_id),
            StreamRole::Play if asked_anew => self.media.lost(role, &ended.stream_id),
            StreamRole::Play => self.media.stopped(role, &ended.stream_id),
        }
        self.emit([RoomEvent::StreamEnded {
            stream_id: ended.stream_id,
            role,
            code: ended.code,
            message: ended.message,
        }]);
    }

    fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::BarrageMessage(barrage) => {
                let messages: Vec<_> = barrage.messages.into_iter().map(barrage_info).collect();
                self.emit((!messages.is_empty()).then_some(RoomEvent::BarrageMessages(messages)));
            }
            Notice::NetworkQuality(quality) => {
                let users: Vec<_> = quality.users.into_iter().map(user_quality).collect();
                self.emit((!users.is_empty()).then_some(RoomEvent::NetworkQuality(users)));
            }
            Notice::ListenerReport(report) => {
                let reports: Vec<_> = report.streams.into_iter().map(listener_report).collect();
                self.emit((!reports.is_empty()).then_some(RoomEvent::ListenerReports(reports)));
            }
            Notice::PublisherReport(report) => {
                let reports: Vec<_> = report.streams.into_iter().map(uplink_report).collect();
                self.emit((!reports.is_empty()).then_some(RoomEvent::UplinkReports(reports)));
            }
            // Our playout measures for itself which copies come, and waits for them.
            Notice::StreamProtection(_) => {}
            Notice::Unknown => self.counters.unknown_events.one(),
        }
    }

    fn on_kick_out(&mut self, now: Instant, kick: &KickOut) {
        if !kick.need_relogin {
            return self.kick_out(kick.code, &kick.message);
        }
        debug!(code = kick.code, "the server asks for a new login");
        self.forget_session();
        let event = self.report.relogin_wanted(now, self.options.timings.reconnecting_debounce);
        self.reconnect(now, event);
    }

    // ---- replies ----

    fn on_ok(&mut self, now: Instant, purpose: Purpose, ok: Value) {
        match purpose {
            Purpose::Heartbeat => match parse::<HeartbeatOk>(ok) {
                Some(ok) => self.on_heartbeat(now, ok),
                None => self.counters.unreadable_results.one(),
            },
            Purpose::RenewToken { token } => {
                self.token.accepted(&token);
                match parse::<RenewTokenOk>(ok) {
                    Some(ok) => self.token_expires(now, ok.token_expires_in_ms),
                    None => self.counters.unreadable_results.one(),
                }
            }
            Purpose::Publish {
                ticket,
                stream_id,
                telling,
            } => {
                self.media.accepted(StreamRole::Publish, &stream_id);
                self.mics.taken(&stream_id, telling);
                self.answer_with(ticket, ok, sdp);
                self.tell_mics(now);
            }
            Purpose::Play { ticket, stream_id } => {
                self.media.accepted(StreamRole::Play, &stream_id);
                self.answer_with(ticket, ok, sdp);
            }
            Purpose::Plain { ticket } => self.answer(ticket, Ok(Answer::Done)),
            Purpose::RoomInfo { ticket, key, value } => {
                // What was set again is known for ours, unless something newer was told meanwhile.
                if let Some(ticket) = ticket {
                    let ok: SetRoomExtraInfoOk = parse(ok).unwrap_or_default();
                    self.info.taken(key, value, ok.update_time_ms);
                    self.info.answered();
                    self.answer(ticket, Ok(Answer::Done));
                }
            }
            Purpose::Broadcast { ticket } => {
                self.answer_with(ticket, ok, |ok: SendBroadcastMessageOk| Answer::Broadcast(ok.message_id));
            }
            Purpose::Barrage { ticket } => {
                self.answer_with(ticket, ok, |ok: SendBarrageMessageOk| Answer::Barrage(ok.message_id));
            }
            Purpose::Command { ticket } => {
                self.answer_with(ticket, ok, |ok: SendCustomCommandOk| Answer::Absent(ok.absent));
            }
            Purpose::MuteStream { stream_id, telling } => {
                self.mics.taken(&stream_id, telling);
                self.tell_mics(now);
            }
            Purpose::Told => {
                if parse::<Done>(ok).is_none() {
                    self.counters.unreadable_results.one();
                }
            }
        }
    }

    /// Answers with what `make` takes from a result, or says that the result cannot be read.
    fn answer_with<T: DeserializeOwned>(&mut self, ticket: Ticket, ok: Value, make: impl FnOnce(T) -> Answer) {
        let answer = parse::<T>(ok).map(make).ok_or_else(|| {
            self.counters.unreadable_results.one();
            RequestError::Refused {
                code: codes::UNKNOWN_SERVER_ERROR,
                message: "the server's answer has not the shape that it must have".into(),
                retry_after: None,
            }
        });
        self.answer(ticket, answer);
    }

    fn on_heartbeat(&mut self, now: Instant, ok: HeartbeatOk) {
        if !ok.ice_servers.is_empty() {
            self.ice_servers = within_limits(ok.ice_servers, &self.counters);
        }
        self.set_heartbeat(ok.heartbeat_ms);
        self.timers.set(Timer::Heartbeat, after(now, self.heartbeat));
        self.timers.set(Timer::HeartbeatTimeout, after(now, self.heartbeat_timeout));
        self.token_expires(now, ok.token_expires_in_ms);
        self.report_online(ok.online_count);
        self.announce(now, ok.seq);
        self.tell_mics(now);
    }

    fn on_refused(&mut self, now: Instant, purpose: Purpose, error: WireError) {
        match &purpose {
            Purpose::Publish { stream_id, telling, .. } => {
                self.media.refused(StreamRole::Publish, stream_id);
                self.mics.not_taken(stream_id, *telling);
            }
            Purpose::MuteStream { stream_id, telling } => self.mics.not_taken(stream_id, *telling),
            Purpose::Play { stream_id, .. } => self.media.refused(StreamRole::Play, stream_id),
            Purpose::RenewToken { token } => self.token.refused(token),
            Purpose::RoomInfo { ticket: Some(_), .. } => self.info.answered(),
            Purpose::Plain { .. }
            | Purpose::RoomInfo { ticket: None, .. }
            | Purpose::Broadcast { .. }
            | Purpose::Barrage { .. }
            | Purpose::Command { .. }
            | Purpose::Heartbeat
            | Purpose::Told => {}
        }
        let session_lost = error.code == codes::NETWORK_RECOVERY;
        match purpose.ticket() {
            Some(ticket) => self.answer(ticket, Err(refusal(error))),
            None => {
                warn!(
                    code = error.code,
                    message = error.message,
                    "a request of the room itself was refused"
                );
                self.counters.refused_requests.one();
            }
        }
        if session_lost {
            self.lose_session(now);
        }
    }

    /// A request was not answered in time.
    pub(super) fn unanswered(&mut self, now: Instant, purpose: Purpose) {
        self.counters.unanswered_requests.one();
        if let Purpose::Publish { stream_id, telling, .. } | Purpose::MuteStream { stream_id, telling } = &purpose {
            self.mics.not_taken(stream_id, *telling);
        }
        if let Purpose::RoomInfo { ticket: Some(_), .. } = &purpose {
            self.info.answered();
        }
        match purpose {
            Purpose::RenewToken { .. } if self.phase == Phase::Up && self.token.is_unconfirmed() => self.send_token(now),
            other => {
                if let Some(ticket) = other.ticket() {
                    self.answer(ticket, Err(RequestError::TimedOut));
                }
            }
        }
    }
}

fn sdp(ok: SdpOk) -> Answer {
    Answer::Sdp(SdpAnswer {
        sdp: ok.answer,
        loudest: ok.loudest,
    })
}

fn message_info(message: RoomMessage) -> ZegoBroadcastMessageInfo {
    ZegoBroadcastMessageInfo {
        from_user: message.from_user,
        message: message.message,
        send_time: message.send_time_ms,
        message_id: message.message_id,
    }
}

fn barrage_info(message: RoomBarrage) -> ZegoBarrageMessageInfo {
    ZegoBarrageMessageInfo {
        from_user: message.from_user,
        message: message.message,
        send_time: message.send_time_ms,
        message_id: message.message_id,
    }
}

fn user_quality(user: protocol::UserQuality) -> UserQuality {
    UserQuality {
        user_id: user.user_id,
        up: user.up,
        down: user.down,
    }
}

fn listener_report(of: protocol::StreamListeners) -> (StreamId, ListenerReport) {
    let report = ListenerReport {
        listeners: of.listeners,
        loss_worst: of.loss_worst,
        loss_median: of.loss_median,
        burst_worst: of.burst_worst,
        burst_median: of.burst_median,
        rtt_median_ms: of.rtt_median_ms,
        uplink_loss: of.uplink_loss,
        uplink_burst: of.uplink_burst,
        copying: of.copying,
    };
    (of.stream_id, report)
}

fn uplink_report(of: protocol::StreamUplink) -> (StreamId, UplinkReport) {
    let report = UplinkReport {
        rtt_ms: of.rtt_ms,
        loss: of.loss.clamp(0.0, 1.0),
        jitter_ms: of.jitter_ms,
    };
    (of.stream_id, report)
}
