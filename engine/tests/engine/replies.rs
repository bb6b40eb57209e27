//! Replies from plain threads, tokio and another executor.

use std::thread;

use express_engine::{Reply, ZegoExpressEngine, ZegoStreamOptions};

use crate::{
    fakes::World,
    told::{TOKEN, Told, config},
};

fn is_send<T: Send>(value: T) -> T {
    value
}

async fn call(zg: &ZegoExpressEngine) -> usize {
    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    assert!(remote.is_active());
    let devices = zg.enum_devices().await.unwrap();
    zg.logout_room("r").unwrap();
    devices.speakers.len()
}

#[test]
fn a_call_works_from_plain_threads() {
    let zg = World::new().engine();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let zg = zg.clone();
            thread::spawn(move || zg.enum_devices().wait().unwrap().speakers.len())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 2);
    }
    zg.login_room("r", TOKEN, "alice", config()).wait().unwrap();
    zg.destroy_engine();
}

#[test]
fn a_call_works_from_tokio() {
    let zg = World::new().engine();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let engine = zg.clone();
    let speakers = runtime.block_on(async { tokio::spawn(is_send(async move { call(&engine).await })).await.unwrap() });
    assert_eq!(speakers, 2);
    zg.destroy_engine();
}

#[test]
fn a_call_works_from_tokio_on_one_thread() {
    let zg = World::new().engine();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(call(&zg)), 2);
    zg.destroy_engine();
}

#[test]
fn a_call_works_from_other_executors() {
    let zg = World::new().engine();
    assert_eq!(pollster::block_on(call(&zg)), 2);
    assert_eq!(futures::executor::block_on(call(&zg)), 2);
    zg.destroy_engine();
}

#[test]
fn a_call_is_made_even_if_nobody_wants_its_answer() {
    let zg = World::new().engine();
    let mut told = Told::by(&zg);
    drop(zg.login_room("r", TOKEN, "alice", config()));
    assert_eq!(told.until("room LOGINED"), ["room LOGINING 0", "room LOGINED 0"]);
    zg.destroy_engine();
}

#[actix::test]
async fn waiting_on_the_engines_own_thread_is_refused_instead_of_hanging() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let waiting: Reply<()> = zg.login_room("r", TOKEN, "alice", config());
    assert_eq!(waiting.wait().unwrap_err().code, 1100001);
    // An answer that is there is given even so.
    assert_eq!(zg.login_room("r", TOKEN, "alice", config()).wait().unwrap_err().code, 1002001);
}
