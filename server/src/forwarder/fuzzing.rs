//! What fuzzers call: one function for each target, which takes any bytes and panics where the server would be wrong.
//!
//! | target | feeds | and asserts |
//! |---|---|---|
//! | [`datagrams`] | a shard with a connected publisher and listener, several datagrams, time, commands | nobody gets a packet under a number that was used, nothing is left of who is gone |
//! | [`rtp`] | packets, through all that makes a listener's packet of one | what is written can be read, no number twice |
//! | [`rtcp`] | a compound packet, decrypted | reports that are written again read the same |
//! | [`sdp`] | an offer | the answer is SDP |
//! | [`stun`] | a datagram, and attributes in a message that is sealed right | what is written can be read |
//! | [`frame`] | a text frame of the signalling | a request that is written again reads the same |
//! | [`reply`] | a text frame of a server, as a client reads it | what is written again is of the same kind |
//! | [`token`] | a token, and claims that are sealed with the right secret | it opens for nobody but its user, in its time |
//! | [`whip`] | headers and body of a request of WHIP | credentials fit their grammar |
//! | [`api`] | query and body of a call of the server API | ids, numbers and texts are within their bounds; unsigned, it is refused |
//!
//! Compiled for tests, which replay `fuzz/corpus` and mutate it, and with the feature `fuzzing`. No part of the API.
#![allow(missing_docs)]

mod packets;
mod peers;
mod relays;
mod steps;
mod texts;
mod tokens;

#[cfg(test)]
mod tests;

pub use packets::{rtcp, rtp, stun};
pub use steps::datagrams;
pub use texts::{frame, reply, sdp};
pub use tokens::token;

pub use crate::http::fuzzing::{api, whip};

use arbitrary::Unstructured;

/// The next piece of an input: two bytes of length, then as much as there is of it.
fn piece<'a>(input: &mut Unstructured<'a>) -> &'a [u8] {
    let wanted: u16 = input.arbitrary().unwrap_or_default();
    let length = usize::from(wanted).min(input.len());
    input.bytes(length).unwrap_or_default()
}

/// The next number of an input; 0 where it ends.
fn number<'a, N: arbitrary::Arbitrary<'a> + Default>(input: &mut Unstructured<'a>) -> N {
    input.arbitrary().unwrap_or_default()
}
