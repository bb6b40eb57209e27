//! What a playback does next: the documented player machine, without clock, actor or network.
//!
//! ```text
//!  start ─► Offering ─► Exchanging ─► Applying ─► Live ──────────────────────────┐
//!              ▲            │             │         │ connecting ─► awaited       │ any state: Stop, a final
//!              │            ▼             ▼         │    ▲             ▼          │ refusal, PlaybackEnded, or
//!              └──────── Waiting ◄──────────────────┘  silent ◄─► playing         │ the budget over
//!                  (PLAY_REQUESTING with a code)                                  ▼
//!                                                                      Ended (NO_PLAY, once, last)
//! ```
//!
//! Each try has a number. Whatever a try asked for comes back with that number, and what belongs to an older try is
//! ignored. Source: the documented `playerStateUpdate`.

mod moved;
mod mute;
mod negotiation;

use std::time::{Duration, Instant};

use express_messages::{codes, timings::Timings, types::PlayerState};

use super::live::{Live, News};
use crate::{
    former::Former,
    retry::{Retry, after},
    transport::TransportEvent,
};

/// Something the actor is to do, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Tell the owner the state.
    Emit(PlayerState, i32, String),
    /// Tell the owner that the first answer was applied.
    Negotiated,
    /// Make a connection and its offer; [`Playback::on_offer`] takes it.
    Open(u32),
    /// Send the offer to the server; [`Playback::on_answer`] takes what comes.
    Exchange(u32, String),
    /// Give the answer to the connection; [`Playback::on_applied`] says how that went.
    Apply(u32, String),
    /// Be heard.
    Attach,
    /// Ask the server to stop (or resume) the audio; [`Playback::on_paused`] takes what comes.
    Pause(u32, bool),
    /// Wait for a packet to be decoded; then call [`Playback::on_decoded`].
    AwaitMedia(u32),
    /// Look at what was decoded; [`Playback::on_media`] takes it.
    Poll(u32),
    /// Report the quality of this try's connection.
    Report(u32),
    /// Close the connection and what hangs on it, and the one that is kept.
    Close,
    /// Go on hearing the connection, beside the next try; [`Effect::Retire`] ends that.
    Keep,
    /// Close the connection of the try; the one that is kept goes on.
    Discard,
    /// Close the connection that is kept.
    Retire,
    /// Tell the server that the stream is played no more.
    StopPlay,
    /// End the actor.
    End,
}

#[derive(Debug)]
enum Phase {
    /// The connection makes its offer.
    Offering { until: Instant },
    /// The server has the offer.
    /// `gone`: it said meanwhile that the publisher vanished.
    Exchanging { until: Instant, gone: bool },
    /// The connection takes the answer; it may be connected before it says so.
    Applying { until: Instant, connected: bool },
    /// The answer is applied.
    Live(Live),
    /// The next try is due at `until`.
    Waiting { until: Instant },
    /// NO_PLAY was told.
    Ended,
}

/// The state of one playback.
#[derive(Debug)]
pub(super) struct Playback {
    timings: Timings,
    phase: Phase,
    attempt: u32,
    retry: Retry,
    told: Option<(PlayerState, i32)>,
    /// The server may count us as a listener.
    registered: bool,
    negotiated: bool,
    /// The server said last that there is no such stream.
    missing: bool,
    paused: bool,
    /// The server sends the stream only while it is one of the loudest, as its answer said.
    limited: bool,
    /// What the server was told about it in this try, and confirmed.
    paused_at_server: bool,
    /// The connection to the node before, which is heard until there is another.
    former: Option<Former>,
}

impl Playback {
    /// Begins: PLAY_REQUESTING 0 and the first try.
    pub(super) fn start(now: Instant, timings: Timings) -> (Self, Vec<Effect>) {
        let mut this = Self {
            retry: Retry::new(now, &timings),
            timings,
            phase: Phase::Ended,
            attempt: 0,
            told: None,
            registered: false,
            negotiated: false,
            missing: false,
            paused: false,
            limited: false,
            paused_at_server: false,
            former: None,
        };
        let mut effects = Vec::new();
        this.tell(&mut effects, PlayerState::PlayRequesting, 0, String::new());
        this.open(now, &mut effects);
        (this, effects)
    }

    /// Whether try `attempt` is to make its offer.
    pub(super) fn is_offering(&self, attempt: u32) -> bool {
        attempt == self.attempt && matches!(self.phase, Phase::Offering { .. })
    }

    /// Whether try `attempt` is the one that plays now.
    pub(super) fn is_playing(&self, attempt: u32) -> bool {
        attempt == self.attempt && matches!(&self.phase, Phase::Live(live) if live.is_playing())
    }

    /// Whether ICE hears the server at the moment.
    pub(super) fn hears_server(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.hears_server())
    }

    /// Whether the application wants no audio.
    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// When [`Playback::on_time`] wants to be called next; `None` after the end.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Offering { until }
            | Phase::Exchanging { until, .. }
            | Phase::Applying { until, .. }
            | Phase::Waiting { until } => Some((*until).min(self.retry.ends())),
            Phase::Live(live) if live.is_playing() => Some(live.next_deadline(&self.timings)),
            Phase::Live(live) => Some(live.next_deadline(&self.timings).min(self.retry.ends())),
            Phase::Ended => None,
        };
        own.map(|own| self.former.map_or(own, |former| own.min(former.ends)))
    }

    /// Does what is due at `now`.
    pub(super) fn on_time(&mut self, now: Instant, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let playing = matches!(&self.phase, Phase::Live(live) if live.is_playing());
        if matches!(self.phase, Phase::Ended) {
            return effects;
        }
        if self.former.is_some_and(|former| now >= former.ends) {
            self.retire_former(&mut effects);
        }
        if !playing && now >= self.retry.ends() {
            self.out_of_time(&mut effects);
            return effects;
        }
        match &mut self.phase {
            Phase::Offering { until } if now >= *until => {
                self.wait(
                    now,
                    random,
                    None,
                    codes::PLAYER_CREATE_OFFER,
                    "no offer in time",
                    &mut effects,
                );
            }
            Phase::Exchanging { until, .. } if now >= *until => {
                let text = "the server did not answer in time";
                self.wait(now, random, None, codes::TIMEOUT, text, &mut effects);
            }
            Phase::Applying { until, .. } if now >= *until => {
                let text = "the answer was not taken in time";
                self.wait(now, random, None, codes::PLAYER_REMOTE_DESC, text, &mut effects);
            }
            Phase::Waiting { until } if now >= *until => self.open(now, &mut effects),
            Phase::Live(live) => {
                let news = live.on_time(now, &self.timings);
                self.on_news(news, now, random, &mut effects);
            }
            _ => {}
        }
        effects
    }

    fn out_of_time(&mut self, effects: &mut Vec<Effect>) {
        let (code, text) = if self.missing {
            (
                codes::PLAYER_STREAM_NOT_EXIST,
                "there was no such stream for the whole allowed time",
            )
        } else {
            (codes::PLAYER_RETRY_TIMEOUT, "playing was retried for the whole allowed time")
        };
        self.end(code, text, effects);
    }

    fn on_news(&mut self, news: News, now: Instant, random: f64, effects: &mut Vec<Effect>) {
        let attempt = self.attempt;
        match news {
            News::None => {}
            News::Connected => {
                self.linger(now);
                effects.push(Effect::AwaitMedia(attempt));
            }
            News::Poll => effects.push(Effect::Poll(attempt)),
            News::Report => {
                if self.paused != self.paused_at_server {
                    effects.push(Effect::Pause(attempt, self.paused));
                }
                effects.push(Effect::Report(attempt));
            }
            News::Playing => {
                self.linger(now);
                self.tell(effects, PlayerState::Playing, 0, String::new());
            }
            News::Silent => {
                effects.push(Effect::AwaitMedia(attempt));
                let text = "nothing arrives from the stream";
                self.request(now, codes::PLAYER_STREAM_INTERRUPTED, text, effects);
            }
            News::StillSilent => {
                // What the connection does not notice, a fresh one may mend.
                let text = "nothing arrives from the stream";
                self.wait(now, random, None, codes::PLAYER_STREAM_INTERRUPTED, text, effects);
            }
            News::Lost => {
                let text = "the server was not heard for too long";
                self.wait(now, random, None, codes::PLAYER_MEDIA_CONNECTION_ERROR, text, effects);
            }
        }
    }

    /// The connection of try `attempt` changed.
    pub(super) fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt != self.attempt || matches!(self.phase, Phase::Ended | Phase::Waiting { .. }) {
            self.on_former_transport(attempt, event, &mut effects);
            return effects;
        }
        match (&mut self.phase, event) {
            (Phase::Applying { connected, .. }, TransportEvent::Connected) => *connected = true,
            (Phase::Live(live), TransportEvent::Connected) => {
                let news = live.on_connected(now);
                self.on_news(news, now, random, &mut effects);
            }
            (Phase::Live(live), TransportEvent::Disconnected) => live.on_disconnected(now),
            (_, TransportEvent::Connected | TransportEvent::Disconnected) => {}
            (_, TransportEvent::Failed) => {
                let text = "the media connection failed";
                self.wait(now, random, None, codes::PLAYER_MEDIA_CONNECTION_ERROR, text, &mut effects);
            }
            (_, TransportEvent::Closed) => {
                let text = "the media connection was closed";
                self.wait(now, random, None, codes::PLAYER_SESSION_CLOSED, text, &mut effects);
            }
        }
        effects
    }

    /// A packet of try `attempt` was decoded, after [`Effect::AwaitMedia`].
    pub(super) fn on_decoded(&mut self, attempt: u32, now: Instant) -> Vec<Effect> {
        self.live(attempt, now, |live| live.on_decoded(now))
    }

    /// How many packets this playback has decoded, after [`Effect::Poll`].
    pub(super) fn on_media(&mut self, attempt: u32, decoded: u64, now: Instant) {
        self.live(attempt, now, |live| live.on_media(decoded, now));
    }

    fn live(&mut self, attempt: u32, now: Instant, act: impl FnOnce(&mut Live) -> News) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt == self.attempt
            && let Phase::Live(live) = &mut self.phase
        {
            let news = act(live);
            // None of these ends a connection, so no wait is drawn.
            self.on_news(news, now, 0.0, &mut effects);
        }
        effects
    }

    /// The stream appeared in the room.
    pub(super) fn on_appeared(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.open(now, &mut effects);
        }
        effects
    }

    /// The server ended the playback: a publisher that vanished (1004020) and media that was lost on the way to us (1104027,
    /// 1104028) are retried, any other code is final.
    pub(super) fn on_ended(&mut self, code: i32, text: &str, now: Instant, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let vanished = code == codes::PLAYER_STREAM_INTERRUPTED;
        let media_lost = matches!(code, codes::PLAYER_SESSION_CLOSED | codes::PLAYER_MEDIA_CONNECTION_ERROR);
        match &mut self.phase {
            Phase::Ended => {}
            _ if !vanished && !media_lost => self.end(code, text, &mut effects),
            // It speaks of a playback that we gave up ourselves.
            Phase::Offering { .. } | Phase::Waiting { .. } => {}
            // Or of the one that is being made: its answer is on the way. Media can only be the former connection's, which
            // we closed: the server says nothing of it once it has our new offer.
            Phase::Exchanging { gone, .. } => *gone |= vanished,
            Phase::Applying { .. } | Phase::Live(_) => {
                self.former = None;
                self.wait(now, random, None, code, text, &mut effects);
                self.missing = vanished;
            }
        }
        effects
    }

    /// The owner ends the playback with `code`.
    pub(super) fn on_stop(&mut self, code: i32, text: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !matches!(self.phase, Phase::Ended) {
            self.end(code, text, &mut effects);
        }
        effects
    }

    fn open(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.attempt = self.attempt.wrapping_add(1);
        self.paused_at_server = false;
        let until = after(now, self.timings.request_timeout);
        self.phase = Phase::Offering { until };
        effects.push(Effect::Open(self.attempt));
    }

    fn wait(&mut self, now: Instant, random: f64, asked: Option<Duration>, code: i32, text: &str, effects: &mut Vec<Effect>) {
        if self.former.is_some() {
            self.discard(effects);
        } else {
            self.requesting(now, code, text, effects);
        }
        let until = self.retry.next(now, asked, &self.timings, random);
        self.phase = Phase::Waiting { until };
    }

    /// Gives the connection up.
    fn requesting(&mut self, now: Instant, code: i32, text: &str, effects: &mut Vec<Effect>) {
        self.note_registration();
        effects.push(Effect::Close);
        // A stream that is not there is no fault: the state that stands says that it is waited for.
        if code != codes::PLAYER_STREAM_NOT_EXIST {
            self.request(now, code, text, effects);
        }
    }

    /// PLAY_REQUESTING; after PLAYING a new budget begins.
    fn request(&mut self, now: Instant, code: i32, text: &str, effects: &mut Vec<Effect>) {
        if matches!(self.told, Some((PlayerState::Playing, _))) {
            self.retry = Retry::new(now, &self.timings);
        }
        self.tell(effects, PlayerState::PlayRequesting, code, text.into());
    }

    /// An exchange that is given up unanswered, or was answered well, may have made us a listener.
    fn note_registration(&mut self) {
        self.registered |= !matches!(self.phase, Phase::Offering { .. } | Phase::Waiting { .. } | Phase::Ended);
    }

    fn end(&mut self, code: i32, text: &str, effects: &mut Vec<Effect>) {
        self.note_registration();
        self.phase = Phase::Ended;
        self.former = None;
        effects.push(Effect::Close);
        if std::mem::take(&mut self.registered) {
            effects.push(Effect::StopPlay);
        }
        self.tell(effects, PlayerState::NoPlay, code, text.into());
        effects.push(Effect::End);
    }

    /// Tells the owner, unless PLAY_REQUESTING or PLAYING would repeat what was told last.
    fn tell(&mut self, effects: &mut Vec<Effect>, state: PlayerState, code: i32, text: String) {
        if state != PlayerState::NoPlay && self.told == Some((state, code)) {
            return;
        }
        self.told = Some((state, code));
        effects.push(Effect::Emit(state, code, text));
    }
}
