//! What a user has set is as it was after a reconnect, and after a login anew.

use std::sync::{Arc, Mutex};

use express_engine::{RemoteMicStatusUpdate, RoomExtraInfoUpdate, StreamExtraInfoUpdate, ZegoLocalStream};
use express_tests::simulation::{Ear, Member, Simulation, settle, sleep};

/// What one hears while another is muted; a tone that is heard has more than 0.2.
const SILENCE: f64 = 0.02;

/// Alice and bob publish a tone each and play the other's.
struct Call {
    simulation: Simulation,
    alice: Member,
    bob: Member,
    alice_speaks: ZegoLocalStream,
    alice_hears: Ear,
    bob_hears: Ear,
}

impl Call {
    async fn start() -> Self {
        let simulation = Simulation::start();
        let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
        for member in [&alice, &bob] {
            member.login("call", 86_400).await;
        }
        let alice_speaks = alice.publish_tone("alice", 440.0).await;
        bob.publish_tone("bob", 620.0).await;
        settle().await;
        let (bob_hears, alice_hears) = (bob.listen("alice").await, alice.listen("bob").await);
        sleep(3.0).await;
        assert!(bob_hears.amplitude(440.0) > 0.2 && alice_hears.amplitude(620.0) > 0.2);
        Self {
            simulation,
            alice,
            bob,
            alice_speaks,
            alice_hears,
            bob_hears,
        }
    }

    fn mute(&self, muted: bool) -> express_engine::Reply<()> {
        self.alice.zg.mute_publish_stream_audio(&self.alice_speaks, muted).unwrap();
        self.alice.zg.mute_play_stream_audio("bob", muted)
    }

    /// So many seconds in which neither is heard.
    async fn pass_in_silence(&self, seconds: u32) {
        for second in 0..seconds {
            sleep(1.0).await;
            let (alice, bob) = (self.alice_hears.amplitude(620.0), self.bob_hears.amplitude(440.0));
            assert!(
                alice < SILENCE && bob < SILENCE,
                "after {second} s alice hears {alice}, bob hears {bob}"
            );
        }
    }
}

/// What a member is told of the texts and the microphones of others.
fn notes(member: &Member) -> Arc<Mutex<Vec<String>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&notes);
    member.zg.on(move |e: &StreamExtraInfoUpdate| {
        for stream in &e.stream_list {
            note.lock()
                .unwrap()
                .push(format!("info {} {}", stream.stream_id, stream.extra_info));
        }
    });
    let note = Arc::clone(&notes);
    member
        .zg
        .on(move |e: &RemoteMicStatusUpdate| note.lock().unwrap().push(format!("mic {} {}", e.stream_id, e.status)));
    let note = Arc::clone(&notes);
    member.zg.on(move |e: &RoomExtraInfoUpdate| {
        for info in &e.room_extra_info_list {
            note.lock()
                .unwrap()
                .push(format!("room {}={} by {}", info.key, info.value, info.update_user.user_id));
        }
    });
    notes
}

fn take(notes: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *notes.lock().unwrap())
}

/// Alice mutes both ways and is away for so long; bob is told of her again what `told_again` says.
async fn mute_and_be_away(seconds: u32, told_again: &[&str]) {
    let call = Call::start().await;
    let notes = notes(&call.bob);
    call.alice.zg.set_stream_extra_info("alice", "two").await.unwrap();
    call.mute(true).await.unwrap();
    sleep(2.0).await;
    take(&notes);
    call.pass_in_silence(3).await;
    call.simulation.net.cut(&call.alice.line);
    call.pass_in_silence(seconds).await;
    call.simulation.net.restore(&call.alice.line);
    call.pass_in_silence(60).await;
    assert_eq!(take(&notes), told_again);
    call.mute(false).await.unwrap();
    sleep(5.0).await;
    assert!(call.bob_hears.amplitude(440.0) > 0.2, "what alice publishes is back");
    assert!(call.alice_hears.amplitude(620.0) > 0.2, "what alice plays is back");
}

#[actix::test]
async fn who_is_muted_is_never_heard_and_all_is_as_it_was_after_a_resume() {
    mute_and_be_away(40, &[]).await;
}

#[actix::test]
async fn who_is_muted_is_never_heard_and_all_is_as_it_was_after_a_login_anew() {
    mute_and_be_away(150, &["info alice two", "mic alice MUTE"]).await;
}

#[actix::test]
async fn a_mute_of_what_is_played_while_the_link_is_away_is_done_when_it_is_back() {
    let call = Call::start().await;
    call.alice.line.set_signalling(false);
    sleep(2.0).await;
    let error = call.alice.zg.mute_play_stream_audio("bob", true).await.unwrap_err();
    assert_eq!(error.code, 1000017);
    call.alice.line.set_signalling(true);
    sleep(30.0).await;
    assert!(call.alice_hears.amplitude(620.0) < SILENCE);
    assert!(call.bob_hears.amplitude(440.0) > 0.2);
}

#[actix::test]
async fn the_room_that_ended_while_its_last_user_was_away_gets_his_extra_info_again() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 86_400).await;
    alice.zg.set_room_extra_info("room", "topic", "songs").await.unwrap();
    simulation.net.cut(&alice.line);
    sleep(130.0).await;
    simulation.net.restore(&alice.line);
    sleep(60.0).await;
    assert_eq!(simulation.server().await.logins, 2, "she had to log in anew");
    let notes = notes(&bob);
    bob.login("room", 86_400).await;
    settle().await;
    assert_eq!(take(&notes), ["room topic=songs by alice"]);
}

/// Alice speaks at a fifth of the volume and is away for so long.
async fn volume_after(seconds: f64) {
    let call = Call::start().await;
    let loud = call.bob_hears.amplitude(440.0);
    call.alice.zg.set_capture_volume(&call.alice_speaks, 20).await.unwrap();
    sleep(3.0).await;
    let quiet = call.bob_hears.amplitude(440.0);
    assert!((quiet / loud - 0.2).abs() < 0.05, "{loud} became {quiet}");
    call.simulation.net.cut(&call.alice.line);
    sleep(seconds).await;
    call.simulation.net.restore(&call.alice.line);
    for second in 0..60 {
        sleep(1.0).await;
        let heard = call.bob_hears.amplitude(440.0);
        assert!(
            heard < 1.2 * quiet,
            "{second} s after the way is back bob hears {heard}, not {quiet}"
        );
    }
    let heard = call.bob_hears.amplitude(440.0);
    assert!((heard / quiet - 1.0).abs() < 0.1, "{quiet} became {heard}");
}

#[actix::test]
async fn the_volume_that_was_set_is_never_exceeded_and_as_it_was_after_a_resume() {
    volume_after(40.0).await;
}

#[actix::test]
async fn the_volume_that_was_set_is_never_exceeded_and_as_it_was_after_a_login_anew() {
    volume_after(150.0).await;
}
