//! The ICE side of one peer: a responder that also checks back.
//!
//! ```text
//!   request with our MESSAGE-INTEGRITY from an address ──► path (at most 4) ──► response, then a check of our own
//!   our check answered from there ──► validated: DTLS and media may use it
//!   USE-CANDIDATE on a validated path, or the only one ──► selected: everything is sent there
//! ```
//!
//! Checking back costs nothing extra and lets the client connect in milliseconds instead of waiting for its own
//! timers; it is also the proof that the client really sits at the address. Until that proof, at most
//! [`AMPLIFICATION`] times the bytes received from an address are sent to it. Nothing is ever sent to an address
//! that stands in an SDP. RFC 8445 §7 and §9 (restart), RFC 7675 (consent); candidates of the other side are not used.

use std::time::{Duration, Instant};

use super::sdp::Credentials;
use super::stun::{self, Check, StunKind, StunMessage, TransactionBytes};
use super::tuple::Tuple;

/// How many addresses of one peer are known at a time.
const MAX_PATHS: usize = 4;
/// How many times the received bytes an unproven address gets at most. RFC 9000 §8 has the same factor.
const AMPLIFICATION: u64 = 3;
/// Own checks are repeated so often until answered.
const CHECK_EVERY: Duration = Duration::from_millis(40);
/// ... and so many times for each request of the client.
const CHECKS_PER_REQUEST: u32 = 25;
/// A path silent for so long makes way for another that is not.
const STALE_AFTER: Duration = Duration::from_secs(3);

/// What became of a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IceOutcome {
    /// Authentic, and nothing changed.
    Accepted,
    /// Authentic, and it proved this address: what was held back for it can be looked at.
    Validated(Tuple),
    /// MESSAGE-INTEGRITY or USERNAME is wrong, or it answers no check of ours.
    Refused,
    /// Authentic, but this peer has its four addresses in use.
    TooManyAddresses,
}

/// A datagram to send: STUN goes to the path it is about, not to the selected one.
pub(crate) type Outgoing = (Tuple, Vec<u8>);

#[derive(Debug)]
struct Path {
    address: Tuple,
    received: u64,
    sent: u64,
    validated: bool,
    nominated: bool,
    last_heard: Instant,
    check: Option<PendingCheck>,
}

#[derive(Debug)]
struct PendingCheck {
    transaction: TransactionBytes,
    began: Instant,
    left: u32,
    next: Instant,
}

/// The state of one peer's ICE.
#[derive(Debug)]
pub(crate) struct IceSession {
    local: Credentials,
    remote: Credentials,
    /// `remote:local`, what our checks say as USERNAME.
    username: String,
    paths: Vec<Path>,
    selected: Option<Tuple>,
    client_is_controlled: bool,
    tie_breaker: u64,
    amplification_refused: u64,
    round_trip: Option<Duration>,
}

impl IceSession {
    pub(crate) fn new(local: Credentials, remote: Credentials, tie_breaker: u64) -> Self {
        Self {
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            local,
            remote,
            paths: Vec::with_capacity(MAX_PATHS),
            selected: None,
            client_is_controlled: false,
            tie_breaker,
            amplification_refused: 0,
            round_trip: None,
        }
    }

    /// How long the last check of ours took to be answered.
    pub(crate) fn round_trip_time(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Begins anew with other credentials on both sides: RFC 8445 §2.4 and §9. Media stays on the path that was selected until
    /// an address is proved with the new ones; none counts as proved before.
    pub(crate) fn restart(&mut self, local: Credentials, remote: Credentials) {
        self.username = format!("{}:{}", remote.ufrag, local.ufrag);
        self.local = local;
        self.remote = remote;
        for path in &mut self.paths {
            path.validated = false;
            path.nominated = false;
            path.check = None;
        }
    }

    /// Our user fragment: what requests to this session begin their USERNAME with.
    pub(crate) fn local_ufrag(&self) -> &str {
        &self.local.ufrag
    }

    /// Where media and DTLS go.
    pub(crate) fn selected(&self) -> Option<Tuple> {
        self.selected
    }

    /// Every address that belongs to this session, proved or not.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Tuple> + '_ {
        self.paths.iter().map(|path| path.address)
    }

    /// How many datagrams the amplification limit held back since the last call.
    pub(crate) fn take_amplification_refused(&mut self) -> u64 {
        std::mem::take(&mut self.amplification_refused)
    }

    /// Takes a Binding request; `new_transaction` is fresh randomness for our own check.
    ///
    /// An address that had to make way for this one is returned in `forgotten`.
    pub(crate) fn handle_request(
        &mut self,
        message: &mut StunMessage,
        (from, bytes): (Tuple, usize),
        now: Instant,
        new_transaction: TransactionBytes,
        out: &mut Vec<Outgoing>,
        forgotten: &mut Option<Tuple>,
    ) -> IceOutcome {
        let names_us = message.fragments() == Some((self.local.ufrag.as_str(), self.remote.ufrag.as_str()));
        if !names_us || !message.is_authentic(&self.local.password) {
            return IceOutcome::Refused;
        }
        self.client_is_controlled = message.sender_is_controlled();
        let Some(index) = self.path_for(from, now, forgotten) else {
            return IceOutcome::TooManyAddresses;
        };
        let path = &mut self.paths[index];
        path.received = path.received.saturating_add(bytes as u64);
        path.nominated |= message.nominates();
        let (validated, nominates) = (path.validated, message.nominates());
        self.hear(from, now);
        if validated && nominates {
            self.selected = Some(from);
        }
        if let Some(answer) = stun::write_response(message.transaction(), from.address, &self.local.password) {
            self.send(index, answer, out);
        }
        if !validated {
            self.begin_check(index, new_transaction, now, out);
        }
        IceOutcome::Accepted
    }

    /// Takes a Binding response from `from`.
    pub(crate) fn handle_response(&mut self, message: &mut StunMessage, from: Tuple, now: Instant) -> IceOutcome {
        let transaction = message.transaction();
        let answered = self.paths.iter_mut().find(|path| {
            let pending = path.check.as_ref();
            path.address == from && pending.is_some_and(|check| check.transaction == transaction)
        });
        let Some(path) = answered else {
            return IceOutcome::Refused;
        };
        let is_success = message.kind() == StunKind::Success;
        if !is_success || !message.is_authentic(&self.remote.password) {
            return IceOutcome::Refused;
        }
        let began = path.check.take().map(|check| check.began);
        self.round_trip = began.map(|began| now.saturating_duration_since(began));
        path.validated = true;
        let nominated = path.nominated || self.client_is_controlled;
        self.hear(from, now);
        if nominated || self.selected.is_none() {
            self.selected = Some(from);
        }
        IceOutcome::Validated(from)
    }

    /// Notes authentic traffic from a validated address; moves there when the selected path fell silent.
    pub(crate) fn hear(&mut self, from: Tuple, now: Instant) {
        let selected = self.selected;
        let silent = self
            .paths
            .iter()
            .find(|path| Some(path.address) == selected)
            .is_none_or(|path| now.saturating_duration_since(path.last_heard) >= STALE_AFTER);
        if let Some(path) = self.paths.iter_mut().find(|path| path.address == from) {
            path.last_heard = now;
            if path.validated && silent {
                self.selected = Some(from);
            }
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.paths
            .iter()
            .filter_map(|path| path.check.as_ref())
            .map(|check| check.next)
            .min()
    }

    /// Repeats own checks that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Outgoing>) {
        for index in 0..self.paths.len() {
            let due = self.paths[index].check.as_ref().is_some_and(|check| check.next <= now);
            if due {
                self.repeat_check(index, now, out);
            }
        }
    }

    /// The path of an address, a new one if need be.
    fn path_for(&mut self, address: Tuple, now: Instant, forgotten: &mut Option<Tuple>) -> Option<usize> {
        if let Some(known) = self.paths.iter().position(|path| path.address == address) {
            return Some(known);
        }
        let path = Path {
            address,
            received: 0,
            sent: 0,
            validated: false,
            nominated: false,
            last_heard: now,
            check: None,
        };
        if self.paths.len() < MAX_PATHS {
            self.paths.push(path);
            return Some(self.paths.len() - 1);
        }
        let selected = self.selected;
        let (stalest, old) = self
            .paths
            .iter_mut()
            .enumerate()
            .filter(|(_, old)| Some(old.address) != selected)
            .min_by_key(|(_, old)| old.last_heard)?;
        if now.saturating_duration_since(old.last_heard) < STALE_AFTER {
            return None;
        }
        *forgotten = Some(old.address);
        *old = path;
        Some(stalest)
    }

    fn begin_check(&mut self, index: usize, transaction: TransactionBytes, now: Instant, out: &mut Vec<Outgoing>) {
        let path = &mut self.paths[index];
        match &mut path.check {
            // Already under way: keep its transaction, so that an answer on its way still counts.
            Some(check) => check.left = CHECKS_PER_REQUEST,
            None => {
                path.check = Some(PendingCheck {
                    transaction,
                    began: now,
                    left: CHECKS_PER_REQUEST,
                    next: now,
                });
                self.repeat_check(index, now, out);
            }
        }
    }

    fn repeat_check(&mut self, index: usize, now: Instant, out: &mut Vec<Outgoing>) {
        let Some(check) = &mut self.paths[index].check else {
            return;
        };
        if check.left == 0 {
            // The next request of the client begins anew.
            self.paths[index].check = None;
            return;
        }
        check.left -= 1;
        check.next = now + CHECK_EVERY;
        let written = stun::write_check(&Check {
            transaction: check.transaction,
            username: &self.username,
            password: &self.remote.password,
            controlling: self.client_is_controlled,
            tie_breaker: self.tie_breaker,
        });
        if let Some(datagram) = written {
            self.send(index, datagram, out);
        }
    }

    fn send(&mut self, index: usize, datagram: Vec<u8>, out: &mut Vec<Outgoing>) {
        let path = &mut self.paths[index];
        let sent = path.sent.saturating_add(datagram.len() as u64);
        if !path.validated && sent > path.received.saturating_mul(AMPLIFICATION) {
            self.amplification_refused = self.amplification_refused.saturating_add(1);
            return;
        }
        path.sent = sent;
        out.push((path.address, datagram));
    }
}
