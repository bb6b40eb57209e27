//! Clients that try their network before a login.

use std::net::SocketAddr;

use rtc_stun::attributes::ATTR_USERNAME;
use rtc_stun::message::BINDING_REQUEST;

use super::super::stun::raw;
use super::client::stun;
use super::world::{World, probe};

const TRANSACTION: [u8; 12] = [9; 12];

/// A Binding request of who was told the ports.
pub(super) fn ask(username: &str, password: &str) -> Vec<u8> {
    stun(
        BINDING_REQUEST,
        TRANSACTION,
        password,
        vec![raw(ATTR_USERNAME, username.as_bytes())],
    )
}

#[test]
fn a_client_before_its_login_is_answered_with_no_more_than_it_sent_and_a_stranger_is_not() {
    let mut world = World::new();
    let (name, password) = (probe().ufrag, probe().password);
    let [v4, v6]: [SocketAddr; 2] = ["192.0.2.1:1000", "[2001:db8::1]:1000"].map(|text| text.parse().unwrap());
    let asked = ask(&format!("{name}:anonymous"), &password);
    for from in [v4, v6] {
        world.send_from(from, &asked);
        let sent = world.stray.pop().unwrap();
        assert_eq!((sent.to, &sent.data[8..20]), (from, &TRANSACTION[..]));
        assert!(
            sent.data.len() <= asked.len(),
            "{} bytes for {}",
            sent.data.len(),
            asked.len()
        );
    }
    assert_eq!(world.counters().probes_answered, 2);
    // Shorter than its answer, without the password, with a name of nobody.
    world.send_from(v6, &ask(&format!("{name}:"), &password));
    world.send_from(v4, &ask(&format!("{name}:anonymous"), "a password of one's own"));
    world.send_from(v4, &ask("AAnobodyhe:anonymous", &password));
    assert!(world.stray.is_empty());
    let counters = world.counters();
    assert_eq!((counters.amplification_refused, counters.stun_refused), (1, 2));
}
