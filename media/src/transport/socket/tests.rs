use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn check(kind: [u8; 2], transaction: u8) -> Vec<u8> {
    [&kind[..], &[0, 0], &COOKIE, &[transaction; 12]].concat()
}

/// A socket, and a server that it knows.
async fn pair() -> (Followed, Udp, SocketAddr) {
    let (socket, server, to, _wire) = wired().await;
    (socket, server, to)
}

async fn wired() -> (Followed, Udp, SocketAddr, Arc<Wire>) {
    let server = Udp::bind("127.0.0.1:0").await.unwrap();
    let to = server.local_addr().unwrap();
    let wire = Arc::new(Wire::new(Handle::current()));
    wire.set_connected();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::new(socket, &Handle::current(), Arc::clone(&wire)).unwrap();
    (Followed(Arc::new(socket)), server, to, wire)
}

async fn receive(socket: &Followed) -> (Vec<u8>, RecvMeta) {
    let (mut buf, mut meta) = ([0; 1_500], [RecvMeta::default()]);
    let received = std::future::poll_fn(|cx| {
        let mut bufs = [IoSliceMut::new(&mut buf)];
        socket.poll_recv(cx, &mut bufs, &mut meta)
    });
    assert_eq!(received.await.unwrap(), 1);
    let [meta] = meta;
    (buf[..meta.len].to_vec(), meta)
}

#[tokio::test]
async fn a_datagram_that_the_kernel_refuses_is_lost_without_an_error() {
    let (socket, _server, _) = pair().await;
    // RFC 5737: an address for documentation, which nothing on loopback can reach.
    let nowhere = "198.51.100.1:9".parse().unwrap();
    assert!(socket.0.lock().socket.try_send_to(b"check", nowhere).is_err());
    assert_eq!(socket.send_to(b"check", nowhere).await.unwrap(), 5);
}

#[tokio::test]
async fn a_datagram_comes_whole_with_its_sender_also_when_it_is_empty() {
    let (socket, server, from) = pair().await;
    for text in [&b"hello"[..], b""] {
        server.send_to(text, socket.local_addr().unwrap()).await.unwrap();
        let (heard, meta) = receive(&socket).await;
        assert_eq!((meta.len, meta.stride), (text.len(), text.len().max(1)));
        assert_eq!((meta.addr, &heard[..]), (from, text));
    }
}

#[tokio::test]
async fn a_socket_that_moves_reminds_the_server_from_its_new_address_and_hears_there_under_its_old_name() {
    let (socket, server, to) = pair().await;
    let (name, mut buffer) = (socket.local_addr().unwrap(), [0; 64]);
    let request = check(REQUEST, 7);
    socket.send_to(&request, to).await.unwrap();
    let (_, old) = server.recv_from(&mut buffer).await.unwrap();
    let waiting = receive(&socket);
    let moving = async {
        // The reader waits at the old address by now.
        tokio::task::yield_now().await;
        let moved = socket.0.move_to(&mut socket.0.lock(), "127.0.0.2".parse().unwrap()).unwrap();
        let (length, from) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&request[..], moved));
        assert_ne!(from, old);
        server.send_to(b"here you are", from).await.unwrap();
    };
    let ((heard, _), ()) = tokio::join!(waiting, moving);
    assert_eq!(heard, b"here you are");
    assert_eq!(socket.local_addr().unwrap(), name);
}

#[tokio::test]
async fn a_second_answer_to_the_same_check_is_kept_from_the_crate_and_a_first_one_is_not() {
    let (socket, server, to) = pair().await;
    let name = socket.local_addr().unwrap();
    socket.send_to(&check(REQUEST, 7), to).await.unwrap();
    for answer in [check(SUCCESS, 7), check(SUCCESS, 7), check(SUCCESS, 8), b"last".to_vec()] {
        server.send_to(&answer, name).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(receive(&socket).await.0);
    }
    assert_eq!(heard, [check(SUCCESS, 7), check(SUCCESS, 8), b"last".to_vec()]);
}

#[tokio::test]
async fn the_server_is_reminded_when_a_stream_that_flowed_is_heard_no_more() {
    let (socket, server, to) = pair().await;
    let request = check(REQUEST, 7);
    socket.send_to(&request, to).await.unwrap();
    server
        .send_to(&[0x80, 111, 0, 1], socket.local_addr().unwrap())
        .await
        .unwrap();
    receive(&socket).await;
    for _ in 0..2 {
        let mut buffer = [0; 64];
        let heard = tokio::time::timeout(Duration::from_secs(5), server.recv_from(&mut buffer)).await;
        assert_eq!(&buffer[..heard.unwrap().unwrap().0], request);
    }
}

#[test]
fn the_way_to_a_server_on_this_machine_begins_at_loopback() {
    assert_eq!(way_to("127.0.0.1:9".parse().unwrap()).unwrap(), IpAddr::from([127, 0, 0, 1]));
}

#[tokio::test]
async fn a_socket_goes_over_tcp_where_udp_is_silent_and_back_when_it_is_not() {
    let (socket, server, to, wire) = wired().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // At the first address nobody listens.
    wire.set_tcp(vec!["127.0.0.1:1".parse().unwrap(), listener.local_addr().unwrap()]);
    let name = socket.local_addr().unwrap();
    let request = check(REQUEST, 7);
    socket.send_to(&request, to).await.unwrap();
    // What UDP says is old at once, so that nobody has to wait for it.
    let long_ago = now() - Duration::from_secs(60);
    {
        let mut inner = socket.0.lock();
        inner.follow.on_heard(long_ago);
        inner.follow.on_used(now());
    }
    socket.0.look();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut said = vec![0; 2 + request.len()];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(said[2..], request);

    stream.write_all(b"\0\x05sound").await.unwrap();
    let (heard, meta) = receive(&socket).await;
    assert_eq!(
        (&heard[..], meta.addr),
        (&b"sound"[..], to),
        "under the name that the crate knows"
    );
    socket.send_to(b"\x80speech", to).await.unwrap();
    let mut said = [0; 9];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"\0\x07\x80speech");

    for _ in 0..3 {
        server.send_to(b"here", name).await.unwrap();
        receive(&socket).await;
    }
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "the way over TCP is closed");
    let mut buffer = [0; 64];
    server.recv_from(&mut buffer).await.unwrap();
    socket.send_to(b"\x80speech", to).await.unwrap();
    let (length, _) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"\x80speech");
}
