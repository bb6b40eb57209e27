//! A server that only TCP reaches: a bridge from RFC 4571 frames to the datagrams of the other side.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::*;

/// Carries the streams that it accepts to `server`.
async fn bridge(listener: TcpListener, server: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(carry(stream, server));
    }
}

async fn carry(stream: TcpStream, server: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    let (reader, writer) = stream.into_split();
    tokio::select! {
        () = frames_to_datagrams(reader, &socket) => {}
        () = datagrams_to_frames(&socket, writer) => {}
    }
}

async fn frames_to_datagrams(mut reader: OwnedReadHalf, socket: &UdpSocket) {
    while let Ok(length) = reader.read_u16().await {
        let mut frame = vec![0; usize::from(length)];
        if reader.read_exact(&mut frame).await.is_err() || socket.send(&frame).await.is_err() {
            return;
        }
    }
}

async fn datagrams_to_frames(socket: &UdpSocket, mut writer: OwnedWriteHalf) {
    let mut buffer = [0; 1_500];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let mut frame = u16::try_from(length).unwrap().to_be_bytes().to_vec();
        frame.extend(&buffer[..length]);
        if writer.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// The answer with the bridge in place of the server: over TCP, and over UDP at the same port, where nobody hears.
async fn behind_bridge(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let direct = answer.lines().find(|line| line.starts_with("a=candidate:")).unwrap();
    let server_port: u16 = direct.split(' ').nth(5).unwrap().parse().unwrap();
    tokio::spawn(bridge(listener, SocketAddr::from(([127, 0, 0, 1], server_port))));
    let udp = format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host");
    let tcp = format!("a=candidate:2 1 tcp 1671430143 127.0.0.1 {port} typ host tcptype passive");
    answer.replacen(direct, &format!("{udp}\r\n{tcp}"), 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_udp_does_not_reach_is_reached_over_tcp_also_where_both_have_one_port() {
    let packets = publish_through(Server::default(), behind_bridge).await;
    assert!(packets.len() >= 5);
}
