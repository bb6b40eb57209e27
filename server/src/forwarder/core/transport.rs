//! Connecting: STUN and DTLS.

use std::time::Instant;

use rand::RngExt;

use super::super::dtls::DtlsEvent;
use super::super::ice::IceOutcome;
use super::super::srtp::SrtpSession;
use super::super::stun::{StunKind, StunMessage, TransactionBytes};
use super::super::tuple::Tuple;
use super::super::{ForwarderEvent, GoneReason};
use super::{Core, Route, follow_path};

impl Core {
    pub(super) fn handle_stun(&mut self, datagram: &[u8], from: Tuple, now: Instant) {
        let Some(mut message) = StunMessage::parse(datagram) else {
            self.counters.malformed.one();
            return;
        };
        if self.answer_probe(&mut message, datagram.len(), from) {
            return;
        }
        let index = match message.kind() {
            StunKind::Request => message.fragments().and_then(|(ours, _)| self.by_ufrag.get(ours).copied()),
            StunKind::Success | StunKind::Failure => Some(index_in(message.transaction())),
        };
        let transaction = self.transaction_of(index.unwrap_or(usize::MAX));
        let mut forgotten = Vec::new();
        let mut out = std::mem::take(&mut self.outgoing);
        let outcome = index.and_then(|index| {
            let peer = self.peers.get_mut(index)?.as_deref_mut()?;
            let outcome = if message.kind() == StunKind::Request {
                let source = (from, datagram.len());
                peer.ice
                    .handle_request(&mut message, source, now, transaction, &mut out, &mut forgotten)
            } else {
                peer.ice.handle_response(&mut message, from, now)
            };
            if matches!(outcome, IceOutcome::Accepted | IceOutcome::Validated(_)) {
                peer.last_authentic = now;
            }
            Some((index, outcome))
        });
        self.outgoing = out;
        let Some((index, outcome)) = outcome else {
            self.counters.stun_refused.one();
            return;
        };
        for path in forgotten {
            self.unroute(path, index);
        }
        self.apply_ice(index, outcome, from, now);
    }

    fn apply_ice(&mut self, index: usize, outcome: IceOutcome, from: Tuple, now: Instant) {
        match outcome {
            IceOutcome::Refused => self.counters.stun_refused.one(),
            IceOutcome::TooManyAddresses => self.counters.addresses_refused.one(),
            IceOutcome::Accepted => {
                let validated = false;
                self.by_address.entry(from).or_insert(Route { peer: index, validated });
            }
            IceOutcome::Validated(address) => {
                // Who last proved to receive at an address owns it; who had it before is somewhere else, or dead.
                let validated = true;
                let before = self.by_address.insert(address, Route { peer: index, validated });
                if let Some(before) = before.filter(|before| before.peer != index) {
                    self.forget_path(before.peer, address);
                }
            }
        }
        if let Some(peer) = self.peers.get(index).and_then(Option::as_deref) {
            follow_path(&mut self.listeners, index, peer);
        }
        self.flush_stun(index);
        self.arm(index);
        if let IceOutcome::Validated(address) = outcome {
            let held = self.peer_mut(index).map(|peer| peer.take_held(address));
            for datagram in held.unwrap_or_default() {
                self.run_dtls(index, Some(&datagram), now);
            }
        }
    }

    /// Whether a path belongs to a peer, proved or not.
    pub(crate) fn knows(&self, path: Tuple) -> bool {
        self.by_address.contains_key(&path)
    }

    /// A path ended: its TCP connection was closed. The peer lives on with its others, or until its time is over.
    pub(crate) fn lose_path(&mut self, path: Tuple) {
        let Some(&Route { peer: index, .. }) = self.by_address.get(&path) else {
            return;
        };
        self.unroute(path, index);
        self.forget_path(index, path);
    }

    fn forget_path(&mut self, index: usize, path: Tuple) {
        if let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) {
            peer.ice.forget(path);
            follow_path(&mut self.listeners, index, peer);
        }
    }

    pub(super) fn handle_dtls(&mut self, datagram: &[u8], from: Tuple, route: Option<Route>, now: Instant) {
        match route {
            Some(route) if route.validated => self.run_dtls(route.peer, Some(datagram), now),
            Some(route) => {
                let held = self.peer_mut(route.peer).is_some_and(|peer| {
                    peer.ice.note_received(from, datagram.len());
                    peer.hold(from, datagram)
                });
                if !held {
                    self.counters.dtls_ignored.one();
                }
            }
            None => self.counters.dtls_ignored.one(),
        }
    }

    /// Gives the DTLS session a datagram, or the time only.
    pub(super) fn run_dtls(&mut self, index: usize, datagram: Option<&[u8]>, now: Instant) {
        let mut records = std::mem::take(&mut self.records);
        let event = self.peer_mut(index).and_then(|peer| match datagram {
            Some(datagram) => peer.dtls.handle(datagram, now, &mut records),
            None => peer.dtls.handle_timeout(now, &mut records),
        });
        self.send_records(index, &mut records);
        self.records = records;
        self.arm(index);
        match event {
            None => {}
            Some(DtlsEvent::Connected(keys)) => match SrtpSession::new(keys) {
                Ok(srtp) => self.connect(index, srtp, now),
                Err(_) => self.lose(index, GoneReason::DtlsFailed),
            },
            Some(DtlsEvent::Closed) => self.lose(index, GoneReason::Closed),
            Some(DtlsEvent::WrongCertificate) => {
                self.counters.fingerprint_mismatches.one();
                self.lose(index, GoneReason::WrongCertificate);
            }
            Some(DtlsEvent::Failed) => self.lose(index, GoneReason::DtlsFailed),
        }
    }

    /// The keys of a peer are there: media can flow.
    pub(crate) fn connect(&mut self, index: usize, srtp: SrtpSession, now: Instant) {
        if let Some(listener) = self.listeners.get_mut(index).and_then(Option::as_mut) {
            let Ok(sealer) = srtp.sealer() else {
                self.lose(index, GoneReason::DtlsFailed);
                return;
            };
            listener.sealer = Some(sealer);
        }
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        peer.srtp = Some(srtp);
        peer.last_authentic = now;
        let event = ForwarderEvent::Connected { peer: peer.id };
        self.counters.peers_connected.one();
        self.events.push_back(event);
        self.arm(index);
    }

    /// Sends the checks of a peer that are due, and forgets its addresses that fell silent.
    pub(super) fn check_paths(&mut self, index: usize, now: Instant) {
        let transaction = self.transaction_of(index);
        let mut forgotten = Vec::new();
        let mut out = std::mem::take(&mut self.outgoing);
        if let Some(peer) = self.peer_mut(index) {
            peer.ice.handle_timeout(now, transaction, &mut out, &mut forgotten);
        }
        self.outgoing = out;
        for path in forgotten {
            self.unroute(path, index);
        }
        self.flush_stun(index);
    }

    /// A fresh transaction that names the peer it belongs to, so that the answer finds it.
    fn transaction_of(&mut self, index: usize) -> TransactionBytes {
        let mut transaction = self.rng.random::<TransactionBytes>();
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        transaction[..4].copy_from_slice(&index.to_be_bytes());
        transaction
    }

    pub(super) fn flush_stun(&mut self, index: usize) {
        for (to, datagram) in self.outgoing.drain(..) {
            self.queue.push(to, &datagram);
        }
        if let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) {
            self.counters.amplification_refused.add(peer.ice.take_amplification_refused());
        }
    }

    pub(super) fn send_records(&mut self, index: usize, records: &mut Vec<Vec<u8>>) {
        let to = self.peer_mut(index).and_then(|peer| peer.ice.selected());
        for record in records.drain(..) {
            if let Some(to) = to {
                self.queue.push(to, &record);
            }
        }
    }
}

fn index_in(transaction: TransactionBytes) -> usize {
    let [a, b, c, d, ..] = transaction;
    u32::from_be_bytes([a, b, c, d]) as usize
}
