//! The ICE servers that the server told last.

use express_messages::ice::IceServer;

use super::counters::Counters;
use crate::protocol::{MAX_ICE_SERVERS, MAX_ICE_TEXT};

/// `told` within the protocol's limits; what is left out is counted.
pub(super) fn within_limits(told: Vec<IceServer>, counters: &Counters) -> Vec<IceServer> {
    let given = told.len();
    let kept: Vec<IceServer> = told.into_iter().filter(fits).take(MAX_ICE_SERVERS).collect();
    counters.refused_ice_servers.add((given - kept.len()) as u64);
    kept
}

fn fits(server: &IceServer) -> bool {
    let texts = server.urls.iter().chain(&server.username).chain(&server.credential);
    (1..=MAX_ICE_SERVERS).contains(&server.urls.len()) && texts.into_iter().all(|text| text.len() <= MAX_ICE_TEXT)
}
