//! Lines that are cut, tokens that end: what the one sees who is cut off, and what the others see (or do not).

use express_tests::simulation::{Member, Simulation, settle, sleep};

/// Alice publishes and plays, bob too; both are told nothing new.
async fn call(simulation: &Simulation) -> (Member, Member) {
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    for (member, tone) in [(&alice, 440.0), (&bob, 620.0)] {
        member.login("call", 86_400).await;
        member.publish_tone(&member.user, tone).await;
    }
    settle().await;
    (alice, bob)
}

fn close(at: f64, expected: f64) -> bool {
    (at - expected).abs() < 0.2
}

#[actix::test]
async fn probe() {
    let simulation = Simulation::start();
    let (alice, bob) = call(&simulation).await;
    let bob_hears = bob.listen("alice").await;
    let alice_hears = alice.listen("bob").await;
    sleep(2.0).await;
    println!("{:#?} {:#?}", alice.told.take_timed(), bob.told.take_timed());
    println!("CUT signalling for 20 s at {}", simulation.now());
    alice.line.set_signalling(false);
    sleep(20.0).await;
    println!("hears {} {}", bob_hears.amplitude(440.0), alice_hears.amplitude(620.0));
    alice.line.set_signalling(true);
    sleep(20.0).await;
    println!("{:#?} {:#?}", alice.told.take_timed(), bob.told.take_timed());
    println!("CUT all for 60 s at {}", simulation.now());
    simulation.net.cut(&alice.line);
    sleep(60.0).await;
    simulation.net.restore(&alice.line);
    sleep(40.0).await;
    println!("{:#?} {:#?}", alice.told.take_timed(), bob.told.take_timed());
    println!("hears {} {}", bob_hears.amplitude(440.0), alice_hears.amplitude(620.0));
    println!("CUT all for 150 s at {}", simulation.now());
    simulation.net.cut(&alice.line);
    sleep(150.0).await;
    println!("back at {}", simulation.now());
    simulation.net.restore(&alice.line);
    sleep(60.0).await;
    println!("{:#?} {:#?}", alice.told.take_timed(), bob.told.take_timed());
    println!("hears {} {}", bob_hears.amplitude(440.0), alice_hears.amplitude(620.0));
    let t = std::time::Instant::now();
    println!("CUT for ever at {}", simulation.now());
    simulation.net.cut(&alice.line);
    sleep(1_300.0).await;
    println!("{:#?} {:#?}", alice.told.take_timed(), bob.told.take_timed());
    println!("{:?}, {}", t.elapsed(), close(1.0, 1.0));
    println!("{:?}", simulation.server().await);
}
