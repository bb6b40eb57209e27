//! The token of a login: which one is in force, whether the server knows it, and when its end is to be announced.

use std::time::{Duration, Instant};

use super::timers::after;

/// The newest token and what became of it.
pub(super) struct TokenKeeper {
    current: String,
    /// What was in force before `current`, until the server accepts that.
    before: Option<String>,
    /// When the current token ends, once the server said so.
    ends: Option<Instant>,
    warned: bool,
}

impl TokenKeeper {
    pub(super) fn new(token: String) -> Self {
        Self {
            current: token,
            before: None,
            ends: None,
            warned: false,
        }
    }

    /// The token to log in with.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// Takes a new token; `false` when it is the current one.
    pub(super) fn renew(&mut self, token: String) -> bool {
        if token == self.current {
            return false;
        }
        let old = std::mem::replace(&mut self.current, token);
        self.before.get_or_insert(old);
        true
    }

    /// Whether the server has yet to accept the current token.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.before.is_some()
    }

    /// The server accepted `token`; its end is announced anew.
    pub(super) fn accepted(&mut self, token: &str) {
        if self.before.is_none() {
            return;
        }
        self.before = (token != self.current).then(|| token.into());
        self.warned = false;
    }

    /// The server refused `token`: the one before it stays in force, unless a newer one waits already.
    pub(super) fn refused(&mut self, token: &str) {
        if token == self.current
            && let Some(before) = self.before.take()
        {
            self.current = before;
        }
    }

    /// What is left of the life of the token in force. Returns when to announce its end; `None` when that was done.
    pub(super) fn expires(&mut self, now: Instant, left: Duration, warning: Duration) -> Option<Instant> {
        let ends = after(now, left);
        self.ends = Some(ends);
        let at = ends.checked_sub(warning).unwrap_or(now).max(now);
        (!self.warned).then_some(at)
    }

    /// The end is announced, once; what is left.
    pub(super) fn warn(&mut self, now: Instant) -> Duration {
        self.warned = true;
        self.ends.map_or(Duration::ZERO, |ends| ends.saturating_duration_since(now))
    }
}

impl std::fmt::Debug for TokenKeeper {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeeper")
            .field("unconfirmed", &self.is_unconfirmed())
            .field("warned", &self.warned)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_token_gives_way_to_the_one_before_it() {
        let mut keeper = TokenKeeper::new("a".into());
        assert!(keeper.renew("b".into()));
        keeper.refused("b");
        assert_eq!(keeper.current(), "a");
        assert!(!keeper.is_unconfirmed());
    }

    #[test]
    fn a_refusal_that_comes_after_a_newer_token_changes_nothing() {
        let mut keeper = TokenKeeper::new("a".into());
        keeper.renew("b".into());
        keeper.renew("c".into());
        keeper.refused("b");
        assert_eq!(keeper.current(), "c");
        keeper.refused("c");
        assert_eq!(keeper.current(), "a", "b was never in force");
    }

    #[test]
    fn a_token_accepted_while_a_newer_one_waits_is_what_a_refusal_falls_back_to() {
        let mut keeper = TokenKeeper::new("a".into());
        keeper.renew("b".into());
        keeper.renew("c".into());
        keeper.accepted("b");
        assert!(keeper.is_unconfirmed());
        keeper.refused("c");
        assert_eq!(keeper.current(), "b");
    }

    #[test]
    fn the_same_token_again_is_nothing_new() {
        let mut keeper = TokenKeeper::new("a".into());
        assert!(!keeper.renew("a".into()));
        assert!(!keeper.is_unconfirmed());
    }
}
