//! What the application is told of the room's state, and what is kept from it.
//!
//! ```text
//!                  LOGINING                LOGINED, RECONNECTED
//!  Disconnected ─────────────► Connecting ──────────────────────► Connected
//!       ▲                       │      ▲                            │  │
//!       │ LOGIN_FAILED          │      └──────────────────────── ───┘  │
//!       │ RECONNECT_FAILED      │           RECONNECTING               │
//!       └───────────────────────┴──────────────────────────────────────┘
//!                               KICKOUT, LOGOUT
//! ```
//!
//! An event is told only when the coarse state changes, so retries repeat nothing. A lost link is held back: it is told
//!
//! - when it is still away after the debounce (8 s);
//! - at once, when it is the second loss within the debounce of the first, though the link came back in between;
//! - at once, when the session is gone and the client has to log in anew, for then others may notice too.
//!
//! A link that is back before any of these leaves no trace here: nothing is told, neither RECONNECTING nor RECONNECTED.
//! A relogin that the server asked for (`need_relogin`) counts as a lost link, not as a lost session.

use std::time::{Duration, Instant};

use express_messages::{codes, room::RoomEvent, types::RoomStateChangedReason as Reason};

use super::timers::after;

/// The documented coarse state, as the application knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Disconnected,
    Connecting,
    Connected,
}

/// What was told, and what is held back.
#[derive(Debug)]
pub(super) struct Report {
    told: Told,
    /// A first login succeeded: failures are called RECONNECT_FAILED from now on.
    completed: bool,
    /// Until when a second loss is told at once.
    window: Option<Instant>,
    /// The code of the loss that is held back while the link is away.
    held: Option<i32>,
    /// The server asked for the relogin that goes on.
    relogin_wanted: bool,
}

fn event(reason: Reason, code: i32, extended_data: impl Into<String>) -> RoomEvent {
    RoomEvent::StateChanged {
        reason,
        code,
        extended_data: extended_data.into(),
    }
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            told: Told::Disconnected,
            completed: false,
            window: None,
            held: None,
            relogin_wanted: false,
        }
    }

    /// Whether a login succeeded before.
    pub(super) fn completed(&self) -> bool {
        self.completed
    }

    /// The login begins.
    pub(super) fn logining(&mut self) -> RoomEvent {
        self.told = Told::Connecting;
        event(Reason::Logining, codes::SUCCESS, "")
    }

    /// Logged in, or in again.
    pub(super) fn up(&mut self) -> Option<RoomEvent> {
        self.held = None;
        self.relogin_wanted = false;
        if self.told != Told::Connecting {
            return None;
        }
        self.told = Told::Connected;
        let reason = if self.completed {
            Reason::Reconnected
        } else {
            Reason::Logined
        };
        self.completed = true;
        Some(event(reason, codes::SUCCESS, ""))
    }

    /// The link was lost. Without an event, [`Self::window`] says when to ask [`Self::window_over`].
    pub(super) fn link_lost(&mut self, now: Instant, debounce: Duration) -> Option<RoomEvent> {
        self.lost(now, debounce, codes::NETWORK_BROKEN)
    }

    /// The server asked for a new login.
    pub(super) fn relogin_wanted(&mut self, now: Instant, debounce: Duration) -> Option<RoomEvent> {
        self.relogin_wanted = true;
        self.lost(now, debounce, codes::NETWORK_RECOVERY)
    }

    fn lost(&mut self, now: Instant, debounce: Duration, code: i32) -> Option<RoomEvent> {
        if self.window.is_some_and(|end| now < end) {
            return self.reconnecting(code);
        }
        self.window = Some(after(now, debounce));
        self.held = Some(code);
        None
    }

    /// The session is gone.
    pub(super) fn session_lost(&mut self) -> Option<RoomEvent> {
        if self.relogin_wanted {
            return None;
        }
        self.reconnecting(codes::NETWORK_RECOVERY)
    }

    /// Until when a loss is held back.
    pub(super) fn window(&self) -> Option<Instant> {
        self.window
    }

    /// The debounce is over: a loss that lasts is told now.
    pub(super) fn window_over(&mut self) -> Option<RoomEvent> {
        self.window = None;
        let code = self.held?;
        self.reconnecting(code)
    }

    fn reconnecting(&mut self, code: i32) -> Option<RoomEvent> {
        self.window = None;
        self.held = None;
        if self.told != Told::Connected {
            return None;
        }
        self.told = Told::Connecting;
        Some(event(Reason::Reconnecting, code, ""))
    }

    /// Given up. A loss that was still held back is told first, so that a failure always follows its RECONNECTING.
    pub(super) fn failed(&mut self, code: i32, text: &str) -> Vec<RoomEvent> {
        let held = self.held.unwrap_or(codes::NETWORK_BROKEN);
        let mut events: Vec<_> = self.reconnecting(held).into_iter().collect();
        let reason = if self.completed {
            Reason::ReconnectFailed
        } else {
            Reason::LoginFailed
        };
        events.extend(self.end(reason, code, text));
        events
    }

    /// Kicked out.
    pub(super) fn kicked_out(&mut self, code: i32, extended_data: &str) -> Option<RoomEvent> {
        self.end(Reason::Kickout, code, extended_data)
    }

    /// Logged out; a login that was still running is cancelled, which the documented event reports as 0 too.
    pub(super) fn logged_out(&mut self) -> Option<RoomEvent> {
        self.end(Reason::Logout, codes::SUCCESS, "")
    }

    fn end(&mut self, reason: Reason, code: i32, extended_data: &str) -> Option<RoomEvent> {
        if self.told == Told::Disconnected {
            return None;
        }
        self.told = Told::Disconnected;
        Some(event(reason, code, extended_data))
    }
}
