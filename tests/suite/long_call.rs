//! A call of an hour between two, in virtual time: one talks, one listens (twice the codec would be
//! twice the time and show nothing else).

use express_tests::simulation::{Member, Simulation, settle, sleep};

/// How long it lasts.
const MINUTES: usize = 60;
/// Everything that grows does so in the first minutes: buffers, the allocator's own.
const WARM_UP: usize = 5;

/// What one listener is told of the stream in one minute.
#[derive(Debug, Clone, Copy)]
struct Minute {
    jitter_buffer_ms: f64,
    end_to_end_ms: f64,
    packets_received: u64,
    concealed: u64,
    discarded: u64,
}

fn minute(member: &Member, stream: &str) -> Minute {
    let stats = member
        .zg
        .get_playing_stream_quality(stream)
        .expect("a report comes every 3 s");
    assert_eq!(
        (stats.audio.audio_packets_lost, stats.audio.audio_cumulative_break_time),
        (0, 0.0)
    );
    Minute {
        jitter_buffer_ms: stats.audio.jitter_buffer_delay_ms,
        end_to_end_ms: stats.peer_to_peer_delay.expect("the round-trip time is known"),
        packets_received: stats.audio.packets_received,
        concealed: stats.audio.concealed_samples,
        discarded: stats.audio.packets_discarded,
    }
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process's memory");
    let pages: u64 = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("the second number");
    pages * 4_096
}

#[actix::test]
async fn a_call_of_an_hour_neither_drifts_nor_grows() {
    let simulation = Simulation::start_alone();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("hour", 86_400).await;
    bob.login("hour", 86_400).await;
    alice.publish_tone("alice", 440.0).await;
    settle().await;
    let ear = bob.listen("alice").await;
    sleep(10.0).await;
    let before = simulation.server().await;
    let media = simulation.net.open_media();
    alice.told.take();
    bob.told.take();

    let started = simulation.now();
    let (first, _) = ear.blocks();
    let (mut minutes, mut memory) = (Vec::new(), 0);
    for number in 1..=MINUTES {
        sleep(60.0).await;
        // One block every 10 ms; the last one may fall on either side.
        let expected = ((simulation.now() - started) * 100.0).round() as u64;
        let (blocks, lost) = (ear.blocks().0 - first, ear.blocks().1);
        assert!(
            blocks.abs_diff(expected) <= 1 && lost == 0,
            "minute {number}: {blocks} blocks instead of {expected}, {lost} lost"
        );
        assert!(ear.amplitude(440.0) > 0.4, "minute {number}: {}", ear.amplitude(440.0));
        minutes.push(minute(&bob, "alice"));
        if number == WARM_UP {
            memory = resident();
        }
    }
    let grown = resident().saturating_sub(memory);
    println!(
        "first {:?}, last {:?}, memory +{grown} bytes",
        minutes[0],
        minutes[MINUTES - 1]
    );
    // A leak of 40 bytes for each packet would be 6.6 MB.
    assert!(grown < 6_000_000, "{grown} bytes in {} minutes", MINUTES - WARM_UP);
    assert_steady(&minutes);
    assert!(
        alice.told.take().is_empty() && bob.told.take().is_empty(),
        "nothing happens in a good call"
    );
    let after = simulation.server().await;
    assert_eq!(
        (after.events, after.refused, after.logins),
        (before.events, before.refused, before.logins)
    );
    assert_eq!(simulation.net.open_media(), media);
}

/// Delay and loss are those of the first minute.
fn assert_steady(minutes: &[Minute]) {
    let first = minutes[0];
    for (number, now) in minutes.iter().enumerate() {
        let drift = (now.jitter_buffer_ms - first.jitter_buffer_ms).abs();
        assert!(
            drift <= 10.0,
            "minute {number}: the jitter buffer went from {first:?} to {now:?}"
        );
        let drift = (now.end_to_end_ms - first.end_to_end_ms).abs();
        assert!(drift <= 10.0, "minute {number}: the delay went from {first:?} to {now:?}");
        assert_eq!(
            (now.concealed, now.discarded),
            (first.concealed, first.discarded),
            "minute {number}"
        );
    }
    let packets = minutes[minutes.len() - 1].packets_received - first.packets_received;
    // 50 a second, as of the last report, which is up to 3 s old.
    let expected = (minutes.len() as u64 - 1) * 3_000;
    assert!(packets.abs_diff(expected) <= 150, "{packets} packets instead of {expected}");
}
