//! I8 for tokens: a renewal that came to the server is not lost. No session ends for a token that a newer one has replaced, and no
//! login after it shows an older one.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::codes;
use express_server::rooms::ConnectionId;

use super::Books;
use crate::ledger::{Login, Made};
use crate::world::World;

/// The newest token of each login that a server was shown.
pub(super) type Tokens = BTreeMap<Login, Made>;

impl Books {
    /// A client begins again: what its earlier lives had is over.
    pub(crate) fn begins(&mut self, client: usize, life: u32) {
        self.tokens.retain(|(of, in_life, _), _| *of != client || *in_life == life);
    }
}

impl World {
    /// A token came to the server, with a login or to renew one.
    pub(crate) fn token_shown(&mut self, connection: ConnectionId, token: &str) {
        let Some((login, token)) = self.login_of(connection).zip(self.made(token)) else {
            return;
        };
        let newest = self.books.tokens.entry(login).or_insert(token);
        if newest.number < token.number {
            *newest = token;
        }
    }

    /// A client shows a token to log in with.
    pub(crate) fn check_token_is_newest(&mut self, connection: ConnectionId, token: &str) {
        let login = self.login_of(connection);
        let taken = login.and_then(|login| self.books.tokens.get(&login));
        let shown = self.made(token);
        if let Some((taken, shown)) = taken.zip(shown)
            && shown.number < taken.number
        {
            let what = format!(
                "c{:?} logs in anew with a token older than its renewal",
                login.map(|login| login.0)
            );
            self.fail("I8", what);
        }
    }

    /// An application is told why its room ended.
    pub(crate) fn check_expiry(&mut self, client: usize, room: u64, code: i32) {
        if code != codes::TOKEN_EXPIRED {
            return;
        }
        let login = (client, self.clients[client].life, room);
        let now_s = self.unix_s();
        // The end was on its way while the line held it.
        let left = |token: &Made| Duration::from_secs(u64::try_from(token.expires_s - now_s).unwrap_or_default());
        if let Some(left) = self.books.tokens.get(&login).map(left).filter(|left| !left.is_zero()) {
            self.fail(
                "I8",
                format!("c{client}: its token expired, which is good for another {left:?}"),
            );
        }
    }
}
