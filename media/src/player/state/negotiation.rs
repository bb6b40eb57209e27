//! A playback's way to an applied answer: offer, exchange, answer.

use std::time::Instant;

use express_messages::{
    codes,
    room::{RequestError, SdpAnswer},
};

use super::{Effect, Phase, Playback};
use crate::{
    player::live::{Live, News},
    retry::after,
    transport::TransportError,
};

impl Playback {
    /// The connection of try `attempt` made its offer, or could not.
    pub(in crate::player) fn on_offer(
        &mut self,
        attempt: u32,
        offer: Result<String, TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt != self.attempt || !matches!(self.phase, Phase::Offering { .. }) {
            return effects;
        }
        match offer {
            Ok(offer) => {
                // Twice the time that the room role itself waits: it answers first, unless it is gone.
                let until = after(now, self.timings.request_timeout.saturating_mul(2));
                self.phase = Phase::Exchanging { until, gone: false };
                effects.push(Effect::Exchange(attempt, offer));
            }
            Err(error) => {
                self.wait(
                    now,
                    random,
                    None,
                    codes::PLAYER_CREATE_OFFER,
                    &error.to_string(),
                    &mut effects,
                );
            }
        }
        effects
    }

    /// The server answered the offer of try `attempt`, or did not.
    pub(in crate::player) fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Phase::Exchanging { gone, .. } = self.phase else {
            return effects;
        };
        if attempt != self.attempt {
            return effects;
        }
        match answer {
            Ok(_) if gone => {
                let text = "the publisher vanished";
                self.wait(now, random, None, codes::PLAYER_STREAM_INTERRUPTED, text, &mut effects);
                self.missing = true;
            }
            Ok(SdpAnswer { sdp, loudest }) => {
                self.limited = loudest > 0;
                let until = after(now, self.timings.request_timeout);
                self.phase = Phase::Applying { until, connected: false };
                self.missing = false;
                effects.push(Effect::Apply(attempt, sdp));
            }
            Err(error) => self.refused(now, random, error, &mut effects),
        }
        effects
    }

    fn refused(&mut self, now: Instant, random: f64, error: RequestError, effects: &mut Vec<Effect>) {
        let text = error.to_string();
        let (code, asked) = match error {
            RequestError::Refused {
                code,
                message,
                retry_after,
            } => {
                // This exchange left nothing behind at the server.
                self.phase = Phase::Waiting { until: now };
                self.missing = code == codes::PLAYER_STREAM_NOT_EXIST;
                if retry_after.is_none() {
                    self.end(code, &message, effects);
                    return;
                }
                (code, retry_after)
            }
            RequestError::Disconnected => (codes::PLAYER_WEBSOCKET_DISCONNECTED, None),
            // TimedOut, and whatever else may be asked again one day.
            _ => (codes::TIMEOUT, None),
        };
        self.wait(now, random, asked, code, &text, effects);
    }

    /// The connection of try `attempt` took the answer, or could not.
    pub(in crate::player) fn on_applied(
        &mut self,
        attempt: u32,
        applied: Result<(), TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Phase::Applying { connected, .. } = self.phase else {
            return effects;
        };
        if attempt != self.attempt {
            return effects;
        }
        if let Err(error) = applied {
            self.wait(now, random, None, codes::PLAYER_REMOTE_DESC, &error.to_string(), &mut effects);
            return effects;
        }
        if !std::mem::replace(&mut self.negotiated, true) {
            effects.push(Effect::Attach);
            effects.push(Effect::Negotiated);
        }
        if self.paused {
            effects.push(Effect::Pause(attempt, true));
        }
        let mut live = Live::new(now, (self.paused, self.limited), &self.timings);
        let news = if connected { live.on_connected(now) } else { News::None };
        self.phase = Phase::Live(live);
        self.on_news(news, now, random, &mut effects);
        effects
    }
}
