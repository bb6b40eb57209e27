//! Whatever happens in whatever order: the tables agree, and what a client was told is what is there.

use express_messages::ids::InstanceId;
use express_messages::stats::QualityGrade;
use express_signalling::protocol::{Heartbeat, Login, Logout, PausePlay, Publish, RenewToken, ReportQuality};
use proptest::prelude::*;

use super::business::Ledger;
use super::device::Device;
use super::hosted::ice;
use super::kick::interfere;
use super::words::*;
use super::world::*;
use crate::forwarder::{GoneReason, PeerId};
use crate::rooms::{ConnectionId, Hosted, IfMatch};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const ROOMS: [&str; 2] = ["r1", "r2"];
const STREAMS: [&str; 3] = ["s1", "s2", "s3"];
/// Places for logins; more than users, so that users log in twice.
const DEVICES: usize = 4;

#[derive(Debug, Clone)]
enum Op {
    Login {
        device: usize,
        user: usize,
        room: usize,
        user_update: bool,
        /// 0: none.
        instance: u8,
    },
    Resume {
        device: usize,
    },
    CloseSocket {
        device: usize,
        by_peer: bool,
    },
    Logout {
        device: usize,
    },
    Renew {
        device: usize,
        stream: Option<usize>,
    },
    Publish {
        device: usize,
        stream: usize,
        muted: bool,
    },
    Mute {
        device: usize,
        stream: usize,
        muted: bool,
    },
    Info {
        device: usize,
        stream: usize,
        info: usize,
    },
    Say {
        device: usize,
        what: usize,
    },
    Unpublish {
        device: usize,
        stream: usize,
    },
    Play {
        device: usize,
        stream: usize,
    },
    StopPlay {
        device: usize,
        stream: usize,
    },
    Pause {
        device: usize,
        stream: usize,
        paused: bool,
    },
    Heartbeat {
        device: usize,
    },
    /// A request of WHIP or WHEP.
    Host {
        user: usize,
        room: usize,
        stream: usize,
        publish: bool,
    },
    /// Another one about a resource that was made.
    Change {
        resource: usize,
        restart: bool,
    },
    /// The server API: see [`interfere`].
    Interfere {
        what: usize,
        user: usize,
        room: usize,
        stream: usize,
    },
    Hold {
        hold: bool,
    },
    Release,
    Connected {
        peer: usize,
    },
    Gone {
        peer: usize,
    },
    Pass {
        seconds: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let device = 0..DEVICES;
    let stream = 0..STREAMS.len();
    let both = (device.clone(), stream.clone());
    prop_oneof![
        4 => (device.clone(), 0..USERS.len(), 0..ROOMS.len(), any::<bool>(), 0..3_u8)
            .prop_map(|(device, user, room, user_update, instance)| Op::Login { device, user, room, user_update, instance }),
        3 => device.clone().prop_map(|device| Op::Resume { device }),
        3 => (device.clone(), any::<bool>()).prop_map(|(device, by_peer)| Op::CloseSocket { device, by_peer }),
        1 => device.clone().prop_map(|device| Op::Logout { device }),
        1 => (device.clone(), proptest::option::of(stream.clone())).prop_map(|(device, stream)| Op::Renew { device, stream }),
        5 => (both.clone(), any::<bool>()).prop_map(|((device, stream), muted)| Op::Publish { device, stream, muted }),
        2 => (both.clone(), any::<bool>()).prop_map(|((device, stream), muted)| Op::Mute { device, stream, muted }),
        2 => (both.clone(), 0..2_usize).prop_map(|((device, stream), info)| Op::Info { device, stream, info }),
        4 => (device.clone(), 0..5_usize).prop_map(|(device, what)| Op::Say { device, what }),
        2 => both.clone().prop_map(|(device, stream)| Op::Unpublish { device, stream }),
        4 => both.clone().prop_map(|(device, stream)| Op::Play { device, stream }),
        1 => both.clone().prop_map(|(device, stream)| Op::StopPlay { device, stream }),
        1 => (both, any::<bool>()).prop_map(|((device, stream), paused)| Op::Pause { device, stream, paused }),
        2 => device.prop_map(|device| Op::Heartbeat { device }),
        2 => (0..6_usize, 0..USERS.len(), 0..ROOMS.len(), stream.clone())
            .prop_map(|(what, user, room, stream)| Op::Interfere { what, user, room, stream }),
        4 => (0..USERS.len(), 0..ROOMS.len(), stream, any::<bool>())
            .prop_map(|(user, room, stream, publish)| Op::Host { user, room, stream, publish }),
        2 => (0..8_usize, any::<bool>()).prop_map(|(resource, restart)| Op::Change { resource, restart }),
        1 => any::<bool>().prop_map(|hold| Op::Hold { hold }),
        2 => Just(Op::Release),
        5 => (0..20_usize).prop_map(|peer| Op::Connected { peer }),
        3 => (0..20_usize).prop_map(|peer| Op::Gone { peer }),
        3 => prop_oneof![1..10_u64, 40..120_u64].prop_map(|seconds| Op::Pass { seconds }),
    ]
}

struct Scene {
    world: World,
    devices: Vec<Option<Device>>,
    /// What the business server knows.
    ledger: Ledger,
    /// Numbers of the server API's orders about streams.
    orders: i64,
}

impl Scene {
    fn new() -> Self {
        // A short memory, so that both ways of resuming happen, and no rate limits, which have tests of their own.
        let world = World::with(|config| {
            config.limits.replay_events = 4;
            config.limits.requests_per_s = 0;
            config.limits.logins_per_room_per_s = 0;
            config.limits.broadcasts_per_room_per_s = 0;
            config.limits.broadcasts_per_user_per_s = 0;
            config.limits.barrage_per_room_per_s = 0;
            config.limits.commands_to_one_per_s = 0;
            config.limits.commands_to_several_per_s = 0;
            config.limits.streams_per_user = 2;
            config.limits.plays_per_user = 2;
            // Who was kicked comes back with any token, so that more happens.
            config.timings.kick_revokes_s = 0;
        });
        Self {
            world,
            devices: vec![None; DEVICES],
            ledger: Ledger::default(),
            orders: 0,
        }
    }

    fn connection(&self, device: usize) -> Option<ConnectionId> {
        let connection = self.devices[device].as_ref()?.client.connection;
        let open = self.world.sockets.get(&connection)?.closed.is_none();
        open.then_some(connection)
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Login {
                device,
                user,
                room,
                user_update,
                instance,
            } => {
                let request = Login {
                    user_update,
                    instance: (instance > 0).then(|| InstanceId::new([instance; 16])),
                    ..self.world.login_request(USERS[user], ROOMS[room])
                };
                self.login(device, USERS[user], request);
            }
            Op::Resume { device } => self.resume(device),
            Op::CloseSocket { device, by_peer } => self.close(device, by_peer),
            Op::Connected { peer } => {
                if let Some(peer) = self.nth_peer(peer) {
                    self.world.connected(peer);
                }
            }
            Op::Gone { peer } => {
                if let Some(peer) = self.nth_peer(peer) {
                    self.world.gone(peer, GoneReason::ConsentLost);
                }
            }
            Op::Host {
                user,
                room,
                stream,
                publish,
            } => drop(self.world.host(USERS[user], ROOMS[room], STREAMS[stream], publish)),
            Op::Interfere {
                what,
                user,
                room,
                stream,
            } => {
                self.orders += 1;
                interfere(
                    &mut self.world,
                    what,
                    USERS[user],
                    ROOMS[room],
                    (STREAMS[stream], self.orders),
                );
            }
            Op::Change { resource, restart } => self.change(resource, restart),
            Op::Hold { hold } => self.world.hold = hold,
            Op::Release if !self.world.held.is_empty() => self.world.release(),
            Op::Release => {}
            Op::Pass { seconds } => self.world.pass_s(seconds),
            other => self.request(other),
        }
        self.hear_all();
    }

    /// The newest resources have the smallest numbers.
    fn change(&mut self, number: usize, restart: bool) {
        let made = self.world.hosted.iter().rev().filter_map(|(_, outcome)| match outcome {
            Ok(Hosted::Created { resource, .. }) => Some(resource.clone()),
            _ => None,
        });
        let Some(resource) = made.clone().nth(number) else {
            return;
        };
        let restarts = self.world.hosted.len();
        let _ = match restart {
            true => self
                .world
                .patch(&resource, "alice", Some(IfMatch::Any), Ok(Some(ice(restarts)))),
            false => self.world.delete(&resource, "alice"),
        };
    }

    fn request(&mut self, op: Op) {
        let (Op::Logout { device }
        | Op::Renew { device, .. }
        | Op::Publish { device, .. }
        | Op::Mute { device, .. }
        | Op::Info { device, .. }
        | Op::Say { device, .. }
        | Op::Unpublish { device, .. }
        | Op::Play { device, .. }
        | Op::StopPlay { device, .. }
        | Op::Pause { device, .. }
        | Op::Heartbeat { device }) = op
        else {
            panic!("{op:?} is no request");
        };
        let Some(connection) = self.connection(device) else {
            return;
        };
        let world = &mut self.world;
        match op {
            Op::Logout { .. } => drop(world.send(connection, Logout {})),
            Op::Renew { stream, .. } => {
                let device = self.devices[device].as_ref().unwrap();
                let only = stream.map(|stream| [STREAMS[stream]]);
                let rights = ROOMS.map(|room| privileges(room, true, true, only.as_ref().map(|only| &only[..])));
                for rights in rights {
                    let token = world.token_for(APP, device.user, 86_400, Some(rights));
                    world.send(connection, RenewToken { token });
                }
            }
            Op::Publish { stream, muted, .. } => {
                let publish = publish(STREAMS[stream]);
                world.send(connection, Publish { muted, ..publish });
            }
            Op::Mute { stream, muted, .. } => drop(world.send(connection, mute(STREAMS[stream], muted))),
            Op::Info { stream, info, .. } => drop(world.send(connection, set_info(STREAMS[stream], ["a", "b"][info]))),
            Op::Say { what, .. } => say(world, connection, what),
            Op::Unpublish { stream, .. } => drop(world.send(connection, unpublish(STREAMS[stream]))),
            Op::Play { stream, .. } => drop(world.send(connection, play(STREAMS[stream]))),
            Op::StopPlay { stream, .. } => drop(world.send(connection, stop_play(STREAMS[stream]))),
            Op::Pause { stream: id, paused, .. } => {
                let stream_id = stream(STREAMS[id]);
                world.send(connection, PausePlay { stream_id, paused });
            }
            _ => drop(world.send(connection, Heartbeat {})),
        }
    }

    fn login(&mut self, device: usize, user: &'static str, request: Login) {
        self.close(device, true);
        let user_update = request.user_update;
        let client = self.world.login_with(request).unwrap();
        self.devices[device] = Some(Device::new(client, user, user_update));
    }

    fn resume(&mut self, index: usize) {
        let Some(mut device) = self.devices[index].take() else {
            return;
        };
        let (connection, answer) = self.world.resume(&device.client, device.last_seq);
        if let Ok(ok) = answer {
            // The old socket, if there was one, is closed by now.
            device.client.connection = connection;
            assert_ne!(ok.missed.is_some(), ok.snapshot.is_some());
            ok.missed.iter().flatten().for_each(|event| device.hear(event));
            if let Some(snapshot) = &ok.snapshot {
                device.see(snapshot);
            }
            self.devices[index] = Some(device);
        } else {
            self.world.close(connection);
        }
    }

    fn close(&mut self, device: usize, by_peer: bool) {
        if let Some(connection) = self.devices[device].as_ref().map(|device| device.client.connection) {
            match by_peer {
                true => self.world.close(connection),
                false => self.world.lose(connection),
            }
            self.world.sockets.get_mut(&connection).unwrap().closed = Some(1000);
        }
    }

    fn nth_peer(&self, number: usize) -> Option<PeerId> {
        let peers: Vec<_> = self.world.peers.keys().copied().collect();
        peers.get(number.checked_rem(peers.len())?).copied()
    }

    fn hear_all(&mut self) {
        for (_, event) in std::mem::take(&mut self.world.told) {
            self.ledger.read(&event);
        }
        for device in self.devices.iter_mut().flatten() {
            let Some(socket) = self.world.sockets.get_mut(&device.client.connection) else {
                continue;
            };
            for event in std::mem::take(&mut socket.events) {
                device.hear(&event);
            }
            for notice in std::mem::take(&mut socket.notices) {
                device.notice(&notice);
            }
        }
    }

    /// What every connected client and the business server believe is what is there.
    fn check(&mut self) {
        self.ledger.check(&mut self.world);
        self.world.state.check();
        assert_eq!(
            self.world.media_peers(),
            self.world.state.known_peers(),
            "no media connection is forgotten"
        );
        for (index, device) in self.devices.iter().enumerate() {
            let (Some(device), Some(_)) = (device, self.connection(index)) else {
                continue;
            };
            let truth = self.world.state.snapshot_of(&device.client.session).unwrap();
            assert_eq!(truth.seq, device.last_seq);
            assert_eq!(truth.users.len(), device.users.len());
            assert!(
                truth
                    .users
                    .iter()
                    .all(|user| device.users.get(user.user_id.as_str()) == Some(user))
            );
            assert_eq!(truth.streams.len(), device.streams.len());
            assert!(
                truth
                    .streams
                    .iter()
                    .all(|stream| device.streams.get(stream.stream.stream_id.as_str()) == Some(stream))
            );
        }
    }

    /// Everybody falls silent.
    fn end(mut self) {
        while !self.world.held.is_empty() {
            self.world.release();
        }
        let open: Vec<_> = self.world.sockets.keys().copied().collect();
        for connection in open {
            self.world.lose(connection);
        }
        for peer in self.world.media_peers() {
            self.world.gone(peer, GoneReason::ConsentLost);
        }
        self.world.pass_s(101);
        self.hear_all();
        self.ledger.check(&mut self.world);
        assert!(self.world.state.is_empty(), "something is left: {:?}", self.world.state);
        assert!(self.world.media_peers().is_empty());
    }
}

fn say(world: &mut World, connection: ConnectionId, what: usize) {
    match what {
        0 => world.send(connection, broadcast("hello")),
        1 => world.send(connection, barrage("hello")),
        2 => world.send(connection, command("sit", &[])),
        3 => world.send(connection, command("sit", &USERS)),
        _ => {
            let (up, down) = (QualityGrade::Good, QualityGrade::Bad);
            world.send(connection, ReportQuality { up, down })
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_agree_and_every_client_and_business_server_knows_the_truth(ops in prop::collection::vec(op(), 1..120)) {
        let mut scene = Scene::new();
        for op in ops {
            scene.apply(op);
            scene.check();
        }
        scene.end();
    }
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_sessions() {
    let sessions = || {
        let mut world = World::new();
        let client = world.login("alice", "r");
        (client.session, client.secret, client.ok.room_session_id)
    };
    assert_eq!(sessions(), sessions());
}
