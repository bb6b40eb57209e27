//! Lines that are cut, tokens that end: what is seen by the one who is cut off, and what by the others.

use express_tests::simulation::{Ear, Member, Simulation, settle, sleep};

/// How exactly contract times are kept, in seconds; the network's delay is in it.
const SLACK: f64 = 0.3;

/// Alice and bob publish a tone each and play the other's.
struct Call {
    simulation: Simulation,
    alice: Member,
    bob: Member,
    alice_hears: Ear,
    bob_hears: Ear,
}

impl Call {
    /// Everything is up, and what was told so far is forgotten. The server heard of both less than 3 s ago.
    async fn start() -> Self {
        let simulation = Simulation::start();
        let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
        for (member, tone) in [(&alice, 440.0), (&bob, 620.0)] {
            member.login("call", 86_400).await;
            member.publish_tone(&member.user, tone).await;
        }
        settle().await;
        let (bob_hears, alice_hears) = (bob.listen("alice").await, alice.listen("bob").await);
        sleep(2.0).await;
        let call = Self {
            simulation,
            alice,
            bob,
            alice_hears,
            bob_hears,
        };
        call.assert_all_hear();
        call.alice.told.take();
        call.bob.told.take();
        call
    }

    fn assert_all_hear(&self) {
        let (alice, bob) = (self.alice_hears.amplitude(620.0), self.bob_hears.amplitude(440.0));
        assert!(
            alice > 0.2 && bob > 0.2,
            "alice hears bob with {alice}, bob hears alice with {bob}"
        );
    }
}

/// What was told about some things, with the seconds since `since`.
fn about(told: &[(f64, String)], words: &[&str], since: f64) -> Vec<(f64, String)> {
    let wanted = |text: &String| words.iter().any(|word| text.starts_with(word));
    told.iter()
        .filter(|(_, text)| wanted(text))
        .map(|(at, text)| (at - since, text.clone()))
        .collect()
}

/// Exactly these were told, each within its seconds.
fn assert_told(told: &[(f64, String)], expected: &[(&str, f64, f64)]) {
    let texts: Vec<_> = told.iter().map(|(_, text)| text.as_str()).collect();
    let expected_texts: Vec<_> = expected.iter().map(|(text, ..)| *text).collect();
    assert_eq!(texts, expected_texts, "{told:?}");
    for ((at, text), (_, from, to)) in told.iter().zip(expected) {
        assert!(
            (*from..=*to).contains(at),
            "{text} came after {at} s instead of {from} to {to} s"
        );
    }
}

#[actix::test]
async fn a_lost_link_is_told_after_eight_seconds_and_nobody_else_notices() {
    let call = Call::start().await;
    let cut = call.simulation.now();
    call.alice.line.set_signalling(false);
    sleep(20.0).await;
    call.assert_all_hear();
    call.alice.line.set_signalling(true);
    sleep(20.0).await;
    call.assert_all_hear();
    let told = about(&call.alice.told.take_timed(), &[""], cut);
    // The attempts come 1 to 4, then 4, 8 and 8 s after one another.
    let expected = [
        ("room RECONNECTING 1000017", 8.0, 8.0 + SLACK),
        ("room RECONNECTED 0", 20.0, 24.0 + SLACK),
    ];
    assert_told(&told, &expected);
    assert!(call.bob.told.take().is_empty(), "bob notices");
    assert_eq!(call.simulation.server().await.resumes_replayed, 1);
}

#[actix::test]
async fn a_link_that_is_back_within_eight_seconds_is_not_mentioned_at_all() {
    let call = Call::start().await;
    call.alice.line.set_signalling(false);
    sleep(0.9).await;
    call.alice.line.set_signalling(true);
    sleep(30.0).await;
    call.assert_all_hear();
    assert!(call.alice.told.take().is_empty() && call.bob.told.take().is_empty());
    assert_eq!(call.simulation.server().await.resumes_replayed, 1);
}

#[actix::test]
async fn after_forty_seconds_without_any_network_the_session_is_resumed_and_the_others_saw_nobody_go() {
    let call = Call::start().await;
    let cut = call.simulation.now();
    call.simulation.net.cut(&call.alice.line);
    sleep(40.0).await;
    call.simulation.net.restore(&call.alice.line);
    sleep(60.0).await;
    let told = call.alice.told.take_timed();
    let room = about(&told, &["room", "users", "streams"], cut);
    // The attempts at 38 to 40 s fail, the next comes 16 s later.
    let expected = [
        ("room RECONNECTING 1000017", 8.0, 8.0 + SLACK),
        ("room RECONNECTED 0", 40.0, 56.0 + SLACK),
    ];
    assert_told(&room, &expected);
    assert!(about(&call.bob.told.take_timed(), &["users", "streams"], cut).is_empty());
    call.assert_all_hear();
    let counters = call.simulation.server().await;
    assert_eq!(
        (counters.resumes_replayed, counters.heartbeat_timeouts, counters.streams_lost),
        (1, 0, 0)
    );
}

#[actix::test]
async fn who_is_away_for_100_seconds_is_gone_for_the_others_and_comes_back_as_new() {
    let call = Call::start().await;
    let cut = call.simulation.now();
    call.simulation.net.cut(&call.alice.line);
    sleep(150.0).await;
    let told = about(&call.bob.told.take_timed(), &["users", "streams"], cut);
    // The server counts from the last sign of life, up to 3 s before the cut.
    let due = (97.0, 100.0 + SLACK);
    assert_told(
        &told,
        &[("streams DELETE alice", due.0, due.1), ("users DELETE alice", due.0, due.1)],
    );
    let counters = call.simulation.server().await;
    assert_eq!((counters.sessions, counters.streams, counters.heartbeat_timeouts), (1, 1, 1));

    call.simulation.net.restore(&call.alice.line);
    sleep(60.0).await;
    let back = about(&call.alice.told.take_timed(), &["room", "publish"], cut);
    let texts: Vec<_> = back.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts.first(), Some(&"room RECONNECTING 1000017"));
    assert_eq!(texts[texts.len() - 2..], ["room RECONNECTED 0", "publish alice PUBLISHING 0"]);
    let reconnected = cut + back[back.len() - 2].0;
    let told = call.bob.told.take_timed();
    let added = about(&told, &["users", "streams"], reconnected);
    // The stream comes about 100 ms behind its user: four ways and a connection.
    assert_told(&added, &[("users ADD alice", -0.1, 0.1), ("streams ADD alice", 0.0, 0.3)]);
    assert!(
        told.last().is_some_and(|(_, text)| text == "play alice PLAYING 0"),
        "{told:?}"
    );
    call.assert_all_hear();
}

#[actix::test]
async fn media_alone_cut_for_a_minute_stays_announced_while_its_publisher_tries_and_comes_back_by_itself() {
    let call = Call::start().await;
    let cut = call.simulation.now();
    call.simulation.net.cut_media(&call.alice.line);
    sleep(60.0).await;
    let told = about(&call.bob.told.take_timed(), &[""], cut);
    assert_told(&told, &[("play alice PLAY_REQUESTING 1004020", 6.0, 7.0)]);
    call.simulation.net.restore_media(&call.alice.line);
    sleep(30.0).await;
    let told = about(&call.bob.told.take_timed(), &[""], cut);
    // The publisher's attempts take 15 s each, and so do the player's.
    assert_told(&told, &[("play alice PLAYING 0", 60.0, 90.0)]);
    let told = call.alice.told.take();
    assert!(
        told.iter().all(|text| !text.starts_with("room") && !text.contains(" NO_")),
        "{told:?}"
    );
    assert!(
        told.contains(&"publish alice PUBLISHING 0".into()) && told.contains(&"play bob PLAYING 0".into()),
        "{told:?}"
    );
    call.assert_all_hear();
    assert_eq!(call.simulation.server().await.streams_lost, 0);
}

#[actix::test]
async fn when_the_budget_of_twenty_minutes_is_over_the_streams_end_before_the_room() {
    let call = Call::start().await;
    let cut = call.simulation.now();
    call.simulation.net.cut(&call.alice.line);
    let remains = call.bob.destroy();
    sleep(1_300.0).await;
    remains.assert_gone();
    let told = about(
        &call.alice.told.take_timed(),
        &["room", "publish alice NO_", "play bob NO_"],
        cut,
    );
    let over = (1_200.0, 1_200.0 + SLACK);
    let expected = [
        ("room RECONNECTING 1000017", 8.0, 8.0 + SLACK),
        ("publish alice NO_PUBLISH 1103051", over.0, over.1),
        ("play bob NO_PLAY 1104031", over.0, over.1),
        ("room RECONNECT_FAILED 1002053", over.0, over.1),
    ];
    assert_told(&told, &expected);

    // The engine is as good as new.
    call.simulation.net.restore(&call.alice.line);
    call.alice.login("call", 3_600).await;
    assert_eq!(call.alice.told.take(), ["room LOGINING 0", "room LOGINED 0"]);
    let remains = call.alice.destroy();
    settle().await;
    remains.assert_gone();
    assert_eq!(call.simulation.net.open_media(), (0, 0));
}

#[actix::test]
async fn the_end_of_a_token_is_announced_thirty_seconds_before_and_again_for_a_renewed_one() {
    let simulation = Simulation::start();
    let alice = simulation.member("alice");
    alice.login("call", 120).await;
    let logged_in = simulation.now();
    alice.told.take();
    sleep(100.0).await;
    let announced = |told: Vec<(f64, String)>, since: f64| {
        let told = about(&told, &[""], since);
        let [(at, text)] = &told[..] else { panic!("{told:?}") };
        // Tokens count whole seconds, and the answer was on its way for a while.
        assert!(text == "token 30" || text == "token 29", "{text}");
        assert!((88.9..=90.1).contains(at), "{text} came after {at} s");
    };
    announced(alice.told.take_timed(), logged_in);
    let renewed = simulation.now();
    alice.zg.renew_token(alice.token(120)).unwrap();
    sleep(100.0).await;
    announced(alice.told.take_timed(), renewed);
    // Nobody is thrown out by the end of his token; the next login would be.
    sleep(100.0).await;
    assert!(alice.told.take().is_empty());
    assert_eq!(simulation.server().await.sessions, 1);
}
