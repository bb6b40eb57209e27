//! WHIP and WHEP clients with media over a real socket.

use std::time::Instant;

use super::client::{Answer, raw, token};
use crate::RunningServer;
use crate::forwarder::tests::wire::{PATIENCE, Wire};

/// Publishes (`whip`) or plays (`whep`) stream s in room r of a server with one shard on loopback.
pub(super) fn join(server: &RunningServer, user: &str, protocol: &str) -> Wire {
    let media = server.media_addr();
    Wire::join(media.ip(), |client| {
        let direction = if protocol == "whip" { "sendonly" } else { "recvonly" };
        let deadline = Instant::now() + PATIENCE;
        let answer = loop {
            let answer = post(server, user, protocol, &client.offer(direction));
            // A stream is there a moment after its publisher has keys.
            if answer.status != 404 || Instant::now() > deadline {
                break answer;
            }
        };
        assert_eq!(answer.status, 201, "{}", answer.body);
        (answer.body, media)
    })
}

/// An offer of a user for stream s in room r.
pub(super) fn post(server: &RunningServer, user: &str, protocol: &str, offer: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {}", token(&server.apps()[0], user));
    post_as(server, &bearer, protocol, offer)
}

/// The same with any header of authorization.
pub(super) fn post_as(server: &RunningServer, bearer: &str, protocol: &str, offer: &str) -> Answer {
    let line = format!("POST /{protocol}/s?room=r HTTP/1.1");
    let host = format!("Host: {}", server.http_addr());
    raw(
        server.http_addr(),
        &[&line, &host, bearer, "Content-Type: application/sdp"],
        offer,
    )
}
