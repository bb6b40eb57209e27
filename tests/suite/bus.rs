//! The cluster's bus in the process: the conformance suite in virtual time, and the faults that tests have beyond it.

use std::{sync::Arc, time::Duration};

use express_server::cluster::bus::{
    Bucket, Bus, BusError, BusStatus, Leases, OPERATION_LIMIT, WatchEvent,
    in_process::{InProcessBus, InProcessCloud},
};
use express_tests::bus::{SHORT_LEASE, World, bytes, key, name, next, nothing, text};
use tokio::time::Instant;

struct InProcess {
    cloud: InProcessCloud,
    names: std::sync::Mutex<Vec<String>>,
}

#[async_trait::async_trait(?Send)]
impl World for InProcess {
    async fn new(_test: &str) -> Self {
        let leases = Leases {
            nodes: SHORT_LEASE,
            ..Leases::default()
        };
        Self {
            cloud: InProcessCloud::new(leases),
            names: std::sync::Mutex::default(),
        }
    }

    async fn node(&self, text: &str) -> Arc<dyn Bus> {
        self.names.lock().unwrap().push(text.into());
        Arc::new(self.cloud.node(name(text)))
    }

    async fn stop(&mut self) {
        self.cloud.stop();
    }

    async fn start(&mut self) {
        self.cloud.start();
    }

    async fn start_empty(&mut self) {
        self.cloud.lose_store();
        self.cloud.start();
    }

    async fn freeze(&mut self) {
        self.names
            .lock()
            .unwrap()
            .iter()
            .for_each(|node| self.cloud.mute(&name(node)));
    }

    async fn thaw(&mut self) {
        self.names
            .lock()
            .unwrap()
            .iter()
            .for_each(|node| self.cloud.heal(&name(node)));
    }
}

express_tests::whole_conformance!(InProcess, [tokio::test(start_paused = true)]);

fn two() -> (InProcessCloud, InProcessBus, InProcessBus) {
    let cloud = InProcessCloud::new(Leases::default());
    let [a, b] = ["a", "b"].map(|node| cloud.node(name(node)));
    (cloud, a, b)
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_fails_fast_and_the_others_go_on() {
    let (cloud, a, b) = two();
    let c = cloud.node(name("c"));
    let (mut at_a, mut at_b) = (a.receive(), b.receive());
    let mut watch = a.watch(Bucket::Claims);
    assert_eq!(next(&mut watch).await, WatchEvent::Gap);
    cloud.cut(&name("a"));
    assert_eq!(
        (*a.status().borrow(), *b.status().borrow()),
        (BusStatus::Disconnected, BusStatus::Connected)
    );
    assert_eq!(a.get(Bucket::Claims, &key("k")).await, Err(BusError::Unavailable));
    assert_eq!(
        b.request(&name("a"), bytes("?"), OPERATION_LIMIT).await,
        Err(BusError::NoSuchNode)
    );
    c.broadcast(bytes("to all")).await.unwrap();
    c.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    assert_eq!(text(&next(&mut at_b).await), "to all");
    nothing(&mut at_a).await;
    nothing(&mut watch).await;
    cloud.heal(&name("a"));
    assert_eq!(next(&mut watch).await, WatchEvent::Gap, "what it missed is to be read");
    c.publish(&name("a"), bytes("again")).await.unwrap();
    assert_eq!(text(&next(&mut at_a).await), "again");
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_ends_with_the_connection_of_either_end() {
    let (cloud, a, b) = two();
    let mut at_b = b.receive();
    let to_b = name("b");
    let began = Instant::now();
    let cut = async {
        let _request = next(&mut at_b).await;
        cloud.cut(&name("a"));
    };
    let (reply, ()) = tokio::join!(a.request(&to_b, bytes("?"), Duration::from_secs(20)), cut);
    assert_eq!((reply, began.elapsed()), (Err(BusError::Unavailable), Duration::ZERO));
    cloud.heal(&name("a"));
    let cut = async {
        let request = next(&mut at_b).await;
        cloud.cut(&to_b);
        let sent = request.reply.unwrap().send(bytes("late")).await;
        assert_eq!(sent, Err(BusError::Unavailable));
    };
    let (reply, ()) = tokio::join!(a.request(&to_b, bytes("?"), Duration::from_secs(20)), cut);
    assert_eq!((reply, began.elapsed()), (Err(BusError::TimedOut), Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn delays_pass_both_ways_and_one_beyond_the_limit_times_out() {
    let (cloud, a, b) = two();
    let began = Instant::now();
    cloud.delay(Duration::from_millis(300));
    let revision = a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(600));
    cloud.delay(Duration::from_millis(1_500));
    assert_eq!(
        b.update(Bucket::Claims, &key("k"), bytes("2"), revision).await,
        Err(BusError::TimedOut)
    );
    cloud.delay(Duration::ZERO);
    let entry = a.get(Bucket::Claims, &key("k")).await.unwrap().unwrap();
    assert_eq!(entry.value, bytes("2"), "what timed out was done all the same");
}

#[tokio::test(start_paused = true)]
async fn lost_messages_and_answers_are_not_told() {
    let (cloud, a, b) = two();
    let mut at_b = b.receive();
    cloud.lose_messages(1);
    a.publish(&name("b"), bytes("lost")).await.unwrap();
    a.publish(&name("b"), bytes("there")).await.unwrap();
    assert_eq!(text(&next(&mut at_b).await), "there");
    cloud.lose_answers(1);
    assert_eq!(
        a.create(Bucket::Claims, &key("k"), bytes("mine")).await,
        Err(BusError::TimedOut)
    );
    let again = a.create(Bucket::Claims, &key("k"), bytes("mine")).await;
    assert!(
        matches!(&again, Err(BusError::Conflict { current: Some(entry) }) if entry.value == bytes("mine")),
        "{again:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_says_nothing_and_a_new_one_does() {
    let (cloud, a, b) = two();
    let mut silent = b.watch(Bucket::Claims);
    assert_eq!(next(&mut silent).await, WatchEvent::Gap);
    cloud.silence_watches();
    let mut heard = b.watch(Bucket::Claims);
    cloud.stop();
    cloud.start();
    a.create(Bucket::Claims, &key("k"), bytes("1")).await.unwrap();
    nothing(&mut silent).await;
    assert_eq!(
        [next(&mut heard).await, next(&mut heard).await],
        [WatchEvent::Gap, WatchEvent::Gap]
    );
    assert!(matches!(next(&mut heard).await, WatchEvent::Put { .. }));
    assert_eq!(b.entries(Bucket::Claims).await.unwrap().len(), 1, "a full read knows");
}
