//! A room over several nodes: who is in it, who gets in, what is left when nobody is.

use express_messages::codes;
use express_messages::ids::RoomId;
use express_signalling::protocol::{Heartbeat, Logout, Resume, VERSION};

use super::cloud_world::*;
use super::words::*;
use super::world::*;
use crate::rooms::admin::{
    CloseRoom, CountUsers, FindUsers, ForbidStream, Forbids, ListStreams, ListUsers, RuleTarget, SetUserRule, StreamOrder,
};
use crate::rooms::cloud::*;
use crate::rooms::{BusinessEvent, Happened};

fn happened(world: &mut World) -> Vec<BusinessEvent> {
    std::mem::take(&mut world.told).into_iter().map(|(_, event)| event).collect()
}

#[test]
fn who_logs_in_sees_those_on_other_nodes_and_each_hears_of_each_once() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.users_seen(1, &bob), ["alice"]);
    assert_eq!((bob.ok.online_count, bob.ok.room_session_id), (2, alice.ok.room_session_id));
    assert_eq!(bob.ok.nodes, [url(0)]);
    assert_eq!(cloud.news(0, &alice), ["+bob"]);
    assert!(cloud.news(1, &bob).is_empty());
    cloud.check();
    let _ = cloud.ask(1, bob.connection, Logout {}).unwrap();
    assert_eq!(cloud.news(0, &alice), ["-bob"]);
    assert_eq!(cloud.ask(0, alice.connection, Heartbeat {}).unwrap().online_count, 1);
    assert!(
        cloud.nodes[1].state.counters().rooms == 0,
        "nobody there has the room any more"
    );
    cloud.check();
}

#[test]
fn a_room_is_created_and_closed_once_for_its_business_server_whatever_nodes_it_is_on() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    let _ = cloud.ask(0, alice.connection, Logout {}).unwrap();
    let _ = cloud.ask(1, bob.connection, Logout {}).unwrap();
    let rooms = |events: Vec<BusinessEvent>| -> Vec<&str> {
        let of_room = |event: &BusinessEvent| match event.happened {
            Happened::RoomCreated { .. } => Some("created"),
            Happened::RoomClosed(_) => Some("closed"),
            _ => None,
        };
        events.iter().filter_map(of_room).collect()
    };
    assert_eq!(rooms(happened(&mut cloud.nodes[0])), ["created"]);
    assert_eq!(rooms(happened(&mut cloud.nodes[1])), ["closed"]);
}

#[test]
fn a_login_waits_for_its_room_and_the_server_does_not_lose_patience_meanwhile() {
    let mut cloud = CloudWorld::new(1);
    cloud.hold = true;
    let connection = cloud.nodes[0].open();
    let request = cloud.nodes[0].login_request("alice", "r");
    let id = cloud.nodes[0].send(connection, request.clone());
    cloud.settle();
    assert_eq!(
        cloud.nodes[0].code(connection, request),
        codes::LOGIN_STATE_WRONG,
        "one at a time"
    );
    cloud.nodes[0].pass_s(15);
    assert_eq!(cloud.nodes[0].closed(connection), None);
    cloud.release();
    let answer = cloud.nodes[0].answer::<express_signalling::protocol::Login>(connection, id);
    assert!(answer.unwrap().is_ok());
    cloud.check();
}

#[test]
fn a_stranger_causes_no_traffic() {
    let mut cloud = CloudWorld::new(1);
    let mut request = cloud.nodes[0].login_request("alice", "r");
    request.token = "04nonsense".into();
    assert!(cloud.login_with(0, request).is_err());
    assert!(cloud.wished.is_empty(), "{:?}", cloud.wished);
}

#[test]
fn a_room_that_nobody_waits_for_any_more_is_not_opened() {
    let mut cloud = CloudWorld::new(1);
    cloud.hold = true;
    let connection = cloud.nodes[0].open();
    let request = cloud.nodes[0].login_request("alice", "r");
    cloud.nodes[0].send(connection, request);
    cloud.settle();
    cloud.nodes[0].close(connection);
    cloud.release();
    assert!(cloud.nodes[0].state.is_empty());
    let last = cloud.wished.last().map(|(_, wish)| wish.clone());
    assert_eq!(last, Some(Wish::Close((APP, room("r")))));
}

#[test]
fn a_login_that_the_cloud_does_not_answer_is_refused_and_may_be_repeated() {
    let mut cloud = CloudWorld::new(1);
    cloud.hold = true;
    let connection = cloud.nodes[0].open();
    let request = cloud.nodes[0].login_request("alice", "r");
    let id = cloud.nodes[0].send(connection, request);
    cloud.nodes[0].pass_s(20);
    let answer = cloud.nodes[0].answer::<express_signalling::protocol::Login>(connection, id);
    assert!(answer.unwrap().unwrap_err().retry.is_some());
    cloud.release();
    assert_eq!(
        cloud.nodes[0].state.counters().rooms,
        0,
        "what is opened too late is closed again"
    );
}

#[test]
fn who_is_better_served_elsewhere_is_told_where_and_who_was_sent_or_comes_from_there_is_served() {
    let mut cloud = CloudWorld::new(2);
    cloud.elsewhere = Some("wss://b.example");
    let mut request = cloud.nodes[0].login_request("alice", "r");
    let error = cloud.login_with(0, request.clone()).unwrap_err();
    assert_eq!(
        (error.code, error.node.as_deref()),
        (codes::ROOM_INNER_ERROR, Some("wss://b.example"))
    );
    assert!(error.retry.is_some());
    request.redirected = true;
    assert!(cloud.login_with(1, request.clone()).is_ok());
    // It was lost a moment ago, which nobody knows but the client.
    (request.redirected, request.moved_from) = (false, Some("b.0123456789abcdef".into()));
    request.room_id = RoomId::new("r2").unwrap();
    assert!(cloud.login_with(0, request).is_ok());
    cloud.check();
}

#[test]
fn a_room_has_its_limit_over_all_nodes_together() {
    let mut cloud = CloudWorld::new(2);
    let mut request = cloud.nodes[0].login_request("alice", "r");
    request.max_member_count = 2;
    let _ = cloud.login_with(0, request).unwrap();
    let _ = cloud.login(1, "bob", "r");
    let late = cloud.nodes[1].login_request("carol", "r");
    assert_eq!(cloud.login_with(1, late).unwrap_err().code, codes::ROOM_MAX_USER_COUNT);
    let again = cloud.nodes[1].login_request("alice", "r");
    assert!(
        cloud.login_with(1, again).is_ok(),
        "who is in already may come by another node"
    );
    cloud.check();
}

#[test]
fn a_login_on_another_node_ends_the_one_here_and_the_room_hears_nothing_of_it() {
    let mut cloud = CloudWorld::new(3);
    let watcher = cloud.login(2, "watcher", "r");
    let first = cloud.login(0, "alice", "r");
    cloud.publish(0, first.connection, "s");
    cloud.news(2, &watcher);
    cloud.pass_s(1);
    let second = cloud.login(1, "alice", "r");
    assert_eq!(cloud.news(0, &first), ["kick:1002050"]);
    assert_eq!(cloud.nodes[0].closed(first.connection), Some(1000));
    assert_eq!(cloud.news(2, &watcher), ["-s:3"], "the user stays, the stream does not");
    assert_eq!(cloud.users_seen(2, &watcher), ["alice"]);
    assert!(cloud.news(1, &second).is_empty());
    cloud.check();
}

#[test]
fn logins_of_one_instance_stay_in_their_rooms_on_several_nodes() {
    let mut cloud = CloudWorld::new(2);
    let instance = express_messages::ids::InstanceId::new([7; 16]);
    let mut request = cloud.nodes[0].login_request("alice", "r1");
    request.instance = Some(instance.clone());
    let first = cloud.login_with(0, request).unwrap();
    cloud.pass_s(1);
    let mut request = cloud.nodes[1].login_request("alice", "r2");
    request.instance = Some(instance);
    let second = cloud.login_with(1, request).unwrap();
    assert_eq!((cloud.news(0, &first), cloud.news(1, &second)), (vec![], vec![]));
    cloud.pass_s(1);
    let _ = cloud.login(1, "alice", "r3");
    assert_eq!(
        cloud.news(0, &first),
        ["kick:1002050"],
        "one without an instance ends them all"
    );
    assert_eq!(cloud.news(1, &second), ["kick:1002050"]);
    cloud.check();
}

#[test]
fn the_server_api_sees_users_and_streams_of_all_nodes() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.pass_s(1);
    let _ = cloud.login(1, "bob", "r");
    cloud.publish(0, alice.connection, "s");
    let node = &mut cloud.nodes[1];
    let list = ListUsers {
        room_id: room("r"),
        descending: false,
        limit: 10,
        after: None,
    };
    let users: Vec<_> = node
        .admin(list)
        .unwrap()
        .users
        .iter()
        .map(|user| user.user_id.to_string())
        .collect();
    assert_eq!(users, ["alice", "bob"]);
    let room_ids = vec![room("r")];
    assert_eq!(node.admin(CountUsers { room_ids }).unwrap(), [(room("r"), 2)]);
    let user_ids = vec![super::kick::user("alice"), super::kick::user("nobody")];
    let find = FindUsers {
        room_id: room("r"),
        user_ids,
    };
    let found: Vec<_> = node.admin(find).unwrap().iter().map(|user| user.login_ms.is_some()).collect();
    assert_eq!(found, [true, false]);
    let streams = node.admin(ListStreams { room_id: room("r") }).unwrap();
    assert_eq!(
        streams.iter().map(|stream| stream.stream_id.as_str()).collect::<Vec<_>>(),
        ["s"]
    );
}

#[test]
fn a_session_of_another_node_is_taken_up_there() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    assert!(alice.session.starts_with("a."), "{}", alice.session);
    let resume = |session: &str| Resume {
        versions: vec![VERSION],
        session: session.into(),
        secret: alice.secret.clone(),
        last_seq: 0,
    };
    let connection = cloud.nodes[1].open();
    let error = cloud.ask(1, connection, resume(&alice.session)).unwrap_err();
    assert_eq!((error.code, error.node), (codes::NETWORK_RECOVERY, Some(url(0))));
    let error = cloud.ask(1, connection, resume("x.1234")).unwrap_err();
    assert_eq!(error.node, None, "nobody is sent to a node that there is not");
    assert!(cloud.nodes[0].resume(&alice, 0).1.is_ok());
}

#[test]
fn news_of_what_is_not_there_change_nothing() {
    let mut cloud = CloudWorld::new(1);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let (here, other) = ((APP, room("r")), (APP, room("other")));
    let ticket = crate::rooms::Ticket(999);
    let answer = Err(RelayRefusal::NotHere);
    let news = [
        News::ElsewhereInstead(other.clone(), "wss://x".into()),
        News::UserLeft(here.clone(), super::kick::user("nobody")),
        News::UserLeft(other.clone(), super::kick::user("alice")),
        News::StreamLeft(
            here.clone(),
            stream("nothing"),
            express_messages::types::StreamDeleteReason::Stopped,
        ),
        News::StreamLeft(
            other.clone(),
            stream("s"),
            express_messages::types::StreamDeleteReason::Stopped,
        ),
        News::StreamLeft(here, stream("s"), express_messages::types::StreamDeleteReason::Stopped),
        News::SaidFor(ticket, Ok(1)),
        News::Claimed(ticket, Ok(1)),
        News::Settled(APP, stream("nothing"), 3),
        News::ClaimLost {
            stream: (APP, stream("nothing")),
            moved_to: None,
        },
        News::RelayAnswer {
            stream: (APP, stream("s")),
            ssrc: 1,
            answer,
        },
    ];
    for news in news {
        cloud.tell(0, news);
        cloud.settle();
        cloud.check();
    }
    assert!(cloud.news(0, &alice).is_empty());
    assert_eq!(
        cloud.code(0, alice.connection, mute("s", true)),
        0,
        "the stream is there still"
    );
}

#[test]
fn a_server_that_is_alone_wishes_for_nothing_and_hears_nothing() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    let _ = world.ask(bob.connection, broadcast("hello")).unwrap();
    let login = LoginElsewhere {
        app_id: APP,
        room_id: room("r"),
        user_id: super::kick::user("alice"),
        login_ms: u64::MAX,
        instance: None,
        moved_from: None,
    };
    assert!(world.state.on_news(world.at(), News::LoggedIn(login)).is_empty());
    let _ = world.ask(alice.connection, Logout {}).unwrap();
    assert!(world.wishes.is_empty(), "{:?}", world.wishes);
}

#[test]
fn what_the_server_api_orders_on_one_node_holds_on_all() {
    let mut cloud = CloudWorld::new(2);
    let _ = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    cloud.publish(1, bob.connection, "s");
    cloud.publish(1, bob.connection, "t");
    let order = StreamOrder {
        stream_id: stream("s"),
        sequence: 1,
    };
    cloud.nodes[0].admin(ForbidStream(order)).unwrap();
    cloud.settle();
    let forbidden = format!("ended s:publish:{}", codes::PUBLISHER_MEDIA_SERVER_FORBID);
    assert!(cloud.news(1, &bob).contains(&forbidden));
    assert_eq!(
        cloud.code(1, bob.connection, publish("s")),
        codes::PUBLISHER_MEDIA_SERVER_FORBID
    );
    let rule = SetUserRule {
        target: RuleTarget::User(super::kick::user("carol")),
        forbids: Forbids {
            login: true,
            publish: true,
        },
        lasts: std::time::Duration::from_secs(60),
    };
    cloud.nodes[0].admin(rule).unwrap();
    cloud.settle();
    let carol = cloud.nodes[1].login_request("carol", "r");
    assert_eq!(cloud.login_with(1, carol).unwrap_err().code, codes::FORBID_BLACK_USER);
    let close = CloseRoom {
        room_id: room("r"),
        reason: "over".into(),
        tell_business: true,
    };
    cloud.nodes[0].admin(close).unwrap();
    cloud.settle();
    assert_eq!(cloud.nodes[1].closed(bob.connection), Some(1000));
    assert!((0..2).all(|node| cloud.nodes[node].state.counters().rooms == 0));
    let orders = cloud.wished.iter().filter(|(_, wish)| matches!(wish, Wish::Order(_))).count();
    assert_eq!(
        orders, 5,
        "each is told once, and by each node whom the closing kicked out there"
    );
    cloud.check();
}
