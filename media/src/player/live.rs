//! A playback whose answer is applied: connecting, waiting for media, playing, silent.

use std::time::{Duration, Instant};

use express_messages::timings::Timings;

use crate::retry::after;

/// How often it is looked whether media still comes: silence is told so much late at most.
const POLL: Duration = Duration::from_millis(250);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing to tell.
    None,
    /// The connection is there: wait for a packet to be decoded.
    Connected,
    /// Look at what was decoded.
    Poll,
    /// A quality report is due.
    Report,
    /// Media is there, or is there again.
    Playing,
    /// Media stopped.
    Silent,
    /// Media stayed away: begin anew.
    StillSilent,
    /// There is no connection, or none any more: begin anew.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    /// None yet since `since`.
    Awaited { since: Instant },
    /// It flows; the last was noticed at `last`.
    Playing { last: Instant, poll: Instant, report: Instant },
    /// It stopped; at `renew` the connection is given up.
    Silent { renew: Instant },
}

/// One connection that has its answer.
#[derive(Debug)]
pub(super) struct Live {
    /// When this connection must be there at the latest; `None` once it was.
    connect_by: Option<Instant>,
    /// Since when ICE hears nothing.
    lost: Option<Instant>,
    media: Media,
    decoded: u64,
    paused: bool,
    /// The server sends the stream only while it is loud enough: nobody waits for media.
    limited: bool,
    quality_interval: Duration,
}

impl Live {
    pub(super) fn new(now: Instant, (paused, limited): (bool, bool), timings: &Timings) -> Self {
        Self {
            connect_by: Some(after(now, timings.ice_disconnected_grace)),
            lost: None,
            media: Media::Awaited { since: now },
            decoded: 0,
            paused,
            limited,
            quality_interval: timings.quality_interval,
        }
    }

    pub(super) fn is_playing(&self) -> bool {
        matches!(self.media, Media::Playing { .. })
    }

    pub(super) fn hears_server(&self) -> bool {
        self.connect_by.is_none() && self.lost.is_none()
    }

    /// When [`Live::on_time`] wants to be called next.
    pub(super) fn next_deadline(&self, timings: &Timings) -> Instant {
        if let Some(connect_by) = self.connect_by {
            return connect_by;
        }
        let next = match self.media {
            Media::Awaited { since } => after(since, timings.media_silence),
            Media::Playing { poll, report, .. } => poll.min(report),
            Media::Silent { renew } => renew,
        };
        match self.lost {
            Some(lost) => next.min(after(lost, timings.ice_disconnected_grace)),
            None => next,
        }
    }

    /// One thing that is due at `now`; [`Live::next_deadline`] tells whether there is more.
    pub(super) fn on_time(&mut self, now: Instant, timings: &Timings) -> News {
        if let Some(connect_by) = self.connect_by {
            return if now >= connect_by { News::Lost } else { News::None };
        }
        if self
            .lost
            .is_some_and(|lost| now >= after(lost, timings.ice_disconnected_grace))
        {
            return News::Lost;
        }
        match &mut self.media {
            Media::Silent { renew } if now >= *renew => News::StillSilent,
            Media::Awaited { since } if now >= after(*since, timings.media_silence) => self.silent(now, timings),
            Media::Playing { report, .. } if now >= *report => {
                *report = after(now, timings.quality_interval);
                News::Report
            }
            Media::Playing { last, poll, .. } if now >= *poll => {
                if !self.paused && !self.limited && now >= after(*last, timings.media_silence) {
                    return self.silent(now, timings);
                }
                *poll = after(now, POLL);
                News::Poll
            }
            _ => News::None,
        }
    }

    fn silent(&mut self, now: Instant, timings: &Timings) -> News {
        let renew = after(now, timings.ice_disconnected_grace);
        self.media = Media::Silent { renew };
        News::Silent
    }

    /// ICE and DTLS are through, or ICE hears the server again.
    pub(super) fn on_connected(&mut self, now: Instant) -> News {
        self.lost = None;
        if self.connect_by.take().is_none() {
            return News::None;
        }
        self.media = Media::Awaited { since: now };
        if self.paused || self.limited {
            self.playing(now)
        } else {
            News::Connected
        }
    }

    /// ICE hears nothing.
    pub(super) fn on_disconnected(&mut self, now: Instant) {
        self.lost.get_or_insert(now);
    }

    /// A packet was decoded while none had come.
    pub(super) fn on_decoded(&mut self, now: Instant) -> News {
        match self.media {
            Media::Awaited { .. } | Media::Silent { .. } if self.connect_by.is_none() => self.playing(now),
            _ => News::None,
        }
    }

    /// `decoded` packets have been decoded.
    pub(super) fn on_media(&mut self, decoded: u64, now: Instant) -> News {
        let before = std::mem::replace(&mut self.decoded, decoded);
        if let Media::Playing { last, .. } = &mut self.media
            && decoded != before
        {
            *last = now;
        }
        News::None
    }

    /// The application wants no audio, or wants it again: nobody waits for media meanwhile.
    pub(super) fn on_paused(&mut self, paused: bool, now: Instant) -> News {
        self.paused = paused;
        match &mut self.media {
            Media::Playing { last, .. } => *last = now,
            Media::Awaited { .. } | Media::Silent { .. } if paused && self.connect_by.is_none() => {
                return self.playing(now);
            }
            Media::Awaited { .. } | Media::Silent { .. } => {}
        }
        News::None
    }

    fn playing(&mut self, now: Instant) -> News {
        let report = after(now, self.quality_interval);
        let poll = after(now, POLL);
        self.media = Media::Playing { last: now, poll, report };
        News::Playing
    }
}
