//! What honest listeners get while strangers forge, a publisher floods, one listener storms and another never reads.

use express_bench_forwarder::hostile::{self, HostilePlan};

use super::light::crowd;

/// What a machine that does other things may add to a latency, ms. The aim, on a quiet one, is 1.
const NOISE_MS: f64 = 50.0;

#[test]
fn nobody_loses_a_packet_or_waits_long_while_strangers_forge_a_publisher_floods_and_listeners_storm_or_never_read() {
    let (_server, mut crowd) = crowd("hostile");
    let plan = HostilePlan {
        millis: 5_000,
        rooms: 5,
        listeners: 20,
        strangers_per_s: 20_000,
        flood_per_s: 5_000,
        seed: 7,
    };
    let report = hostile::run(&mut crowd, &plan).unwrap();
    println!("{report:?}");
    // Half of what is asked for counts on a machine that cannot send it all.
    assert!(report.strangers > 50_000 && report.flood > 12_500 && report.nacks > 5_000);
    assert!(report.before.is_perfect() && report.during.is_perfect());
    let (before, during) = (report.before.latency_us.p99 / 1000.0, report.during.latency_us.p99 / 1000.0);
    println!("p99 before {before:.2} ms, during {during:.2} ms");
    assert!(during <= 2.0 * before + NOISE_MS);
}
