//! The wiring: does a message reach the state, does an effect reach its socket and the media plane, is time kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use express_messages::types::{ZegoStream, ZegoUser};
use express_signalling::protocol::{Heartbeat, ListedStream, Notice, Request, ServerFrame};
use express_token::Secret;
use tokio::sync::{mpsc, oneshot};

use super::words::{barrage, play, publish};
use super::world::{SECRET, World, stream, terms};
use crate::config::{AppConfig, ServerConfig};
use crate::forwarder::{
    Answer, Credentials, ForwarderEvent, GroupKey, MediaRequest, NegotiateError, PeerId, RelayTerms, StreamKey,
};
use crate::rooms::admin::{CountUsers, ServerBroadcast};
use crate::rooms::*;

/// Writes down what it is asked.
#[derive(Clone, Default)]
struct RecordingMedia(Arc<Mutex<Vec<String>>>);

impl RecordingMedia {
    fn note(&self, what: String) -> usize {
        let mut notes = self.0.lock().unwrap();
        notes.push(what);
        notes.len()
    }
}

impl MediaPlane for RecordingMedia {
    fn answer(&mut self, request: &MediaRequest<'_>) -> Result<Answer, NegotiateError> {
        let what = if request.wish.is_publish() { "publish" } else { "play" };
        let number = self.note(format!("{what} {} {}", request.stream.0, request.offer));
        Ok(Answer {
            peer: PeerId(number as u64),
            sdp: "answer".into(),
        })
    }

    fn restart_ice(&mut self, peer: PeerId, remote: Credentials) -> Result<Credentials, NegotiateError> {
        self.note(format!("restart {}", peer.0));
        Ok(remote)
    }

    fn remove(&mut self, peer: PeerId) {
        self.note(format!("remove {}", peer.0));
    }

    fn set_player_paused(&mut self, peer: PeerId, paused: bool) {
        self.note(format!("pause {} {paused}", peer.0));
    }

    fn take_relay(&mut self, stream: StreamKey, _: GroupKey) -> Result<(PeerId, RelayTerms), NegotiateError> {
        let number = self.note(format!("take relay {}", stream.0));
        Ok((PeerId(number as u64), terms(number as u32)))
    }

    fn send_relay(
        &mut self,
        stream: StreamKey,
        _: GroupKey,
        terms: &RelayTerms,
        loudest: u32,
    ) -> Result<(PeerId, SocketAddr), NegotiateError> {
        let number = self.note(format!("send relay {} {} {loudest}", stream.0, terms.ssrc()));
        Ok((PeerId(number as u64), terms.address()))
    }

    fn set_relay_source(&mut self, peer: PeerId, from: SocketAddr) {
        self.note(format!("relay {} from {from}", peer.0));
    }

    fn set_loudest(&mut self, peer: PeerId, loudest: u32) {
        self.note(format!("loudest {} {loudest}", peer.0));
    }
}

/// Writes down what is wished.
#[derive(Clone, Default)]
struct RecordingCloud(Arc<Mutex<Vec<cloud::Wish>>>);

impl cloud::Cloud for RecordingCloud {
    fn wish(&mut self, wish: cloud::Wish) {
        self.0.lock().unwrap().push(wish);
    }
}

struct TestSocket {
    connection: ConnectionId,
    queue: mpsc::Receiver<Outgoing>,
    killed: oneshot::Receiver<CloseReason>,
}

impl TestSocket {
    fn next(&mut self) -> ServerFrame {
        match self.queue.try_recv().unwrap() {
            Outgoing::Text(text) => ServerFrame::parse(&text).unwrap(),
            Outgoing::Close(reason) => panic!("closed: {reason:?}"),
        }
    }
}

struct Rooms {
    address: Addr<RoomsActor>,
    media: RecordingMedia,
    ended: oneshot::Receiver<()>,
    next_id: u64,
}

impl Rooms {
    fn start() -> Self {
        Self::start_as(None, Box::new(()))
    }

    fn start_as(node: Option<cloud::NodeName>, cloud: Box<dyn cloud::Cloud>) -> Self {
        let config = ServerConfig::embedded();
        let media = RecordingMedia::default();
        let (alive, ended) = oneshot::channel();
        let options = RoomsOptions {
            state: StateOptions {
                limits: config.limits,
                timings: config.timings,
                apps: vec![AppConfig::new(super::world::APP, Secret::new(SECRET).unwrap())],
                ice: config.ice,
                ports: Default::default(),
                cloud: node,
                seed: [1; 32],
            },
            media: Box::new(media.clone()),
            business: Box::new(()),
            cloud,
            alive,
        };
        Self {
            address: RoomsActor::new(options).start(),
            media,
            ended,
            next_id: 0,
        }
    }

    async fn open(&self, capacity: usize) -> TestSocket {
        let (outgoing, queue) = mpsc::channel(capacity);
        let (kill, killed) = oneshot::channel();
        let from = None;
        let link = ConnectionLink { outgoing, kill, from };
        let connection = self.address.send(Connect(link)).await.unwrap();
        TestSocket {
            connection,
            queue,
            killed,
        }
    }

    async fn send(&mut self, socket: &TestSocket, request: impl Into<Request>) {
        self.next_id += 1;
        let incoming = Incoming {
            connection: socket.connection,
            frame: Ok((self.next_id, request.into())),
        };
        self.address.send(incoming).await.unwrap();
    }

    async fn login(&mut self, user: &str) -> TestSocket {
        let mut socket = self.ask_to_log_in(user).await;
        assert!(matches!(socket.next(), ServerFrame::Ok { .. }));
        socket
    }

    async fn ask_to_log_in(&mut self, user: &str) -> TestSocket {
        let socket = self.open(16).await;
        let mut login = World::new().login_request(user, "r");
        // The actor reads the real clock for tokens.
        let grant = express_token::Grant {
            app_id: super::world::APP,
            user_id: user.into(),
            ttl_s: 3600,
            privileges: None,
        };
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let secret = Secret::new(SECRET).unwrap();
        let token = express_token::issue_random(&grant, &secret, express_token::Cipher::Gcm, unix.as_secs() as i64);
        login.token = token.unwrap();
        self.send(&socket, login).await;
        socket
    }
}

#[actix::test]
async fn a_publish_goes_to_the_media_plane_and_its_event_to_the_others() {
    let mut rooms = Rooms::start();
    let mut alice = rooms.login("alice").await;
    let mut bob = rooms.login("bob").await;
    alice.next();
    rooms.send(&alice, publish("s")).await;
    assert!(matches!(alice.next(), ServerFrame::Ok { ok, .. } if ok["answer"] == "answer"));
    rooms
        .address
        .send(MediaNews(ForwarderEvent::Connected { peer: PeerId(1) }))
        .await
        .unwrap();
    assert!(matches!(bob.next(), ServerFrame::Event(event) if event.seq == 1));
    rooms.send(&bob, play("s")).await;
    bob.next();
    rooms
        .address
        .send(Disconnected {
            connection: bob.connection,
            end: SocketEnd::Closed,
        })
        .await
        .unwrap();
    let notes = rooms.media.0.lock().unwrap().clone();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].starts_with("publish ") && notes[1].starts_with("play "), "{notes:?}");
    let counters = rooms.address.send(GetCounters).await.unwrap();
    assert_eq!(
        (counters.connections, counters.sessions, counters.streams, counters.plays),
        (1, 2, 1, 1)
    );
}

#[actix::test]
async fn deadlines_are_kept_in_time_though_they_move() {
    let mut rooms = Rooms::start();
    let alice = rooms.login("alice").await;
    tokio::time::pause();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        rooms.send(&alice, Heartbeat {}).await;
    }
    tokio::time::sleep(Duration::from_millis(99_900)).await;
    assert_eq!(rooms.address.send(GetCounters).await.unwrap().sessions, 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let counters = rooms.address.send(GetCounters).await.unwrap();
    assert_eq!((counters.sessions, counters.heartbeat_timeouts), (0, 1));
}

#[actix::test]
async fn a_deadline_that_comes_before_all_others_is_kept_too() {
    let mut rooms = Rooms::start();
    let _alice = rooms.login("alice").await;
    tokio::time::pause();
    // By now the actor waits for the end of alice's session, 80 s away.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut idle = rooms.open(16).await;
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    assert!(matches!(idle.queue.try_recv(), Ok(Outgoing::Close(reason)) if reason.code == 1008));
}

#[actix::test]
async fn a_reader_that_is_too_slow_is_cut_off_and_the_others_are_not_kept_waiting() {
    let mut rooms = Rooms::start();
    let mut slow = rooms.login("slow").await;
    let mut quick = rooms.login("quick").await;
    for number in 0..20 {
        let user = rooms.login(&format!("u{number}")).await;
        quick.next();
        drop(user);
    }
    assert_eq!(slow.killed.try_recv().unwrap().code, 1013);
    assert_eq!(slow.queue.len(), 16);
    let counters = rooms.address.send(GetCounters).await.unwrap();
    assert_eq!(counters.slow_readers, 1);
}

#[actix::test]
async fn a_notice_is_left_out_where_half_the_queue_is_full_and_the_reader_stays() {
    let mut rooms = Rooms::start();
    let mut slow = rooms.login("slow").await;
    let mut quick = rooms.login("quick").await;
    tokio::time::pause();
    // Nine events wait for `slow`, of sixteen that may.
    for number in 0..8 {
        rooms.login(&format!("u{number}")).await;
        quick.next();
    }
    rooms.send(&quick, barrage("first")).await;
    quick.next();
    tokio::time::sleep(Duration::from_millis(201)).await;
    let counters = rooms.address.send(GetCounters).await.unwrap();
    assert_eq!((counters.notices_dropped, counters.slow_readers), (1, 0));
    while slow.queue.len() > 8 {
        assert!(matches!(slow.next(), ServerFrame::Event(_)));
    }
    rooms.send(&quick, barrage("second")).await;
    tokio::time::sleep(Duration::from_millis(201)).await;
    while slow.queue.len() > 1 {
        assert!(matches!(slow.next(), ServerFrame::Event(_)));
    }
    let ServerFrame::Notice(Notice::BarrageMessage(barrage)) = slow.next() else {
        panic!("no barrage came");
    };
    assert_eq!(barrage.messages[0].message, "second");
}

#[actix::test]
async fn a_drain_reaches_every_socket() {
    let mut rooms = Rooms::start();
    let mut alice = rooms.login("alice").await;
    let mut idle = rooms.open(16).await;
    rooms.address.send(Drain).await.unwrap();
    for socket in [&mut alice, &mut idle] {
        assert_eq!(socket.queue.try_recv().unwrap(), Outgoing::Close(CloseReason::restart()));
    }
}

#[actix::test]
async fn the_end_of_the_actor_is_noticed() {
    let Rooms { address, ended, .. } = Rooms::start();
    drop(address);
    assert!(ended.await.is_err());
}

#[actix::test]
async fn wishes_go_to_the_cloud_and_its_news_to_clients_and_to_the_media_plane() {
    let wishes = RecordingCloud::default();
    let name = |name| cloud::NodeName::new(name).unwrap();
    let mut rooms = Rooms::start_as(Some(name("a")), Box::new(wishes.clone()));
    let mut alice = rooms.ask_to_log_in("alice").await;
    let open = wishes.0.lock().unwrap().remove(0);
    let cloud::Wish::Open {
        room, terms: of_room, ..
    } = open
    else {
        panic!("{open:?}")
    };
    let user = ZegoUser::new(super::kick::user("bob"), String::new()).unwrap();
    let listed = ListedStream {
        stream: ZegoStream {
            stream_id: stream("s"),
            user,
            extra_info: String::new(),
        },
        muted: false,
    };
    let remote = cloud::RemoteStream {
        listed,
        created_ms: 1,
        epoch: 1,
    };
    let opened = cloud::News::Opened {
        room,
        terms: of_room,
        is_new: false,
        members: Vec::new(),
        streams: vec![(name("b"), remote)],
        info: None,
    };
    rooms.address.send(CloudNews(opened)).await.unwrap();
    assert!(matches!(alice.next(), ServerFrame::Ok { .. }));
    rooms.send(&alice, play("s")).await;
    let asked = wishes.0.lock().unwrap().pop().unwrap();
    let cloud::Wish::AskRelay {
        stream, terms: of_relay, ..
    } = asked
    else {
        panic!("{asked:?}")
    };
    let answer = cloud::News::RelayAnswer {
        stream,
        ssrc: of_relay.ssrc(),
        answer: Ok("192.0.2.9:7".parse().unwrap()),
    };
    rooms.address.send(CloudNews(answer)).await.unwrap();
    let notes = rooms.media.0.lock().unwrap().clone();
    assert_eq!(
        notes[1..],
        [
            format!("take relay {}", notes[1].rsplit(' ').next().unwrap()),
            "relay 2 from 192.0.2.9:7".into()
        ]
    );
    assert!(notes[0].starts_with("play "), "{notes:?}");
}

#[actix::test]
async fn a_call_of_a_business_server_is_answered_when_the_other_nodes_have_been_asked() {
    let wishes = RecordingCloud::default();
    let rooms = Rooms::start_as(Some(cloud::NodeName::new("a").unwrap()), Box::new(wishes.clone()));
    let app_id = super::world::APP;
    let here = (app_id, super::world::room("r"));
    let look = cloud::Wish::Look(here.clone());
    let count = CountUsers {
        room_ids: vec![here.1.clone()],
    };
    let counted = rooms.address.send(Admin { app_id, call: count });
    rooms.address.send(GetCounters).await.unwrap();
    assert_eq!(std::mem::take(&mut *wishes.0.lock().unwrap()), std::slice::from_ref(&look));
    rooms
        .address
        .send(CloudNews(cloud::News::NoSuchRoom(here.clone())))
        .await
        .unwrap();
    assert_eq!(counted.await.unwrap(), Ok(vec![(here.1.clone(), 0)]));

    let user = ZegoUser::new(super::kick::user("bob"), String::new()).unwrap();
    let text = ServerBroadcast {
        room_id: here.1.clone(),
        from_user: user.clone(),
        message: "hi".into(),
    };
    let said = rooms.address.send(Admin { app_id, call: text });
    rooms.address.send(GetCounters).await.unwrap();
    assert_eq!(std::mem::take(&mut *wishes.0.lock().unwrap()), [look]);
    let opened = cloud::News::Opened {
        room: here,
        terms: cloud::RoomTerms {
            session_id: 1,
            max_members: 0,
            loudest_streams: 0,
        },
        is_new: false,
        members: vec![cloud::Member { user, login_ms: 1 }],
        streams: Vec::new(),
        info: None,
    };
    rooms.address.send(CloudNews(opened)).await.unwrap();
    let asked = wishes.0.lock().unwrap().pop();
    let Some(cloud::Wish::Say { ticket, .. }) = asked else {
        panic!("{asked:?}")
    };
    rooms
        .address
        .send(CloudNews(cloud::News::SaidFor(ticket, Ok(9))))
        .await
        .unwrap();
    assert_eq!(said.await.unwrap(), Ok(9));
}
