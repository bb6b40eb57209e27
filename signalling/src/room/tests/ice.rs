//! ICE servers: the newest list counts, within limits.

use express_messages::ice::IceServer;

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{heartbeat_ok, login_ok, options, resume_ok, secs, snapshot},
};
use crate::protocol::{HeartbeatOk, LoginOk, Request, ResumeOk};

fn turn(host: &str) -> IceServer {
    IceServer {
        urls: vec![format!("turn:{host}")],
        username: Some("name".into()),
        credential: Some("secret".into()),
    }
}

fn logged_in(ice_servers: Vec<IceServer>) -> Bench {
    let mut bench = Bench::new(options());
    bench.act(RoomState::start);
    bench.open();
    let login = bench.request();
    let ok = LoginOk {
        ice_servers,
        ..login_ok(snapshot(0, &[], &[]))
    };
    bench.ok(login.id, &ok);
    bench
}

fn hosts(bench: &Bench) -> Vec<&str> {
    let servers = bench.state.ice_servers.iter();
    servers.map(|server| server.urls[0].trim_start_matches("turn:")).collect()
}

/// The id of the next heartbeat, on a living link.
fn next_heartbeat(bench: &mut Bench) -> u64 {
    for _ in 0..60 {
        bench.pass(secs(1.0));
        bench.alive();
        if let Some(sent) = bench.sent().pop() {
            assert!(matches!(sent.request, Request::Heartbeat(_)));
            return sent.id;
        }
    }
    panic!("no heartbeat in a minute");
}

#[test]
fn the_newest_list_counts_and_a_heartbeat_without_one_changes_nothing() {
    let mut bench = logged_in(vec![turn("a"), turn("b")]);
    assert_eq!(hosts(&bench), ["a", "b"]);
    for (told, expected) in [(vec![], vec!["a", "b"]), (vec![turn("c")], vec!["c"])] {
        let heartbeat = next_heartbeat(&mut bench);
        let ok = HeartbeatOk {
            ice_servers: told,
            ..heartbeat_ok(0)
        };
        bench.ok(heartbeat, &ok);
        assert_eq!(hosts(&bench), expected);
    }
    bench.lose();
    assert_eq!(hosts(&bench), ["c"], "media connects while the link is away");
    bench.pass_until_connecting();
    bench.open();
    let resume = bench.request();
    let ok = ResumeOk {
        ice_servers: vec![turn("d")],
        ..resume_ok(Some(vec![]), None)
    };
    bench.ok(resume.id, &ok);
    assert_eq!(hosts(&bench), ["d"]);
}

#[test]
fn what_is_beyond_the_limits_is_left_out_and_counted_and_the_login_stands() {
    let mut told: Vec<IceServer> = vec![
        IceServer {
            urls: vec![],
            ..turn("")
        },
        turn(&"x".repeat(600)),
        IceServer {
            urls: vec!["turn:x".into(); 9],
            ..turn("")
        },
    ];
    told.extend((0..9).map(|n| turn(&n.to_string())));
    let bench = logged_in(told);
    assert_eq!(hosts(&bench), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(bench.counters.refused_ice_servers.get(), 4);
    assert_eq!(bench.counters.logins.get(), 1);
}
