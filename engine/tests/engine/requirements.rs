//! An exact look at what this system can do: microphone, server, media ports.

use std::time::Duration;

use express_engine::{RequirementKind, ZegoError};
use express_messages::{publisher::MediaWays, room::MediaPorts};

use crate::{fakes::World, told::settle};

#[actix::test]
async fn an_exact_look_opens_the_microphone_for_a_moment_and_tries_the_server_and_its_media_ports() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let error = |code| ZegoError::new(code, "why");
    world.lock().reach = Some(Ok(MediaPorts {
        udp: vec![([192, 0, 2, 1], 5000).into()],
        ..MediaPorts::default()
    }));
    world.lock().ways.tcp = Some(Ok(()));
    settle().await;
    world.told();
    let found = zg.check_system_requirements_exactly().await.unwrap();
    assert!(found.microphone && found.err_info.is_empty(), "{found:?}");
    assert_eq!(
        (found.server, found.udp, found.tcp, found.codec),
        (Some(true), None, Some(true), None),
        "the fake publisher part cannot tell of a codec"
    );
    let mut told = world.told();
    told.sort();
    let opened = "open Microphone { device_id: None } 1 ch";
    // The last line: nothing is done to its sound.
    assert_eq!(
        told,
        [
            "close",
            opened,
            "reach [\"ws://127.0.0.1:1\"]",
            "try [192.0.2.1:5000]",
            "voice:"
        ]
    );

    world.lock().ways.udp = Some(Err(error(1103028)));
    let found = zg.check_system_requirements_exactly().await.unwrap();
    assert_eq!((found.udp, found.err_info[0].1.code), (Some(false), 1103028));
    world.lock().ways = MediaWays::default();
    world.lock().open_code = 1103064;
    world.lock().reach = Some(Err(error(1000017)));
    let found = zg.check_system_requirements_exactly().await.unwrap();
    let codes: Vec<i32> = found.err_info.iter().map(|(_, error)| error.code).collect();
    assert_eq!(
        (found.microphone, found.server, codes),
        (false, Some(false), vec![1103064, 1000017])
    );
    assert!(!zg.check_system_requirement(RequirementKind::Server).await.unwrap());
    // The other look opens and asks nothing.
    world.told();
    assert!(zg.check_system_requirements().await.unwrap().microphone);
    assert!(world.told().is_empty());
}

#[actix::test]
async fn an_exact_look_answers_within_three_seconds_whatever_devices_and_network_do() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    world.lock().open_after = Duration::from_secs(60);
    let begun = tokio::time::Instant::now();
    let found = zg.check_system_requirements_exactly().await.unwrap();
    assert!(begun.elapsed() <= Duration::from_millis(3_050), "{:?}", begun.elapsed());
    let codes: Vec<i32> = found.err_info.iter().map(|(_, error)| error.code).collect();
    assert_eq!(
        (found.microphone, found.server, codes),
        (false, Some(false), vec![1100002; 2])
    );
}
