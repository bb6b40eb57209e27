//! What listeners get of a stream while others come and go, packet by packet: light clients without a codec, real sockets.

use express_bench_forwarder::churn::{self, ChurnPlan};

use super::light::crowd;

#[test]
fn nobody_hears_a_packet_twice_or_loses_one_while_others_join_leave_fall_silent_die_and_come_back() {
    let (_server, mut crowd) = crowd("churn");
    let plan = ChurnPlan {
        millis: 4_000,
        listeners: 40,
        seed: 7,
    };
    let report = churn::run(&mut crowd, &plan).unwrap();
    println!("{report:?}");
    assert!(report.joined > 0 && report.left > 0 && report.died > 0 && report.silent > 0);
    // Half of them were there all the time: 50 packets/s each.
    assert!(report.traffic.expected > 20 * 50 * 4);
    assert!(report.traffic.is_perfect(), "{report:?}");
}
