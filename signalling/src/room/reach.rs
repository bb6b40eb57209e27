//! Whether a server can be reached, without a login.

use express_messages::{ZegoError, codes};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::link::{Connector, Incoming, Link, LinkError, signal_url};

/// Tries all of `servers` at once: the answer of the first that takes a connection, else what was wrong with each.
///
/// Connections begin with the call, and are closed as soon as they stand. Dropping the future gives them up.
pub(super) fn tries(connector: &dyn Connector, servers: &[String]) -> impl Future<Output = Result<(), ZegoError>> + Send + use<> {
    let tries = servers.iter().map(|server| {
        let link = signal_url(server).map(|url| connector.connect(&url));
        async { opened(link?).await }.boxed()
    });
    let mut tries: FuturesUnordered<_> = tries.collect();
    async move {
        let mut problems = Vec::new();
        while let Some(result) = tries.next().await {
            match result {
                Ok(()) => return Ok(()),
                Err(problem) => problems.push(problem.to_string()),
            }
        }
        Err(ZegoError::new(codes::NETWORK_BROKEN, problems.join("; ")))
    }
}

async fn opened(mut link: Link) -> Result<(), LinkError> {
    match link.incoming.recv().await {
        Some(Incoming::Closed(why)) => Err(why),
        Some(_) => Ok(()),
        None => Err(LinkError::Gone),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use super::*;
    use crate::room::link::LinkEnd;

    /// Opens links to servers that it knows, and refuses others.
    struct Known {
        ends: Mutex<HashMap<String, LinkEnd>>,
        open: &'static str,
    }

    impl Connector for Known {
        fn connect(&self, url: &str) -> Link {
            let (link, end) = Link::pair();
            let first = match url == self.open {
                true => Incoming::Opened,
                false => Incoming::Closed(LinkError::Http {
                    server: url.into(),
                    status: 502,
                }),
            };
            end.incoming.try_send(first).unwrap();
            self.ends.lock().unwrap().insert(url.into(), end);
            link
        }
    }

    fn known(open: &'static str) -> Known {
        Known {
            ends: Mutex::default(),
            open,
        }
    }

    #[tokio::test]
    async fn one_server_that_takes_a_connection_is_enough_and_it_is_hung_up_at_once() {
        let connector = known("ws://b/v1/signal");
        let servers = ["ws://a".to_owned(), "ws://b".to_owned(), "ftp://c".to_owned()];
        assert_eq!(tries(&connector, &servers).await, Ok(()));
        let ends = connector.ends.lock().unwrap();
        assert!(ends.values().all(|end| end.incoming.is_closed()), "no connection is left");
    }

    #[tokio::test]
    async fn where_none_does_the_error_names_what_was_wrong_with_each() {
        let servers = ["ws://a".to_owned(), "ftp://c".to_owned()];
        let error = tries(&known(""), &servers).await.unwrap_err();
        assert_eq!(error.code, 1000017);
        assert!(error.message.contains("502") && error.message.contains("ftp://c"), "{error}");
    }
}
