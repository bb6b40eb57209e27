//! Whether a server's media ports can be reached, without a login: one STUN request over each way, asked again until it is answered.

use std::{io, net::SocketAddr, time::Duration};

use express_messages::{ZegoError, codes, publisher::MediaWays, room::MediaPorts};
use futures::{StreamExt, stream::FuturesUnordered};
use rtc::{
    crypto::{RTCCrypto, RTCCryptoProvider, providers::AwsLcRsProvider},
    stun::{
        attributes::ATTR_USERNAME,
        fingerprint::FINGERPRINT,
        integrity::MessageIntegrity,
        message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId},
        textattrs::Username,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// Most addresses of each way that are tried; a server may tell more.
const MAX_TRIED: usize = 8;
/// A datagram may be lost.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Longest answer that is looked at; one of STUN has about 70 bytes.
const MAX_ANSWER: usize = 512;

/// The cryptography of MESSAGE-INTEGRITY.
fn crypto() -> &'static dyn RTCCrypto {
    static PROVIDER: AwsLcRsProvider = AwsLcRsProvider::new();
    PROVIDER.crypto()
}

/// Tries both ways at once, for as long as `within`.
pub(crate) async fn try_ways(ports: MediaPorts, within: Duration) -> MediaWays {
    let udp = async {
        let tries = first(&ports.udp).map(|to| over_udp(to, &ports)).collect();
        any(tries, within).await
    };
    let tcp = async {
        let tries = first(&ports.tcp).map(|to| over_tcp(to, &ports)).collect();
        any(tries, within).await
    };
    let (udp, tcp) = tokio::join!(udp, tcp);
    let rest = match tcp {
        Some(true) => "calls go over TCP, with more delay on a bad network",
        _ => "calls need a TURN server then ([[ice.servers]] of the server)",
    };
    let lost = |way: &str, addresses: &[SocketAddr], rest: &str| {
        let addresses: Vec<_> = first(addresses).map(|address| address.to_string()).collect();
        let text = format!(
            "nothing came back over {way} from {} within {} ms: a firewall on the way blocks it, or the server names addresses that \
             are not its own (media.public_addresses); {rest}",
            addresses.join(", "),
            within.as_millis()
        );
        ZegoError::new(codes::PUBLISHER_MEDIA_CONNECTION_ERROR, text)
    };
    let found = |way, reached: Option<bool>, addresses: &[SocketAddr], rest| {
        reached.map(|reached| reached.then_some(()).ok_or_else(|| lost(way, addresses, rest)))
    };
    MediaWays {
        tcp: found("TCP", tcp, &ports.tcp, "UDP is what calls prefer"),
        udp: found("UDP", udp, &ports.udp, rest),
    }
}

fn first(addresses: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> + '_ {
    addresses.iter().copied().take(MAX_TRIED)
}

/// Whether one of the tries gets its answer in time; `None`: there is none to try.
async fn any(mut tries: FuturesUnordered<impl Future<Output = io::Result<()>>>, within: Duration) -> Option<bool> {
    if tries.is_empty() {
        return None;
    }
    let answered = async {
        while let Some(tried) = tries.next().await {
            if tried.is_ok() {
                return true;
            }
        }
        false
    };
    Some(timeout(within, answered).await.unwrap_or(false))
}

async fn over_udp(to: SocketAddr, ports: &MediaPorts) -> io::Result<()> {
    let any_port: SocketAddr = match to {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    let socket = UdpSocket::bind(any_port).await?;
    socket.connect(to).await?;
    let request = request(ports)?;
    loop {
        // What the network says of an earlier one may change until the next.
        let _ = socket.send(&request.raw).await;
        if timeout(ASK_AGAIN, answered(&socket, &request, &ports.password)).await.is_ok() {
            return Ok(());
        }
    }
}

async fn answered(socket: &UdpSocket, request: &Message, password: &str) {
    let mut answer = [0; MAX_ANSWER];
    loop {
        // An error is told once; what is no answer is of somebody else.
        if let Ok(length) = socket.recv(&mut answer).await
            && answers(&answer[..length], request, password)
        {
            return;
        }
    }
}

/// In a frame of RFC 4571.
async fn over_tcp(to: SocketAddr, ports: &MediaPorts) -> io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    let request = request(ports)?;
    let length = u16::try_from(request.raw.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &request.raw].concat()).await?;
    let length = usize::from(stream.read_u16().await?);
    let mut answer = [0; MAX_ANSWER];
    let answer = answer
        .get_mut(..length)
        .ok_or_else(|| io::Error::other("no answer of STUN is so long"))?;
    stream.read_exact(answer).await?;
    match answers(answer, &request, &ports.password) {
        true => Ok(()),
        false => Err(io::Error::other("this is no answer to it")),
    }
}

/// A Binding request with what the server wants to see (RFC 8489 §9.1).
fn request(ports: &MediaPorts) -> io::Result<Message> {
    let mut message = Message::new();
    message.reset();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId(rand::random());
    message.write_header();
    let parts: [&dyn Setter; 3] = [
        &Username {
            attr: ATTR_USERNAME,
            text: ports.username.clone(),
        },
        &MessageIntegrity::new_short_term_integrity_with_provider(ports.password.clone(), crypto()),
        &FINGERPRINT,
    ];
    for part in parts {
        part.add_to(&mut message).map_err(io::Error::other)?;
    }
    Ok(message)
}

/// Whether it comes from who knows the password, and is about this request.
fn answers(datagram: &[u8], request: &Message, password: &str) -> bool {
    let mut message = Message::default();
    message.unmarshal_binary(datagram).is_ok()
        && message.typ == BINDING_SUCCESS
        && message.transaction_id == request.transaction_id
        && MessageIntegrity::check(&mut message, password.as_bytes(), crypto()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything on loopback takes.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// For what does not come.
    const SHORT: Duration = Duration::from_millis(50);

    fn ports(udp: SocketAddr) -> MediaPorts {
        MediaPorts {
            udp: vec![udp],
            tcp: Vec::new(),
            username: "AA:anonymous".into(),
            password: "known to all".into(),
        }
    }

    /// A socket that answers the second request by `password`: the first was lost.
    async fn answering(password: &'static str) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut datagram = [0; MAX_ANSWER];
            socket.recv_from(&mut datagram).await.unwrap();
            let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
            let mut asked = Message::default();
            asked.unmarshal_binary(&datagram[..length]).unwrap();
            let mut answer = Message::new();
            answer.reset();
            answer.typ = BINDING_SUCCESS;
            answer.transaction_id = asked.transaction_id;
            answer.write_header();
            MessageIntegrity::new_short_term_integrity_with_provider(password.into(), crypto())
                .add_to(&mut answer)
                .unwrap();
            socket.send_to(&answer.raw, from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_way_is_open_where_an_answer_comes_though_a_datagram_was_lost() {
        let ways = try_ways(ports(answering("known to all").await), PATIENCE).await;
        assert_eq!((ways.udp, ways.tcp), (Some(Ok(())), None));
    }

    #[tokio::test]
    async fn nobody_else_answers_for_the_server_and_the_error_says_where_it_was_looked_for() {
        let stranger = answering("another").await;
        let mut asked = ports(stranger);
        // A listener that says nothing.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        asked.tcp = vec![silent.local_addr().unwrap()];
        let ways = try_ways(asked, 10 * SHORT).await;
        let (udp, tcp) = (ways.udp.unwrap().unwrap_err(), ways.tcp.unwrap().unwrap_err());
        assert_eq!((udp.code, tcp.code), (1103028, 1103028));
        assert!(
            udp.message.contains(&stranger.to_string()) && udp.message.contains("TURN"),
            "{udp}"
        );
        let closed = try_ways(ports("127.0.0.1:9".parse().unwrap()), SHORT).await;
        assert!(closed.udp.unwrap().is_err(), "a closed port is no answer");
    }
}
