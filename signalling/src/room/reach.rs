//! Whether a server can be reached, and where it takes media, without a login.

use express_messages::{ZegoError, codes, room::MediaPorts};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::link::{Connector, Incoming, Link, LinkError, Outgoing, signal_url};
use crate::protocol::{ClientFrame, MediaPorts as AskForPorts, MediaPortsOk, ServerFrame};

/// The only request on its socket.
const REQUEST_ID: u64 = 1;

/// Tries all of `servers` at once: the answer of the first that takes a connection, else what was wrong with each.
///
/// Connections begin with the call, and are closed with their answer. Dropping the future gives them up.
pub(super) fn tries(
    connector: &dyn Connector,
    servers: &[String],
) -> impl Future<Output = Result<MediaPorts, ZegoError>> + Send + use<> {
    let tries = servers.iter().map(|server| {
        let link = signal_url(server).map(|url| connector.connect(&url));
        async { asked(link?).await }.boxed()
    });
    let mut tries: FuturesUnordered<_> = tries.collect();
    async move {
        let mut problems = Vec::new();
        while let Some(result) = tries.next().await {
            match result {
                Ok(ports) => return Ok(ports),
                Err(problem) => problems.push(problem.to_string()),
            }
        }
        let advice = "look at the address, the network, and a proxy between";
        let problem = format!("no server can be reached: {}; {advice}", problems.join("; "));
        Err(ZegoError::new(codes::NETWORK_BROKEN, problem))
    }
}

/// A server that takes the connection is reached, whatever it says then: one of old does not know the request.
async fn asked(mut link: Link) -> Result<MediaPorts, LinkError> {
    loop {
        match link.incoming.recv().await {
            Some(Incoming::Opened) => {
                let ask = ClientFrame {
                    id: REQUEST_ID,
                    request: AskForPorts {}.into(),
                };
                // The queue is empty, and who cannot take it reports why.
                let _ = link.outgoing.try_send(Outgoing::Text(ask.to_text()));
            }
            Some(Incoming::Alive) => {}
            Some(Incoming::Text(text)) => return Ok(told(&text)),
            Some(Incoming::Closed(why)) => return Err(why),
            None => return Err(LinkError::Gone),
        }
    }
}

/// What an answer tells of the ports; a refusal tells nothing.
fn told(text: &str) -> MediaPorts {
    let Ok(ServerFrame::Ok { id: REQUEST_ID, ok }) = ServerFrame::parse(text) else {
        return MediaPorts::default();
    };
    let ports: MediaPortsOk = serde_json::from_value(ok).unwrap_or_default();
    MediaPorts {
        udp: ports.udp,
        tcp: ports.tcp,
        username: ports.username,
        password: ports.password,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use super::*;
    use crate::{protocol::WireError, room::link::LinkEnd};

    /// Opens links to servers that it knows, which say the same to whatever they are asked, and refuses others.
    struct Known {
        ends: Mutex<HashMap<String, LinkEnd>>,
        open: &'static str,
        says: ServerFrame,
    }

    impl Connector for Known {
        fn connect(&self, url: &str) -> Link {
            let (link, end) = Link::pair();
            let refused = LinkError::Http {
                server: url.into(),
                status: 502,
            };
            match url == self.open {
                true => {
                    end.incoming.try_send(Incoming::Opened).unwrap();
                    end.incoming.try_send(Incoming::Text(self.says.to_text())).unwrap();
                }
                false => end.incoming.try_send(Incoming::Closed(refused)).unwrap(),
            }
            self.ends.lock().unwrap().insert(url.into(), end);
            link
        }
    }

    fn known(open: &'static str, says: ServerFrame) -> Known {
        let ends = Mutex::default();
        Known { ends, open, says }
    }

    fn ports() -> MediaPortsOk {
        MediaPortsOk {
            udp: vec!["192.0.2.1:5000".parse().unwrap()],
            tcp: Vec::new(),
            username: "AA:anonymous".into(),
            password: "known to all".into(),
        }
    }

    #[tokio::test]
    async fn the_first_server_that_takes_a_connection_is_asked_for_its_ports_and_hung_up() {
        let connector = known("ws://b/v1/signal", ServerFrame::ok(REQUEST_ID, &ports()));
        let servers = ["ws://a".to_owned(), "ws://b".to_owned(), "ftp://c".to_owned()];
        let told = tries(&connector, &servers).await.unwrap();
        assert_eq!((told.udp, told.username), (ports().udp, ports().username));
        let mut ends = connector.ends.lock().unwrap();
        assert!(ends.values().all(|end| end.incoming.is_closed()), "no connection is left");
        let asked = ends.get_mut("ws://b/v1/signal").unwrap().outgoing.try_recv();
        assert_eq!(asked, Ok(Outgoing::Text(r#"{"id":1,"type":"mediaPorts"}"#.into())));
    }

    #[tokio::test]
    async fn a_server_that_does_not_know_the_question_is_reached_nevertheless() {
        let refusal = ServerFrame::error(REQUEST_ID, WireError::fatal(codes::INPUT_PARAM, "unknown variant"));
        let connector = known("ws://b/v1/signal", refusal);
        assert_eq!(tries(&connector, &["ws://b".to_owned()]).await, Ok(MediaPorts::default()));
    }

    #[tokio::test]
    async fn where_none_does_the_error_names_what_was_wrong_with_each() {
        let servers = ["ws://a".to_owned(), "ftp://c".to_owned()];
        let connector = known("", ServerFrame::ok(REQUEST_ID, &ports()));
        let error = tries(&connector, &servers).await.unwrap_err();
        assert_eq!(error.code, 1000017);
        assert!(error.message.contains("502") && error.message.contains("ftp://c"), "{error}");
    }
}
