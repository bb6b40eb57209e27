//! Other ways to the server than UDP: what its answer offers over TCP, and which of the ICE servers are of use.
//!
//! The direct way over UDP is tried alone at first. Only where it has not connected after [`FALLBACK_AFTER`] are connections
//! over TCP opened, and relayed ones accepted: so a client that UDP reaches opens none.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use express_messages::ice::IceServer;
use rtc::{
    ice::{
        candidate::unmarshal_candidate,
        tcp_type::TcpType,
        url::{ProtoType, SchemeType, Url},
    },
    peer_connection::configuration::RTCIceServer,
};

/// How long UDP alone is tried: longer than a connection takes at a round trip of a quarter of a second.
pub(super) const FALLBACK_AFTER: Duration = Duration::from_millis(500);
/// Most addresses of a server that are connected to over TCP.
const MAX_TCP: usize = 4;
/// Most relays that are asked for an address; each costs an allocation for each local address.
const MAX_RELAYS: usize = 2;
/// Place of the port in a candidate attribute (RFC 8839 §5.1).
const PORT_FIELD: usize = 5;

/// A passive candidate over TCP, kept back from the peer connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TcpCandidate {
    /// Where the server listens.
    pub(super) real: SocketAddr,
    /// What the peer connection calls it: `real`, or another port where a UDP candidate has that address.
    pub(super) alias: SocketAddr,
    /// The candidate with the alias, as `add_ice_candidate` takes it.
    pub(super) line: String,
}

/// Takes the TCP candidates out of a server's answer: the rest of it, and those that can be connected to.
pub(super) fn keep_back_tcp(answer: &str) -> (String, Vec<TcpCandidate>) {
    let mut taken: BTreeSet<SocketAddr> = BTreeSet::new();
    let mut tcp = Vec::new();
    let mut rest = String::with_capacity(answer.len());
    for line in answer.split_inclusive('\n') {
        let parsed = line
            .trim_end()
            .strip_prefix("a=candidate:")
            .map(|text| (text, unmarshal_candidate(text)));
        match parsed {
            Some((text, Ok(candidate))) if candidate.network_type().is_tcp() => {
                let passive = candidate.tcp_type() == TcpType::Passive;
                tcp.extend(passive.then(|| (text.to_owned(), candidate.addr())));
            }
            parsed => {
                taken.extend(
                    parsed
                        .and_then(|(_, candidate)| candidate.ok())
                        .map(|candidate| candidate.addr()),
                );
                rest.push_str(line);
            }
        }
    }
    tcp.truncate(MAX_TCP);
    let tcp = tcp
        .into_iter()
        .map(|(text, real)| with_alias(&text, real, &mut taken))
        .collect();
    (rest, tcp)
}

fn with_alias(text: &str, real: SocketAddr, taken: &mut BTreeSet<SocketAddr>) -> TcpCandidate {
    let mut alias = real;
    while !taken.insert(alias) {
        alias.set_port(alias.port().checked_add(1).unwrap_or(1));
    }
    let port = alias.port().to_string();
    let fields = text.split(' ').enumerate();
    let fields: Vec<&str> = fields
        .map(|(n, field)| if n == PORT_FIELD { port.as_str() } else { field })
        .collect();
    TcpCandidate {
        real,
        alias,
        line: format!("candidate:{}", fields.join(" ")),
    }
}

/// An offer without its TCP candidates: this side listens nowhere.
pub(super) fn without_tcp(offer: &str) -> String {
    keep_back_tcp(offer).0
}

/// The relays that the `webrtc` crate can use: TURN over UDP (RFC 8656).
///
/// It cannot speak to a TURN server over TCP or TLS (docs/differences.md). STUN servers are left out too: they tell a client
/// its own public address, which our server learns from the client's checks.
pub(super) fn relays(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let mut relays = Vec::new();
    for server in servers {
        let (used, unused): (Vec<_>, Vec<_>) = server.urls.iter().cloned().partition(|url| is_turn_over_udp(url));
        if !unused.is_empty() {
            tracing::debug!(urls = ?unused, "ICE servers that this client has no use for");
        }
        let (Some(username), Some(credential), false) = (&server.username, &server.credential, used.is_empty()) else {
            continue;
        };
        relays.push(RTCIceServer {
            urls: used,
            username: username.clone(),
            credential: credential.clone(),
        });
    }
    if relays.len() > MAX_RELAYS {
        tracing::debug!(given = relays.len(), used = MAX_RELAYS, "more relays than are asked at once");
    }
    relays.truncate(MAX_RELAYS);
    relays
}

/// RFC 7065: `turn:` without a transport is over UDP.
fn is_turn_over_udp(url: &str) -> bool {
    Url::parse_url(url).is_ok_and(|url| url.scheme == SchemeType::Turn && url.proto == ProtoType::Udp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=candidate:1 1 udp 2130706431 192.0.2.1 7000 typ host\r\n\
        a=candidate:2 1 tcp 1671430143 192.0.2.1 7000 typ host tcptype passive\r\n\
        a=candidate:3 1 tcp 1671430143 192.0.2.1 443 typ host tcptype passive\r\n\
        a=candidate:4 1 tcp 1671430143 192.0.2.1 9 typ host tcptype active\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn tcp_candidates_are_kept_back_and_the_rest_of_the_answer_is_left_as_it_is() {
        let (rest, tcp) = keep_back_tcp(ANSWER);
        let expected: String = ANSWER.split_inclusive('\n').filter(|line| !line.contains(" tcp ")).collect();
        assert_eq!(rest, expected);
        let addresses: Vec<String> = tcp.iter().map(|candidate| candidate.real.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.1:7000", "192.0.2.1:443"]);
    }

    #[test]
    fn a_port_that_serves_udp_and_tcp_goes_by_two_names() {
        let (_, tcp) = keep_back_tcp(ANSWER);
        assert_eq!(tcp[0].alias.to_string(), "192.0.2.1:7001");
        assert_eq!(
            tcp[0].line,
            "candidate:2 1 tcp 1671430143 192.0.2.1 7001 typ host tcptype passive"
        );
        assert_eq!(tcp[1].alias, tcp[1].real);
    }

    #[test]
    fn a_server_of_a_hundred_tcp_addresses_is_tried_at_four() {
        let many: String = (1..=100)
            .map(|n| format!("a=candidate:1 1 tcp 1671430143 192.0.2.{n} 443 typ host tcptype passive\r\n"))
            .collect();
        assert_eq!(keep_back_tcp(&many).1.len(), 4);
    }

    #[test]
    fn candidates_that_cannot_be_read_are_left_to_the_peer_connection() {
        let odd = "a=candidate:\r\na=candidate:1 1 tcp x 192.0.2.1 443 typ host\r\n";
        assert_eq!(keep_back_tcp(odd), (odd.to_owned(), Vec::new()));
    }

    fn server(urls: &[&str], secret: Option<&str>) -> IceServer {
        IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: secret.map(Into::into),
            credential: secret.map(Into::into),
        }
    }

    #[test]
    fn of_the_ice_servers_turn_over_udp_with_credentials_is_used() {
        let servers = [
            server(&["stun:stun.example.com"], None),
            server(&["turn:no-secret.example.com"], None),
            server(
                &[
                    "turn:a.example.com:3478?transport=udp",
                    "turn:a.example.com?transport=tcp",
                    "turns:a.example.com",
                    "turn:",
                    "turn:b.example.com",
                ],
                Some("s"),
            ),
            server(&["turn:c.example.com"], Some("s")),
            server(&["turn:d.example.com"], Some("s")),
        ];
        let urls: Vec<Vec<String>> = relays(&servers).into_iter().map(|relay| relay.urls).collect();
        assert_eq!(
            urls,
            [
                vec!["turn:a.example.com:3478?transport=udp", "turn:b.example.com"],
                vec!["turn:c.example.com"],
            ]
        );
    }
}
