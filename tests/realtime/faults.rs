//! Networks that fail, for real: network namespaces, real processes, a tone whose gaps are measured.
//!
//! Each prints a row of the table of docs/faults.md. The ones that take minutes run with the others by `make faults`.

use std::time::{Duration, Instant};

use express_engine::RoomStateChangedReason;
use express_tests::{
    faults::{Call, Damage},
    firewall::Inside,
    members::Members,
    processes::{Server, work_folder},
};

/// A machine that other tests use as well may be late by so much.
const SLACK: Duration = Duration::from_secs(2);

fn show(damage: &Damage) {
    println!("{}\n{damage}", Damage::HEAD);
}

fn cut(seconds: u64, after: u64) -> Damage {
    let call = Call::start(&format!("cut{seconds}"), nothing, seconds + after);
    let damage = call.suffer("cable pulled", Duration::from_secs(seconds), Inside::cut, Inside::mend);
    show(&damage);
    damage
}

fn nothing(_: &Inside) {}

#[test]
fn five_seconds_without_a_cable_are_seen_by_nobody_and_heard_for_hardly_longer() {
    let damage = cut(5, 6);
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert_eq!(damage.reconnecting, None);
    assert!(damage.silence_beyond() < Duration::from_millis(1_500) + SLACK, "{damage}");
}

#[test]
fn a_machine_that_gets_another_address_is_heard_again_within_a_second() {
    let call = Call::start("address", nothing, 6);
    let damage = call.suffer("another address", Duration::ZERO, |inside| inside.change_address(11), nothing);
    show(&damage);
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert_eq!(damage.reconnecting, None);
    assert!(damage.silence_beyond() < Duration::from_secs(1) + SLACK, "{damage}");
}

#[test]
fn a_nat_that_forgets_its_mappings_is_seen_by_nobody_and_heard_for_a_second_at_most() {
    let call = Call::start("nat", Inside::hide, 12);
    let damage = call.suffer("NAT rebinding", Duration::ZERO, Inside::rebind, nothing);
    show(&damage);
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert_eq!(damage.reconnecting, None);
    assert!(damage.silence_beyond() < Duration::from_secs(1) + SLACK, "{damage}");
}

fn block_udp(inside: &Inside) {
    inside.block("udp", None);
}

#[test]
fn where_udp_is_blocked_in_the_middle_of_a_call_it_goes_on_over_tcp_and_nobody_is_told() {
    let call = Call::start("udp", nothing, 12);
    let damage = call.suffer("UDP blocked", Duration::ZERO, block_udp, nothing);
    show(&damage);
    assert_eq!(damage.reconnecting, None, "signalling is TCP");
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert!(damage.silence_beyond() < Duration::from_secs(6), "{damage}");
}

#[test]
fn what_goes_over_tcp_follows_to_another_address_within_a_second() {
    let call = Call::start("tcp", block_udp, 6);
    let damage = call.suffer(
        "another address, over TCP",
        Duration::ZERO,
        |inside| inside.change_address(12),
        nothing,
    );
    show(&damage);
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert_eq!(damage.reconnecting, None);
    assert!(damage.silence_beyond() < Duration::from_secs(1) + SLACK, "{damage}");
}

#[test]
#[ignore = "takes minutes: make faults"]
fn where_udp_is_blocked_for_ten_seconds_it_comes_back_without_a_gap_of_its_own() {
    let call = Call::start("udp10", nothing, 10 + 15);
    let damage = call.suffer("UDP blocked", Duration::from_secs(10), block_udp, Inside::unblock);
    show(&damage);
    assert_eq!(damage.others_saw, Vec::<String>::new());
    assert!(
        damage.inside_heard_nothing.max(damage.outside_heard_nothing) < Duration::from_secs(6),
        "{damage}"
    );
}

#[test]
fn a_hundred_clients_are_back_within_fifteen_seconds_of_a_restart_and_not_all_at_once() {
    const CLIENTS: usize = 100;
    let mut server = Server::start(&work_folder("faults-restart"));
    actix_rt::System::new().block_on(async {
        let mut members = Members::login(&server.url, CLIENTS).await;
        let killed = Instant::now();
        server.restart();
        let up = killed.elapsed();
        let back = members.all_told(RoomStateChangedReason::Reconnected, Duration::from_secs(60)).await;
        let after: Vec<Duration> = back.iter().map(|at| at.saturating_duration_since(killed)).collect();
        let peak = busiest(&after, Duration::from_millis(250));
        let last = after.iter().max().copied().unwrap_or_default();
        println!(
            "server restarted in {:.1} s: {CLIENTS} clients, the first back after {:.1} s, the last after {:.1} s, at most {peak} in 250 ms",
            up.as_secs_f64(),
            after.iter().min().copied().unwrap_or_default().as_secs_f64(),
            last.as_secs_f64(),
        );
        assert!(last < Duration::from_secs(15) + SLACK);
        assert!(peak < CLIENTS / 3, "they came spread out: {peak}");
    });
}

/// The most that happened within any `window`.
fn busiest(times: &[Duration], window: Duration) -> usize {
    let within = |from: Duration| times.iter().filter(|at| (from..from + window).contains(*at)).count();
    times.iter().map(|at| within(*at)).max().unwrap_or_default()
}

#[test]
#[ignore = "takes minutes: make faults"]
fn what_comes_from_outside_is_lost_for_twelve_seconds() {
    let call = Call::start("oneway", nothing, 12 + 15);
    let one_way = |inside: &Inside| inside.block_one_way("in");
    let damage = call.suffer("nothing gets in", Duration::from_secs(12), one_way, Inside::unblock);
    show(&damage);
    assert!(damage.silence_beyond() < Duration::from_secs(8) + SLACK, "{damage}");
}

#[test]
#[ignore = "takes minutes: make faults"]
fn a_minute_without_a_cable_is_told_inside_and_ends_nothing() {
    let damage = cut(60, 20);
    assert!(damage.reconnecting.is_some() && damage.reconnected.is_some(), "{damage}");
    assert!(!damage.others_saw.contains(&"streams DELETE".to_owned()), "{damage}");
    assert!(damage.silence_beyond() < Duration::from_secs(6), "{damage}");
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_two_and_a_half_minutes_without_a_cable_others_saw_the_stream_go_and_come_back() {
    let damage = cut(150, 20);
    assert!(damage.reconnecting.is_some() && damage.reconnected.is_some(), "{damage}");
    let mut streams = damage.others_saw.iter().filter(|seen| seen.starts_with("streams"));
    assert_eq!(streams.next().map(String::as_str), Some("streams DELETE"), "{damage}");
    assert_eq!(streams.next().map(String::as_str), Some("streams ADD"), "{damage}");
    assert!(damage.silence_beyond() < Duration::from_secs(6), "{damage}");
}
