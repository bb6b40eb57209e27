//! Clients that try whether their datagrams get here, before a login.

use super::super::sdp::Credentials;
use super::super::stun::{StunKind, StunMessage, write_response};
use super::super::tuple::Tuple;
use super::Core;

impl Core {
    /// The same, answering requests of these credentials, which belong to no peer and open nothing.
    pub(crate) fn with_probe(mut self, probe: Credentials) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Answers a request of `length` bytes that asks for nothing else; `false`: it is none of these, or not authentic.
    pub(super) fn answer_probe(&mut self, message: &mut StunMessage, length: usize, from: Tuple) -> bool {
        let Some(probe) = &self.probe else {
            return false;
        };
        let names_it = message.fragments().is_some_and(|(ours, _)| ours == probe.ufrag);
        if message.kind() != StunKind::Request || !names_it || !message.is_authentic(&probe.password) {
            return false;
        }
        let answer = write_response(message.transaction(), from.address, &probe.password);
        // Its address may be forged: nobody can have more sent to a third party than he sends himself.
        match answer.filter(|answer| answer.len() <= length) {
            Some(answer) => {
                self.counters.probes_answered.one();
                self.queue.push(from, &answer);
            }
            None => self.counters.amplification_refused.one(),
        }
        true
    }
}
