//! What goes wrong between nodes, drawn from the dice.

use std::time::Duration;

use crate::agenda::Due;
use crate::cloud::CloudKind;
use crate::world::World;

/// How long a node is down at least: what was on its way to it is gone by then.
const DOWN_MS: u64 = 2_500;
/// How long one is down at most that is started again at once.
const AT_ONCE_MS: u64 = 1_500;
/// How long a node that drains waits for its members to go, and then for its sockets to close.
const MOVING: Duration = Duration::from_secs(24);
const CLOSING: Duration = Duration::from_secs(1);

/// A fault that holds until it is mended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloudFault {
    pub(crate) kind: CloudKind,
    /// Tells it from later ones of its kind.
    pub(crate) number: u64,
}

impl World {
    /// Something between nodes goes wrong, or a node does.
    pub(crate) fn cloud_fault(&mut self) {
        let node = self.dice.below(self.servers.len());
        match self.dice.below(100) {
            0..20 => {
                let lasts = self.some_time(20_000, 130_000);
                self.break_cloud(CloudKind::Broker(node), lasts);
            }
            20..34 => self.lose_broker(),
            34..50 => {
                let lasts = self.some_time(20_000, 90_000);
                let permille = u32::try_from(10 + self.dice.below(290)).unwrap_or(100);
                self.break_cloud(CloudKind::Loss, lasts);
                self.trace
                    .note(self.now, || format!("cloud: {permille} ‰ of letters get lost"));
                if let Some(cloud) = &mut self.cloud {
                    cloud.lose(permille);
                }
            }
            50..64 => self.cut_nodes(node),
            64..72 => self.kill_node(node),
            72..80 => self.restart_node(node),
            80..96 => self.drain_node(node),
            _ => {
                let jump = self.dice.pick(&[1_000, 60_000, 3_600_000]).unwrap_or_default();
                self.trace.note(self.now, || format!("cloud FAULT wall clocks + {jump} ms"));
                self.wall_ahead_ms += jump;
                // What has an end may have come to it before it is heard of.
                self.books.forget_unheard_orders();
            }
        }
    }

    /// Mostly short, sometimes long.
    fn some_time(&mut self, short_ms: u64, long_ms: u64) -> Duration {
        let most = if self.dice.percent(30) { long_ms } else { short_ms };
        self.dice.between(500, most)
    }

    fn break_cloud(&mut self, kind: CloudKind, lasts: Duration) {
        let (now, number) = (self.now, self.number());
        self.trace.note(now, || format!("cloud FAULT {kind:?} for {lasts:?}"));
        self.cloud_time();
        let Some(cloud) = &mut self.cloud else { return };
        cloud.held.insert(kind, number);
        cloud.set(kind, true);
        cloud.note_change(now);
        let fault = CloudFault { kind, number };
        self.agenda.note(now + lasts, Due::CloudMend(fault));
    }

    /// The broker is gone for all, and may have lost its store.
    fn lose_broker(&mut self) {
        let lasts = self.some_time(20_000, 130_000);
        for node in 0..self.servers.len() {
            self.break_cloud(CloudKind::Broker(node), lasts);
        }
        if self.dice.percent(40) {
            self.trace.note(self.now, || "cloud FAULT the broker's store is lost".into());
            self.books.forget_unheard_orders();
            if let Some(cloud) = &mut self.cloud {
                cloud.wipe();
            }
        }
    }

    /// Two nodes are cut from each other: their media, their letters, or both.
    fn cut_nodes(&mut self, node: usize) {
        let other = (node + 1 + self.dice.below(self.servers.len() - 1)) % self.servers.len();
        let (one, other) = (node.min(other), node.max(other));
        let lasts = self.some_time(20_000, 90_000);
        let what = self.dice.below(3);
        if what != 0 {
            self.break_cloud(CloudKind::Media(one, other), lasts);
        }
        if what != 1 {
            self.break_cloud(CloudKind::Letters(one, other), lasts);
        }
    }

    fn kill_node(&mut self, node: usize) {
        if self.servers[node].state.is_some() {
            self.crash_server(node);
            let most = if self.dice.percent(20) { 130_000 } else { 30_000 };
            let wait = self.dice.between(DOWN_MS, most);
            self.agenda.note(self.now + wait, Due::Boot(node));
        }
    }

    /// A node crashes and is started again at once, as a service manager does.
    fn restart_node(&mut self, node: usize) {
        if self.servers[node].state.is_some() {
            self.crash_server(node);
            let wait = self.dice.between(20, AT_ONCE_MS);
            self.agenda.note(self.now + wait, Due::Boot(node));
        }
    }

    /// A node stops as it is meant to, if there is another to go to.
    fn drain_node(&mut self, node: usize) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        if !cloud.draining.is_empty() || !cloud.down.is_empty() {
            return;
        }
        cloud.draining.insert(node, now);
        cloud.note_change(now);
        self.trace.note(now, || format!("node n{node} FAULT drains"));
        self.on_server(node, |state, _| state.drain());
        self.agenda.note(now + MOVING, Due::Drained(node));
    }

    /// Whether a node drains since so long.
    fn drains(&self, node: usize, time: Duration) -> bool {
        let since = self.cloud.as_ref().and_then(|cloud| cloud.draining.get(&node));
        since.is_some_and(|since| *since + time == self.now)
    }

    /// Who has not gone is sent away.
    pub(crate) fn drained(&mut self, node: usize) {
        if self.drains(node, MOVING) {
            self.trace.note(self.now, || format!("node n{node} closes its sockets"));
            self.on_server(node, |state, _| state.drain_now());
            self.agenda.note(self.now + CLOSING, Due::Stopped(node));
        }
    }

    /// A node that has drained is gone.
    pub(crate) fn stopped(&mut self, node: usize) {
        if self.drains(node, MOVING + CLOSING) {
            self.stop_in_cloud(node);
            self.crash_server(node);
            let wait = self.dice.between(DOWN_MS, 20_000);
            self.agenda.note(self.now + wait, Due::Boot(node));
        }
    }

    /// Everything between nodes is whole from now on; nodes that drain come to their end.
    pub(crate) fn calm_cloud(&mut self) {
        let Some(cloud) = &mut self.cloud else { return };
        let held: Vec<CloudFault> = cloud
            .held
            .iter()
            .map(|(kind, number)| CloudFault {
                kind: *kind,
                number: *number,
            })
            .collect();
        let down: Vec<usize> = cloud.down.keys().copied().collect();
        for fault in held {
            self.mend_cloud(fault);
        }
        for node in down {
            self.agenda.note(self.now + Duration::from_millis(DOWN_MS), Due::Boot(node));
        }
        self.permit_all_streams();
    }
}
