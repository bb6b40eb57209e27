//! A random server on a random network: what the application is told is always legal, and always adds up.

use express_messages::room::PublishStream;
use proptest::prelude::*;

use super::{
    super::{
        link::LinkError,
        requests::Ticket,
        state::{LinkId, Phase, RoomState},
    },
    bench::Bench,
    model::{Application, Server},
    words::{options, secs, stream_id},
};
use crate::protocol::{Event, KickOut, SequencedEvent, ServerFrame, WireError};

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Pass(f64),
    /// A user comes, or goes with its streams.
    User(u8),
    /// A stream of a user comes or goes.
    Stream(u8, u8),
    /// The same, but the event is lost on the way.
    LoseEvent(u8),
    RepeatEvent,
    Rubbish,
    LoseLink,
    /// The machine gets another network.
    Network,
    /// The next attempts fail.
    Down(u8),
    ForgetSession,
    ForgetEvents,
    RefuseLater,
    RefuseForGood(i32),
    Kick {
        relogin: bool,
    },
    Publish,
    Unpublish,
    Renew(u8),
    Deaf(bool),
    /// The node is going to stop.
    Leave,
    /// The next login or resume is sent to another node.
    SendOn(u8),
    Logout,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0.0..20.0).prop_map(Step::Pass),
        6 => (0u8..5).prop_map(Step::User),
        6 => (0u8..5, 0u8..3).prop_map(|(user, stream)| Step::Stream(user, stream)),
        2 => (0u8..5).prop_map(Step::LoseEvent),
        1 => Just(Step::RepeatEvent),
        1 => Just(Step::Rubbish),
        4 => Just(Step::LoseLink),
        2 => Just(Step::Network),
        2 => (1u8..5).prop_map(Step::Down),
        2 => Just(Step::ForgetSession),
        2 => Just(Step::ForgetEvents),
        1 => Just(Step::RefuseLater),
        1 => prop::sample::select(vec![1102016, 1002066, 1002050]).prop_map(Step::RefuseForGood),
        1 => any::<bool>().prop_map(|relogin| Step::Kick { relogin }),
        2 => Just(Step::Publish),
        2 => Just(Step::Unpublish),
        1 => (0u8..3).prop_map(Step::Renew),
        1 => any::<bool>().prop_map(Step::Deaf),
        2 => Just(Step::Leave),
        1 => (0u8..3).prop_map(Step::SendOn),
        1 => Just(Step::Logout),
        1 => Just(Step::Stop),
    ]
}

struct World {
    bench: Bench,
    server: Server,
    application: Application,
    /// An event was lost and the client cannot know yet.
    behind: bool,
    /// The second link that is open.
    beside: Option<LinkId>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::seeded(options(), seed);
        bench.act(RoomState::start);
        let nodes = ["ws://two", "ws://three"].iter().take(usize::try_from(seed % 3).unwrap());
        Self {
            bench,
            server: Server {
                nodes: nodes.map(|node| (*node).into()).collect(),
                ..Server::default()
            },
            beside: None,
            application: Application::default(),
            behind: false,
        }
    }

    /// What the node says that the client moves to: it takes the client, unless it is down or refuses.
    fn settle_beside(&mut self) {
        while let Some(link) = self.bench.beside.filter(|_| !self.server.deaf) {
            if let Some(left) = self.server.down.checked_sub(1) {
                self.server.down = left;
                self.bench.act(|state, now| state.on_closed(now, link, &LinkError::Gone));
                continue;
            }
            if self.beside != Some(link) {
                self.beside = Some(link);
                self.bench.act(|state, _| state.on_opened(link));
            }
            let Some(asked) = self.bench.beside_sent.pop() else { return };
            let answer = match self.server.refusal.take() {
                Some(error) => ServerFrame::error(asked.id, error),
                None => {
                    self.behind = false;
                    ServerFrame::ok(asked.id, &self.server.log_in())
                }
            };
            self.bench.act(|state, now| state.on_text(now, link, &answer.to_text()));
            // The session on the old node is over, and its socket.
            if self.bench.beside == Some(link) && self.bench.link.is_some() {
                self.bench.lose();
            }
        }
        self.bench.beside_sent.clear();
    }

    /// Lets client and server talk until both are silent.
    fn settle(&mut self) {
        self.settle_beside();
        for _ in 0..100 {
            if self.bench.ended {
                break;
            }
            if self.bench.link.is_some() && self.bench.state.phase == Phase::Opening {
                match self.server.down.checked_sub(1) {
                    Some(left) => {
                        self.server.down = left;
                        self.bench.lose();
                    }
                    None => self.bench.open(),
                }
            }
            let sent = self.bench.sent();
            if sent.is_empty() && self.bench.state.phase != Phase::Opening {
                break;
            }
            for frame in sent {
                if !self.server.deaf && self.bench.link.is_some() {
                    self.server.answer(&mut self.bench, &frame);
                }
            }
        }
        if self.bench.state.phase != Phase::Up {
            self.behind = false;
        }
        self.application.check(&self.bench);
        if self.bench.state.phase == Phase::Up && !self.behind {
            self.application.agrees_with(&self.server);
        }
    }

    /// Lets time pass in small pieces; a living server answers pings.
    fn pass(&mut self, seconds: f64) {
        let mut left = seconds;
        while left > 0.0 && !self.bench.ended {
            self.bench.pass(secs(left.min(1.0)));
            left -= 1.0;
            if !self.server.deaf {
                self.bench.alive();
            }
            if self.bench.state.phase != Phase::Up {
                self.behind = false;
            }
            self.settle();
        }
    }

    fn bring(&mut self, events: Vec<SequencedEvent>) {
        for event in events {
            if self.bench.state.phase == Phase::Up {
                self.bench.event(event.seq, event.event);
            }
        }
        if self.bench.state.phase != Phase::Up {
            self.behind = false;
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Pass(seconds) => self.pass(seconds),
            Step::User(user) => {
                let events = self.server.toggle_user(user);
                self.bring(events);
            }
            Step::Stream(user, stream) => {
                let events = self.server.toggle_stream(user, stream);
                self.bring(events);
            }
            Step::LoseEvent(user) => {
                self.server.toggle_user(user);
                self.behind = self.bench.state.phase == Phase::Up;
            }
            Step::RepeatEvent => {
                if let Some(event) = self.server.log.last().cloned().filter(|_| !self.behind) {
                    self.bring(vec![event]);
                }
            }
            Step::Rubbish if self.bench.link.is_some() => self.bench.receive("rubbish"),
            Step::LoseLink if self.bench.link.is_some() => self.bench.lose(),
            Step::Rubbish | Step::LoseLink => {}
            Step::Network => self.bench.act(RoomState::on_network),
            Step::Down(attempts) => self.server.down = attempts,
            Step::ForgetSession => self.server.session = false,
            Step::ForgetEvents => self.server.forgotten = self.server.seq,
            Step::RefuseLater => self.server.refusal = Some(WireError::retry(1002073, "later", secs(2.0))),
            Step::RefuseForGood(code) => self.server.refusal = Some(WireError::fatal(code, "no")),
            Step::Kick { relogin } if self.bench.state.phase == Phase::Up => {
                self.server.session = false;
                let kick = Event::KickOut(KickOut {
                    code: 1002055,
                    message: String::new(),
                    need_relogin: relogin,
                });
                self.bench.event(self.server.seq + 1, kick);
            }
            Step::Kick { .. } => {}
            Step::Publish => {
                let command = PublishStream {
                    stream_id: stream_id("mine"),
                    offer: String::new(),
                    extra_info: String::new(),
                    muted: false,
                };
                self.bench.act(|state, now| state.publish(now, Ticket(1), command));
            }
            Step::Unpublish => self.bench.act(|state, now| state.unpublish(now, stream_id("mine"))),
            Step::Renew(n) => {
                let token = format!("token-{n}");
                self.bench.act(|state, now| state.renew_token(now, token)).unwrap();
            }
            Step::Deaf(deaf) => self.server.deaf = deaf,
            Step::Leave => {
                let events = vec![self.server.leave()];
                self.bring(events);
            }
            Step::SendOn(node) => {
                let node = ["ws://two", "ws://four", "ftp://nowhere"][usize::from(node)];
                self.server.refusal = Some(WireError::fatal(1002099, "there").at_node(node));
            }
            Step::Logout => self.bench.act(RoomState::logout),
            Step::Stop => self.bench.act(|state, _| state.stop()),
        }
    }

    /// The server and the network are well again.
    fn heal(&mut self) {
        self.server.down = 0;
        self.server.deaf = false;
        self.server.refusal = None;
        self.pass(200.0);
        let settled = self.bench.ended || self.bench.state.phase == Phase::Up;
        assert!(settled, "{:?} with a well server", self.bench.state);
        assert!(!self.behind || self.bench.ended, "a lost event was not noticed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_server_and_no_network_makes_the_events_illegal_or_the_lists_wrong(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(seed);
        world.settle();
        for step in steps {
            if world.bench.ended {
                break;
            }
            let leaving = matches!(step, Step::Logout | Step::Stop);
            world.take(step);
            world.settle();
            if leaving {
                world.pass(1.0);
                prop_assert!(world.bench.ended, "a logout takes at most a second");
            }
        }
        world.heal();
    }
}
