//! The ICE side of one peer: a responder that also checks back.
//!
//! ```text
//!   request with our MESSAGE-INTEGRITY from an address ──► path (at most 4) ──► response, then a check of our own
//!   our check answered from there ──► proved: DTLS and media may use it
//!   USE-CANDIDATE on a proved path, or the only one, or the one the client moved to ──► selected: everything is sent there
//!   selected and silent for 5 s ──► checked each second; whoever answers nothing is given up by its peer's time-out
//! ```
//!
//! Checking back costs nothing extra and lets the client connect in milliseconds instead of waiting for its own
//! timers; it is also the proof that the client really sits at the address. Until that proof no more is sent to an address
//! than came from it, but for [`OFFER_CREDIT`] bytes for each offer, which is longer itself: nobody can have more sent to a third
//! party than he sends himself. Nothing is ever sent to an address that stands in an SDP.
//!
//! A relay of another node has a session, too, whose path is told ([`IceSession::fixed`]): it has no checks and answers none.
//!
//! # Source
//! RFC 8445 §7 and §9 (restart); candidates of the other side are not used. RFC 7675 (consent): any authentic packet counts
//! as consent here, for each proves as much as an answer does.

mod fixed;
mod path;

use std::time::{Duration, Instant};

use self::fixed::Fixed;
use self::path::Path;
use super::sdp::Credentials;
use super::stun::{self, Check, StunKind, StunMessage, TransactionBytes};
use super::tuple::Tuple;

/// How many addresses of one peer are known at a time.
const MAX_PATHS: usize = 4;
/// Bytes that unproved addresses of one session get beyond what came from them: our answer and two of our checks are that much longer
/// than one check of a client, and without them connecting would take a round trip more. The offer that made the session came over
/// TCP, from an authenticated user, and cannot be shorter: fingerprint, user fragment and password alone are not.
pub(crate) const OFFER_CREDIT: u64 = 200;
/// While its selected path is younger, a client still tries its addresses; later, a new one means that it moved.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

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
    /// What is left of [`OFFER_CREDIT`].
    credit: u64,
    amplification_refused: u64,
    /// Of a relay, which has no paths.
    fixed: Option<Box<Fixed>>,
}

impl IceSession {
    /// The session of a relay: everything goes to `path`, or to where the other side was heard last if it `follows`.
    pub(crate) fn fixed(path: Option<Tuple>, follows: bool) -> Self {
        let fixed = Box::new(Fixed {
            follows,
            ..Fixed::default()
        });
        // Nobody can name it, and no answer belongs to a check of it.
        let nobody = || Credentials {
            ufrag: String::new(),
            password: String::new(),
        };
        Self {
            selected: path,
            fixed: Some(fixed),
            ..Self::new(nobody(), nobody(), 0)
        }
    }

    /// Tells a relay where the other side is.
    pub(crate) fn set_fixed_path(&mut self, path: Tuple) {
        if self.fixed.is_some() {
            self.selected = Some(path);
        }
    }

    /// Whether a relay sends to this address, or heard from it last.
    pub(crate) fn is_fixed_to(&self, from: Tuple) -> bool {
        let fixed = self.fixed.as_deref();
        fixed.is_some_and(|fixed| self.selected == Some(from) || fixed.heard_from == Some(from))
    }

    /// Whether a relay heard something authentic since the last call.
    pub(crate) fn take_heard(&mut self) -> bool {
        let fixed = self.fixed.as_deref_mut();
        fixed.is_some_and(|fixed| std::mem::take(&mut fixed.heard))
    }

    /// Notes a relay's round-trip time.
    pub(crate) fn note_fixed_round_trip(&mut self, sample: Duration) {
        if let Some(fixed) = &mut self.fixed {
            fixed.round_trip = Some(path::smoothed(fixed.round_trip, sample));
        }
    }

    pub(crate) fn new(local: Credentials, remote: Credentials, tie_breaker: u64) -> Self {
        Self {
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            local,
            remote,
            paths: Vec::new(),
            selected: None,
            client_is_controlled: false,
            tie_breaker,
            credit: OFFER_CREDIT,
            amplification_refused: 0,
            fixed: None,
        }
    }

    /// Begins anew with other credentials on both sides: RFC 8445 §2.4 and §9. Media stays on the path that was selected until
    /// an address is proved with the new ones; none counts as proved before.
    pub(crate) fn restart(&mut self, local: Credentials, remote: Credentials) {
        self.username = format!("{}:{}", remote.ufrag, local.ufrag);
        self.local = local;
        self.remote = remote;
        // It took another offer, or a request of WHIP that is no shorter.
        self.credit = OFFER_CREDIT;
        self.paths.iter_mut().for_each(Path::restart);
    }

    /// Counts what came from an address that may be unproved yet.
    pub(crate) fn note_received(&mut self, from: Tuple, bytes: usize) {
        if let Some(path) = self.paths.iter_mut().find(|path| path.address == from) {
            path.note_received(bytes);
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

    /// From a check of ours on the selected path to its answer, smoothed (RFC 6298); measured about every ten seconds. A relay's is
    /// measured by reports.
    pub(crate) fn round_trip_time(&self) -> Option<Duration> {
        match self.selected_path() {
            Some(path) => path.round_trip,
            None => self.fixed.as_ref()?.round_trip,
        }
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
    /// An address that had to make way for this one is appended to `forgotten`.
    pub(crate) fn handle_request(
        &mut self,
        message: &mut StunMessage,
        (from, bytes): (Tuple, usize),
        now: Instant,
        new_transaction: TransactionBytes,
        out: &mut Vec<Outgoing>,
        forgotten: &mut Vec<Tuple>,
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
        path.note_received(bytes);
        path.is_nominated |= message.nominates();
        let is_proved = path.is_proved();
        self.hear(from, now);
        if is_proved && message.nominates() {
            self.prefer(from, now);
        }
        if !is_proved {
            self.paths[index].ask_for_proof(new_transaction, now);
            // Before the answer, and instead of it where both are more than came: only the proof ends that shortage.
            if !self.send_due_check(index, now, out) {
                return IceOutcome::Accepted;
            }
        }
        if let Some(answer) = stun::write_response(message.transaction(), from.address, &self.local.password) {
            self.send(index, answer, out);
        }
        IceOutcome::Accepted
    }

    /// Takes a Binding response from `from`.
    pub(crate) fn handle_response(&mut self, message: &mut StunMessage, from: Tuple, now: Instant) -> IceOutcome {
        let transaction = message.transaction();
        let answered = |path: &&mut Path| path.address == from && path.awaits(transaction);
        let Some(path) = self.paths.iter_mut().find(answered) else {
            return IceOutcome::Refused;
        };
        if message.kind() != StunKind::Success || !message.is_authentic(&self.remote.password) {
            return IceOutcome::Refused;
        }
        let was_proved = path.is_proved();
        path.prove(now);
        let is_nominated = path.is_nominated || self.client_is_controlled;
        self.hear(from, now);
        if was_proved {
            return IceOutcome::Accepted;
        }
        if is_nominated || self.selected.is_none() || self.has_moved_to(from, now) {
            self.prefer(from, now);
        }
        IceOutcome::Validated(from)
    }

    /// Notes authentic traffic from an address; media moves there if it is proved and the selected path has fallen silent, or
    /// back to where the client nominated it.
    pub(crate) fn hear(&mut self, from: Tuple, now: Instant) {
        let Some(path) = self.paths.iter_mut().find(|path| path.address == from) else {
            let moves_to = self.fixed.as_mut().and_then(|fixed| fixed.hear(from));
            self.selected = moves_to.or(self.selected);
            return;
        };
        path.last_heard = now;
        if !path.is_proved() {
            return;
        }
        let is_nominated = path.is_nominated;
        let moves = self
            .selected_path()
            .is_none_or(|selected| selected.gives_way_to(from, now) || (is_nominated && !selected.is_nominated));
        if moves {
            self.select(from);
        }
    }

    /// Sends everything to `path` from now on. Where UDP was so silent that TCP takes its place, it has to be proved anew before
    /// it comes back: it may be blocked one way only.
    fn select(&mut self, path: Tuple) {
        let left = self.selected.replace(path);
        if let Some(udp) = left.filter(|left| left.is_udp() && !path.is_udp()) {
            let left = self.paths.iter_mut().filter(|path| path.address == udp);
            left.for_each(Path::doubt);
        }
    }

    /// A path ended. Another proved one, the last heard from, takes its place if it was the selected one.
    pub(crate) fn forget(&mut self, address: Tuple) {
        self.paths.retain(|path| path.address != address);
        if self.selected == Some(address) {
            let proved = self.paths.iter().filter(|path| path.is_proved());
            self.selected = proved.max_by_key(|path| path.last_heard).map(|path| path.address);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.paths.iter().filter_map(|path| self.next_timeout_of(path)).min()
    }

    /// Sends the checks that are due and forgets addresses that fell silent, which `forgotten` gets; `new_transaction` is fresh
    /// randomness.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        new_transaction: TransactionBytes,
        out: &mut Vec<Outgoing>,
        forgotten: &mut Vec<Tuple>,
    ) {
        let selected = self.selected;
        self.paths.retain(|path| {
            let stays = Some(path.address) == selected || path.forgotten_at() > now;
            forgotten.extend((!stays).then_some(path.address));
            stays
        });
        for index in 0..self.paths.len() {
            let path = &mut self.paths[index];
            if Some(path.address) == selected && path.is_proved() {
                path.ask_for_consent(new_transaction, now);
            }
            self.send_due_check(index, now, out);
        }
    }

    fn next_timeout_of(&self, path: &Path) -> Option<Instant> {
        let is_selected = Some(path.address) == self.selected;
        let forgotten = (!is_selected).then(|| path.forgotten_at());
        let consent = (is_selected && path.is_proved()).then(|| path.consent_due());
        [path.next_check().or(consent), forgotten].into_iter().flatten().min()
    }

    fn selected_path(&self) -> Option<&Path> {
        self.paths.iter().find(|path| Some(path.address) == self.selected)
    }

    /// Selects a proved path, except one over TCP where one over UDP is selected and alive: a client that nominates all its
    /// pairs at once means the best of them (RFC 8445 §8.1.1), and UDP does not wait for what is lost.
    fn prefer(&mut self, path: Tuple, now: Instant) {
        let keeps_udp = |selected: &Path| selected.address.is_udp() && !selected.is_stale(now);
        if path.is_udp() || !self.selected_path().is_some_and(keeps_udp) {
            self.select(path);
        }
    }

    /// Whether an address that was just proved is where the client is now, as after a rebinding of its NAT: it had settled
    /// elsewhere and has not been heard there since. If that was a mistake, [`Self::hear`] goes back.
    fn has_moved_to(&self, address: Tuple, now: Instant) -> bool {
        let has_settled = |path: &Path| {
            let proved_for = path.proved_at.map(|at| now.saturating_duration_since(at));
            proved_for.is_some_and(|age| age >= SETTLED_AFTER)
        };
        let new = self.paths.iter().find(|path| path.address == address);
        let is_left = |selected: &Path| has_settled(selected) && new.is_some_and(|new| selected.is_silent_since(new));
        self.selected_path().is_some_and(is_left)
    }

    /// The path of an address, a new one if need be.
    fn path_for(&mut self, address: Tuple, now: Instant, forgotten: &mut Vec<Tuple>) -> Option<usize> {
        if let Some(known) = self.paths.iter().position(|path| path.address == address) {
            return Some(known);
        }
        if self.paths.len() < MAX_PATHS {
            self.paths.push(Path::new(address, now));
            return Some(self.paths.len() - 1);
        }
        let selected = self.selected;
        let others = self.paths.iter_mut().enumerate();
        let (stalest, old) = others
            .filter(|(_, old)| Some(old.address) != selected)
            .min_by_key(|(_, old)| old.last_heard)?;
        if !old.is_stale(now) {
            return None;
        }
        forgotten.push(old.address);
        *old = Path::new(address, now);
        Some(stalest)
    }

    /// Whether nothing held back a check that was due.
    fn send_due_check(&mut self, index: usize, now: Instant, out: &mut Vec<Outgoing>) -> bool {
        let Some(transaction) = self.paths[index].take_due_check(now) else {
            return true;
        };
        let written = stun::write_check(&Check {
            transaction,
            username: &self.username,
            password: &self.remote.password,
            controlling: self.client_is_controlled,
            tie_breaker: self.tie_breaker,
        });
        written.is_none_or(|datagram| self.send(index, datagram, out))
    }

    /// Whether it may go there.
    fn send(&mut self, index: usize, datagram: Vec<u8>, out: &mut Vec<Outgoing>) -> bool {
        let path = &mut self.paths[index];
        let may = path.may_send(datagram.len(), &mut self.credit);
        if may {
            out.push((path.address, datagram));
        } else {
            self.amplification_refused = self.amplification_refused.saturating_add(1);
        }
        may
    }
}
