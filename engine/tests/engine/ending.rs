//! The end of an engine, from everywhere and against everybody. In real time, since threads have to end.

use std::{
    fs,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use express_engine::{RoomStateChanged, ZegoExpressEngine, ZegoStreamOptions};

use crate::{
    fakes::World,
    told::{TOKEN, Told, config, logged_in, settle},
};

/// The documented limit; a busy machine gets some slack on top of it.
const LIMIT: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(3);

/// A busy engine: in a room, publishing and playing.
fn busy(world: &World) -> ZegoExpressEngine {
    let zg = world.engine();
    zg.login_room("r", TOKEN, "alice", config()).wait().unwrap();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).wait().unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    zg.start_playing_stream("s2", Default::default()).wait().unwrap();
    zg
}

fn bounded(end: impl FnOnce()) -> Duration {
    let start = Instant::now();
    end();
    let took = start.elapsed();
    assert!(took < LIMIT + SLACK, "{took:?}");
    took
}

#[test]
fn destroy_ends_all_parts_in_order_and_no_event_follows() {
    let world = World::new();
    let zg = busy(&world);
    let mut told = Told::by(&zg);
    world.told();
    bounded(|| zg.destroy_engine());
    assert!(told.take().is_empty());
    let parts = world.told();
    let at = |line: &str| {
        parts
            .iter()
            .position(|l| l == line)
            .unwrap_or_else(|| panic!("{line} is not in {parts:?}"))
    };
    assert!(
        at("stop publisher s1 0") < at("stop room"),
        "streams say goodbye while there is a room to say it in"
    );
    assert!(at("stop player s2 0") < at("stop device"));
    assert!(at("unpublish s1") < at("stop room"));
    assert_eq!(zg.counters().stops_unanswered, 0);
}

#[test]
fn destroy_is_bounded_when_parts_do_not_react() {
    let world = World::new();
    let zg = busy(&world);
    world.lock().deaf.extend(["room", "publisher", "player", "device"]);
    let took = bounded(|| zg.destroy_engine());
    assert!(took >= Duration::from_millis(500), "{took:?}");
    assert_eq!(zg.counters().stops_unanswered, 4);
    bounded(|| zg.destroy_engine());
}

#[test]
fn destroy_answers_what_still_waits() {
    let world = World::new();
    world.lock().login = None;
    let zg = world.engine();
    let login = zg.login_room("r", TOKEN, "alice", config());
    let playing = zg.start_playing_stream("s2", Default::default());
    let waiting = thread::spawn(move || login.wait().unwrap_err().code);
    bounded(|| zg.destroy_engine());
    assert_eq!(waiting.join().unwrap(), 1000001);
    assert_eq!(playing.wait().unwrap_err().code, 1000001);
}

#[test]
fn destroy_works_in_a_callback_and_what_was_queued_is_still_delivered() {
    let zg = busy(&World::new());
    let (sender, seen) = mpsc::channel();
    let (queued, both_are_queued) = mpsc::channel::<()>();
    let weak = zg.downgrade();
    zg.on(move |e: &RoomStateChanged| {
        let _ = both_are_queued.recv();
        bounded(|| weak.upgrade().unwrap().destroy_engine());
        sender.send(e.reason.as_str()).unwrap();
    });
    zg.logout_room("r").unwrap();
    zg.logout_all_rooms().unwrap();
    drop(queued);
    for _ in 0..2 {
        assert_eq!(seen.recv_timeout(LIMIT + SLACK).unwrap(), "LOGOUT");
    }
    bounded(|| zg.destroy_engine());
}

#[test]
fn destroy_works_in_an_async_callback_and_inside_tokio() {
    let zg = busy(&World::new());
    let (sender, seen) = mpsc::channel();
    let weak = zg.downgrade();
    zg.on_async(move |_: RoomStateChanged| {
        let (engine, sender) = (weak.upgrade().unwrap(), sender.clone());
        async move {
            engine.destroy_engine();
            sender.send(()).unwrap();
        }
    });
    zg.logout_all_rooms().unwrap();
    seen.recv_timeout(LIMIT + SLACK).unwrap();

    for workers in [0, 1] {
        let zg = busy(&World::new());
        let runtime = match workers {
            0 => tokio::runtime::Builder::new_current_thread().build().unwrap(),
            _ => tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        };
        runtime.block_on(async { tokio::spawn(async move { bounded(|| zg.destroy_engine()) }).await.unwrap() });
    }
}

#[test]
fn destroy_from_many_threads_at_once_is_harmless() {
    let zg = busy(&World::new());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let zg = zg.clone();
            thread::spawn(move || bounded(|| zg.destroy_engine()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn destroy_does_not_wait_for_a_callback_that_never_returns() {
    let zg = World::new().engine();
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    zg.on(move |_: &RoomStateChanged| {
        entered.send(()).unwrap();
        let _ = may_leave.recv();
    });
    zg.logout_all_rooms().unwrap();
    is_entered.recv_timeout(SLACK).unwrap();
    let took = bounded(|| zg.destroy_engine());
    assert!(took >= Duration::from_millis(1_900), "{took:?}");
    drop(leave);
}

#[test]
fn dropping_the_last_handle_ends_the_engine_without_blocking() {
    let world = World::new();
    let zg = busy(&world);
    let mut events = zg.events();
    world.lock().deaf.extend(["room", "publisher", "player", "device"]);
    let start = Instant::now();
    drop(zg);
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    while let Ok(Some(_)) = events.recv_timeout(SLACK) {}
}

#[actix::test]
async fn destroy_on_the_callers_arbiter_ends_everything_without_blocking() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    world.told();
    zg.destroy_engine();
    settle().await;
    let parts = world.told();
    assert_eq!(parts, ["stop publisher s1 0", "unpublish s1", "stop room", "stop device"]);
}

/// Waits until `what` is so.
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT + SLACK;
    while !what() {
        assert!(Instant::now() < deadline, "it did not come to that in time");
        thread::yield_now();
    }
}

/// Threads of this process whose name begins with `prefix`. A thread gives itself its name when it begins to run.
fn threads_named(prefix: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn engines_share_a_process_and_leave_no_thread_behind() {
    // Other tests of this process have engines too: this one counts in a process of its own.
    if std::env::var_os("COUNT_THREADS").is_none() {
        let name = "ending::engines_share_a_process_and_leave_no_thread_behind";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", name]).env("COUNT_THREADS", "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    for _ in 0..20 {
        let engines: Vec<_> = (0..4).map(|_| busy(&World::new())).collect();
        until(|| threads_named("zego-control") == 4 && threads_named("zego-events") == 4);
        for engine in &engines {
            engine.destroy_engine();
        }
        // Joined, a thread is listed for a moment longer: the kernel wakes who joins it before it takes it off the list.
        until(|| threads_named("zego-") == 0);
    }
    let engine = busy(&World::new());
    drop(engine);
    until(|| threads_named("zego-") == 0);
}
