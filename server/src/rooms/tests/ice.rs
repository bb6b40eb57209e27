//! Who is told of which STUN and TURN servers, and when anew.

use express_signalling::protocol::{Heartbeat, HeartbeatOk, IceServer};

use super::hosted::refused;
use super::world::*;
use crate::config::{Hidden, IceServerConfig};
use crate::rooms::Hosted;

const TURN: &str = "turn:turn.example.com:3478?transport=tcp";
const TTL_S: u64 = 3600;

/// A world with a STUN server and a TURN server that shares its secret.
fn world() -> World {
    World::with(|config| {
        let server = |url: &str, secret: Option<Hidden>| IceServerConfig {
            urls: vec![url.into()],
            username: None,
            credential: None,
            secret,
        };
        config.ice.credential_ttl_s = TTL_S;
        config.ice.servers = vec![
            server("stun:stun.example.com", None),
            server(TURN, Some(Hidden::new("north"))),
        ];
    })
}

/// When the credentials for the TURN server expire, in seconds from now.
fn left(world: &World, servers: &[IceServer]) -> i64 {
    let [stun, turn] = servers else { panic!("{servers:?}") };
    assert_eq!(
        (&stun.urls[0][..], &stun.username, &stun.credential),
        ("stun:stun.example.com", &None, &None)
    );
    assert_eq!(turn.urls, [TURN]);
    let (expires_at, user) = turn.username.as_ref().unwrap().split_once(':').unwrap();
    assert_eq!((user, turn.credential.as_ref().unwrap().len()), ("alice", 28));
    expires_at.parse::<i64>().unwrap() - world.unix_s()
}

fn heartbeat(world: &mut World, client: &Client) -> Vec<IceServer> {
    let ok: HeartbeatOk = world.ask(client.connection, Heartbeat {}).unwrap();
    ok.ice_servers
}

#[test]
fn a_login_and_a_resume_tell_the_servers_with_credentials_for_their_whole_life() {
    let mut world = world();
    let alice = world.login("alice", "r");
    assert_eq!(left(&world, &alice.ok.ice_servers), 3600);
    world.lose(alice.connection);
    world.pass_s(50);
    let (_, ok) = world.resume(&alice, 0);
    assert_eq!(left(&world, &ok.unwrap().ice_servers), 3600);
}

#[test]
fn a_heartbeat_renews_credentials_once_less_than_half_of_their_life_is_left() {
    let mut world = world();
    let alice = world.login("alice", "r");
    world.pass_with_heartbeats(1_800, &[alice.connection]);
    assert!(heartbeat(&mut world, &alice).is_empty());
    world.pass_s(1);
    let renewed = heartbeat(&mut world, &alice);
    assert_eq!(left(&world, &renewed), 3600);
    world.pass_s(1);
    assert!(
        heartbeat(&mut world, &alice).is_empty(),
        "new ones are good for as long again"
    );
}

#[test]
fn credentials_that_do_not_expire_are_told_once() {
    let mut world = World::with(|config| {
        config.ice.servers = vec![IceServerConfig {
            urls: vec![TURN.into()],
            username: Some("everybody".into()),
            credential: Some(Hidden::new("word")),
            secret: None,
        }];
    });
    let alice = world.login("alice", "r");
    let turn = &alice.ok.ice_servers[0];
    assert_eq!(
        (turn.username.as_deref(), turn.credential.as_deref()),
        (Some("everybody"), Some("word"))
    );
    world.pass_with_heartbeats(86_400, &[alice.connection]);
    assert!(heartbeat(&mut world, &alice).is_empty());
}

#[test]
fn a_client_of_whip_is_told_with_its_answer_and_before_by_its_token() {
    let mut world = world();
    let Some(Ok(Hosted::Created { ice_servers, .. })) = world.host("alice", "r", "s", true) else {
        panic!("not created");
    };
    assert_eq!(left(&world, &ice_servers), 3600);
    let token = world.token("alice");
    let told = world.state.ice_servers_for(world.at(), Some(APP), &token).unwrap();
    assert_eq!(told, ice_servers);
    let stranger = world.state.ice_servers_for(world.at(), Some(APP), "nonsense");
    assert_eq!(refused_code(stranger), 1_102_016);
}

fn refused_code(outcome: Result<Vec<IceServer>, crate::rooms::HostRefusal>) -> i32 {
    refused(outcome.map(|_| Hosted::Noted)).1
}
