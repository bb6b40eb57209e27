//! A server and light clients for it: no codec, real sockets.

use std::net::Ipv4Addr;

use express_bench_forwarder::crowd::Crowd;
use express_bench_forwarder::whip::{Bearer, Target};
use express_tests::processes::{Server, work_folder};
use express_tests::tokens::{APP_ID, SECRET};
use express_token::Secret;

/// The server works in a folder of this name, and ends when it is dropped.
pub(super) fn crowd(name: &str) -> (Server, Crowd) {
    let server = Server::start(&work_folder(name));
    let target = Target {
        url: format!("http://{}", server.address()),
        bearer: Bearer::Minted {
            app_id: APP_ID,
            secret: Secret::new(SECRET).unwrap(),
        },
    };
    let crowd = Crowd::new(&target, Ipv4Addr::LOCALHOST, 1).unwrap();
    (server, crowd)
}
