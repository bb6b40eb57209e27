//! A shard's datagram entry: an input is a list of steps.

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Unstructured;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS};

use super::super::core::Command;
use super::super::sdp::Credentials;
use super::super::tuple::{TcpLink, Tuple, Via};
use super::packets::sealed;
use super::peers::{LISTENER, PUBLISHER, Peers};
use super::{number, piece};

/// Steps of one input: more take time and show nothing new.
const MOST_STEPS: usize = 64;

/// Steps, each a byte and what it takes: bytes from somewhere, media under the right keys, a client's or another node's, STUN that is
/// authentic, time, commands.
pub fn datagrams(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut peers = Peers::connected();
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let answers = step(&mut peers, &mut input);
        peers.settle(answers);
    }
    end(peers);
}

/// Does one step; whether checks that follow from it are answered.
fn step(peers: &mut Peers, input: &mut Unstructured<'_>) -> bool {
    let kind = number::<u8>(input);
    let (who, answers) = (usize::from(kind >> 7), kind & 0x40 == 0);
    match kind & 0x3f {
        0..=7 => {
            let from = place(peers, who, input);
            peers.core.handle(piece(input), from, peers.now);
        }
        8..=15 => media(peers, who, input),
        16..=23 => stun(peers, who, input),
        24..=31 => speak(peers, input),
        32..=39 => pass(peers, Duration::from_millis(number::<u16>(input).into())),
        40..=43 => command(peers, who, input),
        44 => peers.core.lose_path(place(peers, who, input)),
        56..=60 => relayed(peers, who, input),
        61 => relay_command(peers, who, input),
        _ => {
            let check = peers.clients[who].check();
            let from = place(peers, who, input);
            peers.core.handle(&check, from, peers.now);
        }
    }
    answers
}

/// Where something comes from: mostly the client's own address, else one of a few others, over UDP or TCP.
fn place(peers: &Peers, who: usize, input: &mut Unstructured<'_>) -> Tuple {
    let which = number::<u8>(input);
    let own = peers.clients[who].address;
    let other = SocketAddr::from(([192, 0, 2, which & 7], 1000));
    match which {
        0..=199 => own.into(),
        200..=239 => other.into(),
        _ => Tuple {
            address: other,
            via: Via::Tcp(TcpLink(u64::from(which & 3))),
        },
    }
}

/// RTP or RTCP of the input, encrypted by the client that it seems to come from.
fn media(peers: &mut Peers, who: usize, input: &mut Unstructured<'_>) {
    let is_rtcp = number::<u8>(input) & 1 == 1;
    let from = place(peers, who, input);
    let packet = piece(input);
    let client = &mut peers.clients[who];
    let sealed = if is_rtcp {
        client.seal_rtcp(packet)
    } else {
        client.seal_rtp(packet)
    };
    if let Some(datagram) = sealed {
        peers.core.handle(&datagram, from, peers.now);
    }
}

/// RTP or RTCP of the input, encrypted by another node, from where that is or from somewhere else.
fn relayed(peers: &mut Peers, who: usize, input: &mut Unstructured<'_>) {
    let kind = number::<u8>(input);
    let from = match kind & 0xc {
        0 => place(peers, who, input),
        _ => peers.nodes[who].address.into(),
    };
    let packet = piece(input);
    if let Some(datagram) = peers.nodes[who].seal(packet, kind & 1 == 1, kind & 2 == 0) {
        peers.core.handle(&datagram, from, peers.now);
    }
}

fn relay_command(peers: &mut Peers, who: usize, input: &mut Unstructured<'_>) {
    let id = peers.nodes[who].id;
    let command = match number::<u8>(input) % 4 {
        0 => Command::Remove(id),
        1 => Command::SetRelaySource(id, peers.nodes[who].address.into()),
        2 => Command::SetLoudest(id, number::<u8>(input).into()),
        _ => Command::SetPaused(id, number::<u8>(input) & 1 == 1),
    };
    peers.core.handle_command(command, peers.now);
}

/// Speech as a client sends it, with numbers of the input.
fn speak(peers: &mut Peers, input: &mut Unstructured<'_>) {
    let (sequence, timestamp): (u16, u32) = (number(input), number(input));
    let ssrc = u32::from(number::<u8>(input) & 3);
    let mut packet = vec![0x90, 111];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
    packet.extend_from_slice(piece(input));
    let client = &mut peers.clients[PUBLISHER];
    let address = client.address;
    if let Some(datagram) = client.seal_rtp(&packet) {
        peers.core.handle(&datagram, address.into(), peers.now);
    }
}

/// A request or a response that is authentic, with attributes of the input.
fn stun(peers: &mut Peers, who: usize, input: &mut Unstructured<'_>) {
    let from = place(peers, who, input);
    let client = &peers.clients[who];
    let mut transaction = [0; 12];
    transaction[3] = number::<u8>(input) & 3;
    let username = format!("{}:{}", client.server.ufrag, client.own.ufrag);
    let written = if number::<u8>(input) & 1 == 0 {
        sealed(input, BINDING_REQUEST, transaction, Some(&username), &client.server.password)
    } else {
        sealed(input, BINDING_SUCCESS, transaction, None, &client.own.password)
    };
    if let Some(datagram) = written {
        peers.core.handle(&datagram, from, peers.now);
    }
}

fn command(peers: &mut Peers, who: usize, input: &mut Unstructured<'_>) {
    let id = peers.clients[who].id;
    let command = match number::<u8>(input) % 8 {
        0 => Command::Remove(id),
        1..=3 => Command::SetPaused(peers.clients[LISTENER].id, false),
        4..=6 => Command::SetPaused(peers.clients[LISTENER].id, true),
        _ => {
            let client = &mut peers.clients[who];
            let fresh = |side: &str| Credentials::new(side, "restartedrestartedrestarted").expect("these are good");
            (client.server, client.own) = (fresh(&format!("AAagain{who}")), fresh(&format!("again{who}")));
            Command::RestartIce(id, Box::new((client.server.clone(), client.own.clone())))
        }
    };
    peers.core.handle_command(command, peers.now);
}

/// Lets time pass, stopping at every time-out.
fn pass(peers: &mut Peers, time: Duration) {
    let end = peers.now + time;
    while let Some(due) = peers.core.next_timeout().filter(|due| *due <= end) {
        peers.now = peers.now.max(due);
        peers.core.handle_timeout(peers.now);
        peers.settle(true);
    }
    peers.now = end;
}

/// Everybody falls silent: nothing may be left of them, however they were treated.
fn end(mut peers: Peers) {
    let longest = Duration::from_secs(60);
    let until = peers.now + longest;
    while let Some(due) = peers.core.next_timeout().filter(|due| *due <= until) {
        peers.now = peers.now.max(due);
        peers.core.handle_timeout(peers.now);
        peers.settle(false);
    }
    assert!(
        peers.core.is_empty(),
        "somebody who was silent for {longest:?} is still there"
    );
    assert_eq!(peers.core.next_timeout(), None);
}
