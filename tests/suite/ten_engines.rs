//! Ten whole engines in one room, over a network in memory, in virtual time.

use express_tests::simulation::{Ear, Member, Simulation, settle, sleep};

/// One tone for each; no one is a harmonic of another, and all lie on whole periods of the second that is measured.
const TONES: [f32; 10] = [300.0, 370.0, 440.0, 530.0, 620.0, 730.0, 830.0, 970.0, 1_090.0, 1_230.0];
/// How long everybody listens, in seconds.
const LISTEN: f64 = 5.0;

fn user(n: usize) -> String {
    format!("user{n}")
}

fn stream(n: usize) -> String {
    format!("tone{n}")
}

fn others(n: usize) -> impl Iterator<Item = usize> {
    (0..TONES.len()).filter(move |other| *other != n)
}

/// What was told about one thing, in order.
fn only<'a>(told: &'a [String], about: &str) -> Vec<&'a str> {
    told.iter()
        .filter(|text| text.starts_with(about))
        .map(String::as_str)
        .collect()
}

#[actix::test]
async fn ten_engines_in_one_room_all_hear_all_and_leave_nothing_behind() {
    let simulation = Simulation::start();
    let mut members = Vec::new();
    for (n, tone) in TONES.iter().enumerate() {
        let member = simulation.member(&user(n));
        member.login("ten", 3_600).await;
        member.publish_tone(&stream(n), *tone).await;
        members.push(member);
    }
    settle().await;
    let mut ears: Vec<Vec<(usize, Ear)>> = Vec::new();
    for (n, member) in members.iter().enumerate() {
        let mut of_member = Vec::new();
        for other in others(n) {
            of_member.push((other, member.listen(&stream(other)).await));
        }
        ears.push(of_member);
    }
    sleep(LISTEN).await;

    for (n, of_member) in ears.iter().enumerate() {
        for (other, ear) in of_member {
            assert_hears(n, *other, ear);
        }
    }
    for (n, member) in members.iter().enumerate() {
        assert_documented_order(n, member);
    }
    let counters = simulation.server().await;
    assert_eq!((counters.sessions, counters.rooms, counters.streams), (10, 1, 10));
    assert!(counters.refused.is_empty(), "{:?}", counters.refused);

    let remains: Vec<_> = members.into_iter().map(Member::destroy).collect();
    settle().await;
    for one in &remains {
        one.assert_gone();
    }
    let counters = simulation.server().await;
    assert_eq!((counters.sessions, counters.rooms, counters.streams), (0, 0, 0));
    assert_eq!(simulation.net.open_media(), (0, 0));
}

fn assert_hears(n: usize, other: usize, ear: &Ear) {
    for (tone_of, tone) in TONES.iter().enumerate() {
        let amplitude = ear.amplitude(*tone);
        match tone_of == other {
            true => assert!(amplitude > 0.2, "{n} hears {other} with amplitude {amplitude}"),
            false => assert!(amplitude < 0.05, "{n} hears {tone_of} where it plays {other}: {amplitude}"),
        }
    }
    let (blocks, lost) = ear.blocks();
    assert!(
        blocks >= 500 && lost == 0,
        "{n} got {blocks} blocks of {other} and lost {lost}"
    );
}

fn assert_documented_order(n: usize, member: &Member) {
    let told = member.told.take();
    assert_eq!(only(&told, "room"), ["room LOGINING 0", "room LOGINED 0"], "{n}");
    let (mine, publish) = (stream(n), format!("publish {}", stream(n)));
    assert_eq!(
        only(&told, "publish"),
        [format!("{publish} PUBLISH_REQUESTING 0"), format!("{publish} PUBLISHING 0")]
    );
    for other in others(n) {
        let play = format!("play {} ", stream(other));
        let expected = [format!("{play}PLAY_REQUESTING 0"), format!("{play}PLAYING 0")];
        assert_eq!(only(&told, &play), expected, "{n} plays {other}");
    }
    // Everybody is told of everybody else exactly once, the user before the stream, and nobody of himself.
    let place = |word: &str, id: &str| {
        let named = |text: &String| {
            let ids = text.strip_prefix(word)?;
            ids.split(',').any(|one| one == id).then_some(())
        };
        let places: Vec<_> = told
            .iter()
            .enumerate()
            .filter(|(_, text)| named(text).is_some())
            .map(|(at, _)| at)
            .collect();
        assert!(places.len() <= 1, "{n} is told {word}{id} {} times", places.len());
        places.first().copied()
    };
    assert_eq!(
        (place("users ADD ", &user(n)), place("streams ADD ", &mine)),
        (None, None),
        "{n} is told of himself"
    );
    for other in others(n) {
        let (user, stream) = (place("users ADD ", &user(other)), place("streams ADD ", &stream(other)));
        assert!(
            user.is_some() && user < stream,
            "{n} is told of {other}: user {user:?}, stream {stream:?}"
        );
    }
    assert!(only(&told, "users DELETE").is_empty() && only(&told, "streams DELETE").is_empty());
}
