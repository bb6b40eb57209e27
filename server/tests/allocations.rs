//! The forwarder allocates nothing for a packet that it receives, opens, seals for each listener and sends, copies for a listener that
//! loses packets among it.
//!
//! The real thing over loopback: real sockets, the shard's own thread. Counting is switched on for that thread alone,
//! from inside: events are delivered on it.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[path = "../src/forwarder/tests/client.rs"]
mod client;
#[path = "../src/forwarder/tests/wire.rs"]
mod wire;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use express_server::forwarder::{Forwarder, ForwarderConfig, ForwarderEvent, ForwarderLimits, StreamKey};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_shared::marshal::Marshal;
use wire::Wire;

/// Allocations of threads that count.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call goes to the system allocator with the same arguments; what is added allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this layout, for `alloc` and `realloc` take it from there.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`; `size` is the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    if COUNTS.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

const LISTENERS: u64 = 5;
const PACKETS: u64 = 20;
const ROUNDS: u64 = 10;
/// Before counting: queues reach their size, sources are admitted.
const WARM_UP: u64 = 50;

fn connected(forwarder: &Forwarder, publishes: bool) -> Wire {
    let server = forwarder.media_addresses()[0];
    let numbers = client::Numbers {
        red: Some(63),
        ..client::USUAL
    };
    Wire::join_as(server.ip(), numbers, |client| {
        let answer = if publishes {
            forwarder.publish(StreamKey(1), &client.offer("sendonly"))
        } else {
            forwarder.play(StreamKey(1), &client.offer("recvonly"))
        };
        (answer.unwrap().sdp, server)
    })
}

#[test]
fn a_packet_and_its_copies_allocate_nothing() {
    // The publisher's connected thread is the shard's: there is one shard.
    let config = ForwarderConfig {
        udp: "127.0.0.1:0".parse().unwrap(),
        tcp: None,
        public_addresses: Vec::new(),
        relay_ip: None,
        shards: 1,
        limits: ForwarderLimits::default(),
    };
    let events = |event| {
        if matches!(event, ForwarderEvent::MediaStarted { .. }) {
            COUNTS.with(|counts| counts.set(true));
            // One of our own shows that the count works.
            std::hint::black_box(Box::new(0));
        }
    };
    let forwarder = Forwarder::start(config, events).unwrap();
    let mut listeners: Vec<_> = (0..LISTENERS).map(|_| connected(&forwarder, false)).collect();
    let mut publisher = connected(&forwarder, true);
    let lossy = &mut listeners[0];
    let mut send = |from: u64, to: u64| {
        for n in from..to {
            let sequence = u16::try_from(n).unwrap();
            let timestamp = u32::from(sequence) * 960;
            // 20 ms of Opus; small, so that the sockets hold all of it with its copies until they are read.
            let packet = publisher
                .client
                .rtp_packet((9, sequence, timestamp), &[0x10, 0x85], &[0x78; 24]);
            publisher.send(&packet);
            wait_for(&forwarder, n + 1);
        }
    };
    send(0, WARM_UP / 2);
    report_loss(lossy);
    send(WARM_UP / 2, WARM_UP);
    assert!(ALLOCATIONS.load(Ordering::Relaxed) > 0, "the count itself is broken");
    let allocations: Vec<u64> = (0..ROUNDS)
        .map(|round| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            send(WARM_UP + round * PACKETS, WARM_UP + (round + 1) * PACKETS);
            ALLOCATIONS.load(Ordering::Relaxed) - before
        })
        .collect();
    println!("{allocations:?} allocations for {PACKETS} packets to {LISTENERS} listeners each");
    // Control traffic (a report each second, repeated handshake records) may allocate: it comes to few rounds.
    let without = allocations.iter().filter(|count| **count == 0).count() as u64;
    assert!(without > ROUNDS / 2, "{allocations:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while forwarder.latency().count() < forwarder.counters().rtp_forwarded {
        assert!(Instant::now() < deadline, "a copy's latency was not recorded");
    }
    for listener in &mut listeners {
        while listener.read() {}
        assert_eq!(listener.client.rtp.len() as u64, WARM_UP + ROUNDS * PACKETS);
        assert_eq!(listener.client.refused, 0);
    }
    let copies = forwarder.counters().copies_sent;
    assert!(
        copies >= 2 * ROUNDS * PACKETS,
        "{copies}: one listener gets two with each packet"
    );
    forwarder.stop();
}

/// A report that a fifth of the packets was lost.
fn report_loss(listener: &mut Wire) {
    let block = ReceptionReport {
        ssrc: listener.client.server_ssrc.unwrap(),
        fraction_lost: 51,
        ..ReceptionReport::default()
    };
    let report = ReceiverReport {
        ssrc: 1,
        reports: vec![block],
        ..ReceiverReport::default()
    };
    let report = listener.client.rtcp_packet(&report.marshal().unwrap());
    listener.send(&report);
}

fn wait_for(forwarder: &Forwarder, packets: u64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while forwarder.counters().rtp_forwarded < packets * LISTENERS {
        assert!(Instant::now() < deadline, "{:?}", forwarder.counters());
        std::thread::yield_now();
    }
}
