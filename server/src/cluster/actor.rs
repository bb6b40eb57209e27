//! Carries the decisions of [`ClusterState`] out: over the bus, in time.

mod inbox;
mod registry;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message as ActorMessage, MessageResult, Recipient};
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use self::inbox::{Came, hand_on, hand_status_on};
use self::registry::node_entry;
use super::bus::{Bucket, Bus, BusStatus, Incoming, Replier, WatchEvent};
use super::counters::ClusterCounters;
use super::lease::Lease;
use super::state::{Action, ClusterOptions, ClusterState, Letter, Message, NodeEntry, NodeLife};
use crate::alarm::{Alarm, Woken};
use crate::rooms::cloud::{Cloud, NodeName, Question, Wish};
use crate::rooms::{CloudNews, Now, Ticket};

/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is asked of the registry at a time.
const AT_A_TIME: usize = 64;
/// Letters that wait to be sent; more are dropped, and found out about as any lost letter.
const POST: usize = 8_192;
/// The nodes are read in full so often, in case that the watch has fallen silent.
const READ_NODES: Duration = Duration::from_secs(10);
/// A question that the rooms do not answer is forgotten with its way back.
const QUESTIONS: usize = 4_096;

/// How a [`ClusterActor`] is made.
pub(crate) struct ClusterActorOptions {
    /// The bus that the node is on.
    pub(crate) bus: Arc<dyn Bus>,
    /// Where clients reach it.
    pub(crate) url: String,
    /// As the operator words it.
    pub(crate) region: String,
    /// Sessions that it is for.
    pub(crate) capacity: u32,
    /// Who is told the news.
    pub(crate) rooms: Recipient<CloudNews>,
}

/// Owner of [`ClusterState`]; one for each node of a cluster.
pub(crate) struct ClusterActor {
    state: ClusterState,
    own: NodeLife,
    bus: Arc<dyn Bus>,
    rooms: Recipient<CloudNews>,
    /// Letters on their way, in their order.
    post: mpsc::Sender<Posted>,
    questions: HashMap<Question, Replier>,
    last_question: u64,
    /// Of what is asked of the registry at a time.
    turns: Arc<Semaphore>,
    /// Whether the broker was ever reached: before that it is not missed.
    was_connected: bool,
    lease: Lease,
    /// Letters that found no room on their way out.
    dropped: u64,
    /// What came and is no letter.
    unreadable: u64,
    started: Instant,
    alarm: Alarm,
}

impl fmt::Debug for ClusterActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterActor").field("own", &self.own).finish_non_exhaustive()
    }
}

/// A letter that waits to be sent.
struct Posted {
    to: Option<NodeName>,
    letter: Bytes,
}

/// The rooms want something.
#[derive(Debug, ActorMessage)]
#[rtype(result = "()")]
struct Wished(Wish);

/// What was asked of another node came to this.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct Answered(Ticket, Option<Letter>);

/// What was counted.
#[derive(Debug, ActorMessage)]
#[rtype(result = "ClusterCounters")]
pub(crate) struct GetClusterCounters;

/// The node stops: others are told, and its entry goes.
#[derive(Debug, ActorMessage)]
#[rtype(result = "()")]
pub(crate) struct StopCluster;

/// The way from the rooms to their cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterLink(pub(crate) Addr<ClusterActor>);

impl Cloud for ClusterLink {
    fn wish(&mut self, wish: Wish) {
        self.0.do_send(Wished(wish));
    }
}

impl ClusterActor {
    /// Knows nobody yet.
    pub(crate) fn new(options: ClusterActorOptions) -> Self {
        let ClusterActorOptions {
            bus,
            url,
            region,
            capacity,
            rooms,
        } = options;
        let started = Instant::now();
        let now = now_since(started);
        let own = NodeLife {
            name: bus.name().clone(),
            life: now.unix_ms,
        };
        let entry = NodeEntry {
            node: own.clone(),
            url,
            region,
            load: 0,
            capacity,
            draining: false,
            orders: 0,
        };
        let (post, posted) = mpsc::channel(POST);
        actix::spawn(send_post(Arc::clone(&bus), posted));
        Self {
            state: ClusterState::new(ClusterOptions { entry }, now),
            lease: Lease::new(Arc::clone(&bus), own.clone()),
            own,
            bus,
            rooms,
            post,
            questions: HashMap::new(),
            last_question: 0,
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            was_connected: false,
            dropped: 0,
            unreadable: 0,
            started,
            alarm: Alarm::default(),
        }
    }

    fn now(&self) -> Now {
        now_since(self.started)
    }

    fn carry_out(&mut self, actions: Vec<Action>, ctx: &mut Context<Self>) {
        for action in actions {
            match action {
                Action::News(news) => self.rooms.do_send(CloudNews(news)),
                Action::Send(to, message) => self.post(Some(to), message),
                Action::Broadcast(message) => self.post(None, message),
                Action::Ask(ticket, to, message) => self.ask(ticket, to, message, ctx),
                Action::Answer(question, message) => self.answer(question, message),
                Action::Get(op, key) => self.get(op, key, ctx),
                Action::Put(op, key, value, expected) => self.put(op, key, value.into(), expected, ctx),
                Action::Delete(op, key, expected) => self.delete(op, key, expected, ctx),
                Action::ReadChanges(after, most) => self.read_changes(after, most, ctx),
                Action::Lease(entry) => self.lease.renew(&entry),
                Action::Unlease => self.lease.end(),
                Action::Keep(order) => self.keep(order, ctx),
                Action::ReadOrders => self.read_orders(ctx),
            }
        }
        Alarm::set(self, ctx);
    }

    fn letter(&self, message: Message) -> Bytes {
        let letter = Letter {
            from: self.own.clone(),
            message,
        };
        // Texts and numbers alone, so writing them cannot fail.
        serde_json::to_vec(&letter).unwrap_or_default().into()
    }

    fn post(&mut self, to: Option<NodeName>, message: Message) {
        let letter = self.letter(message);
        if self.post.try_send(Posted { to, letter }).is_err() {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    fn ask(&self, ticket: Ticket, to: NodeName, message: Message, ctx: &Context<Self>) {
        let (bus, question, back) = (Arc::clone(&self.bus), self.letter(message), ctx.address());
        actix::spawn(async move {
            let answer = bus.request(&to, question, PATIENCE).await;
            let answer = answer.ok().and_then(|answer| serde_json::from_slice(&answer).ok());
            back.do_send(Answered(ticket, answer));
        });
    }

    fn answer(&mut self, question: Question, message: Message) {
        if let Some(replier) = self.questions.remove(&question) {
            let answer = self.letter(message);
            actix::spawn(async move {
                // Who asks has a patience of its own.
                let _ = replier.send(answer).await;
            });
        }
    }

    fn take(&mut self, incoming: Incoming, ctx: &mut Context<Self>) {
        // What is no letter is dropped; its sender is a node, and has another version.
        let Ok(letter) = serde_json::from_slice::<Letter>(&incoming.payload) else {
            self.unreadable = self.unreadable.saturating_add(1);
            return;
        };
        let now = self.now();
        let actions = match incoming.reply {
            None => self.state.on_letter(now, letter),
            Some(replier) => {
                if self.questions.len() >= QUESTIONS {
                    // They were asked long ago: nobody waits for their answers any more.
                    self.questions.clear();
                }
                self.last_question = self.last_question.saturating_add(1);
                let question = Question(self.last_question);
                self.questions.insert(question, replier);
                self.state.on_question(now, question, letter)
            }
        };
        self.carry_out(actions, ctx);
    }

    fn watched(&mut self, event: &WatchEvent, ctx: &mut Context<Self>) {
        match event {
            WatchEvent::Gap => self.read_nodes(ctx),
            WatchEvent::Put { entry, .. } => {
                if let Some((node, revision)) = node_entry(entry) {
                    let actions = self.state.on_node(self.now(), &Arc::new(node), revision);
                    self.carry_out(actions, ctx);
                }
            }
            // A node that goes says so by its letters, or is missed.
            WatchEvent::Deleted { .. } => {}
        }
    }

    fn status(&mut self, status: BusStatus, ctx: &mut Context<Self>) {
        let now = self.now();
        let actions = match status {
            BusStatus::Connected => {
                tracing::info!(node = %self.own.name, "the cluster's broker is reached");
                self.was_connected = true;
                self.read_nodes(ctx);
                self.state.on_connected(now)
            }
            BusStatus::Disconnected => {
                if self.was_connected {
                    tracing::warn!(node = %self.own.name, "the cluster's broker is out of reach: rooms go on as they are known here");
                }
                self.state.on_disconnected()
            }
        };
        self.carry_out(actions, ctx);
    }
}

/// Sends letters one after the other, so that they keep their order.
async fn send_post(bus: Arc<dyn Bus>, mut posted: mpsc::Receiver<Posted>) {
    while let Some(Posted { to, letter }) = posted.recv().await {
        // What does not arrive is found out about by those who miss it.
        let _ = match to {
            Some(to) => bus.publish(&to, letter).await,
            None => bus.broadcast(letter).await,
        };
    }
}

/// The one place that reads the clocks.
fn now_since(started: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now {
        mono: Instant::now().saturating_duration_since(started),
        unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
    }
}

impl Woken for ClusterActor {
    fn next_deadline(&self) -> Option<Duration> {
        self.state.next_deadline()
    }

    fn clock(&self) -> Duration {
        self.now().mono
    }

    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    fn on_alarm(&mut self, ctx: &mut Context<Self>) {
        let actions = self.state.on_time(self.now());
        self.carry_out(actions, ctx);
    }
}

impl Actor for ClusterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(POST);
        actix::spawn(hand_on(self.bus.receive(), ctx.address(), Came::Letter));
        actix::spawn(hand_on(self.bus.watch(Bucket::Nodes), ctx.address(), Came::Node));
        actix::spawn(hand_status_on(self.bus.status(), ctx.address()));
        ctx.run_interval(READ_NODES, |actor, ctx| actor.read_nodes(ctx));
        Alarm::set(self, ctx);
    }
}

impl Handler<Wished> for ClusterActor {
    type Result = ();

    fn handle(&mut self, Wished(wish): Wished, ctx: &mut Self::Context) {
        let actions = self.state.on_wish(self.now(), wish);
        self.carry_out(actions, ctx);
    }
}

impl Handler<Answered> for ClusterActor {
    type Result = ();

    fn handle(&mut self, Answered(ticket, answer): Answered, ctx: &mut Self::Context) {
        let actions = self.state.on_answer(self.now(), ticket, answer);
        self.carry_out(actions, ctx);
    }
}

impl Handler<GetClusterCounters> for ClusterActor {
    type Result = MessageResult<GetClusterCounters>;

    fn handle(&mut self, _: GetClusterCounters, _: &mut Self::Context) -> Self::Result {
        let mut counters = self.state.counters();
        counters.post_dropped = self.dropped;
        counters.letters_refused = counters.letters_refused.saturating_add(self.unreadable);
        MessageResult(counters)
    }
}

impl Handler<StopCluster> for ClusterActor {
    type Result = ();

    fn handle(&mut self, _: StopCluster, ctx: &mut Self::Context) {
        let actions = self.state.on_stop();
        self.carry_out(actions, ctx);
        // The post goes out behind it, and the lease in any case by itself.
        ctx.run_later(Duration::from_millis(200), |_, ctx| ctx.stop());
    }
}
