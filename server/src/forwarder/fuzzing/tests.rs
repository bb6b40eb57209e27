//! The kept corpus replayed, and mutated from a fixed seed: what a fuzzer found once stays found.

use std::panic::catch_unwind;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Mutated inputs of each target.
const MUTATIONS: usize = 2_000;
/// Changes to each.
const MOST_CHANGES: usize = 6;

/// The inputs that are kept for a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let listed = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn run(target: &str, function: fn(&[u8]), input: &[u8]) {
    if catch_unwind(|| function(input)).is_err() {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{target} fails; `xxd -r -p` makes a file for fuzz/corpus/{target} of this: {hex}");
    }
}

fn mutated(corpus: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut input = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..=MOST_CHANGES) {
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..5) {
            0 => input.truncate(at),
            1 => input.insert(at, rng.random()),
            2 => input.extend_from_slice(&corpus[rng.random_range(0..corpus.len())]),
            3 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            _ if at < input.len() => input[at] = rng.random(),
            _ => {}
        }
    }
    input
}

fn replay_and_mutate(target: &str, function: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty());
    for input in &corpus {
        run(target, function, input);
    }
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..MUTATIONS {
        run(target, function, &mutated(&corpus, &mut rng));
    }
}

#[test]
fn no_datagrams_of_the_corpus_or_near_it_break_a_shard() {
    replay_and_mutate("datagrams", datagrams);
}

#[test]
fn no_rtp_of_the_corpus_or_near_it_breaks_a_listeners_stream() {
    replay_and_mutate("rtp", rtp);
}

#[test]
fn no_rtcp_of_the_corpus_or_near_it_breaks_its_reader() {
    replay_and_mutate("rtcp", rtcp);
}

#[test]
fn no_offer_of_the_corpus_or_near_it_breaks_the_answer() {
    replay_and_mutate("sdp", sdp);
}

#[test]
fn no_stun_of_the_corpus_or_near_it_breaks_its_reader() {
    replay_and_mutate("stun", stun);
}

#[test]
fn no_frame_of_the_corpus_or_near_it_breaks_its_reader() {
    replay_and_mutate("frame", frame);
}

#[test]
fn no_reply_of_the_corpus_or_near_it_breaks_a_clients_reader() {
    replay_and_mutate("reply", reply);
}

#[test]
fn no_token_of_the_corpus_or_near_it_opens_for_somebody_else() {
    replay_and_mutate("token", token);
}

#[test]
fn no_request_of_whip_of_the_corpus_or_near_it_breaks_its_reader() {
    replay_and_mutate("whip", whip);
}

#[test]
fn no_call_of_the_api_of_the_corpus_or_near_it_is_served_unsigned() {
    replay_and_mutate("api", api);
}

#[test]
fn a_fuzzed_shard_forwards_what_is_said_so_that_inputs_reach_the_media_path() {
    let mut peers = peers::Peers::connected();
    let packet = [0x80, 111, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, b'h', b'i'];
    let client = &mut peers.clients[peers::PUBLISHER];
    let (address, datagram) = (client.address, client.seal_rtp(&packet).unwrap());
    peers.core.handle(&datagram, address.into(), peers.now);
    let (to, _) = peers.core.poll_transmits(1).get(0).unwrap();
    assert_eq!(to.address, peers.clients[peers::LISTENER].address);
}
