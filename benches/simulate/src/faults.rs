//! What goes wrong, and how long it takes until everybody is back and all nodes agree.

use std::time::Duration;

use serde::Serialize;

use crate::cloud::Cloud;
use crate::figures::Counted;

/// How often it is looked whether all agree.
const LOOK: Duration = Duration::from_millis(500);
/// How often where that takes longer than `LONG`.
const LOOK_LATER: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(20);
/// So often in a row they have to.
const STAYS: usize = 3;
/// It is looked for so long at most.
const PATIENCE: Duration = Duration::from_secs(300);
/// Of the small and medium rooms one in so many is compared; of the larger ones every one.
const SAMPLE: u32 = 4;
/// Users of a node that is gone are shown to others for 100 s: what is seen of them until behind that counts.
const BEHIND: Duration = Duration::from_secs(110);

/// What became of a fault.
#[derive(Debug, Clone, Serialize)]
pub struct Recovery {
    /// Which.
    pub what: String,
    /// Users in calls, and nodes.
    pub cloud: (usize, usize),
    /// Users who lost their node.
    pub thrown_out: usize,
    /// Seconds until the last of them is in the room again; from the fault, or from its end where that is what is waited for.
    pub back: Option<f64>,
    /// Seconds until all nodes have the same members and streams of every room compared.
    pub agreed: Option<f64>,
    /// Most rooms about which nodes did not agree, of how many compared.
    pub disagreed: (usize, usize),
    /// Users whom others saw leave during their calls, until behind the 100 s.
    pub seen_to_leave: u64,
    /// Streams that were refused to, or taken from, who owned them.
    pub streams_lost: u64,
    /// Most that was asked of the registry in a second.
    pub registry_most: f64,
    /// Seconds, rooms that differ, users who are missing.
    pub course: Vec<(f64, usize, usize)>,
}

/// Waits until all are back and agree, while nobody calls or hangs up.
fn recover(cloud: &mut Cloud, what: &str, thrown_out: usize, before: &Counted) -> Recovery {
    cloud.now_comes(what);
    cloud.set_quiet(true);
    let begin = cloud.sim.now().mono;
    let mut found = Recovery {
        what: what.into(),
        cloud: (
            cloud.world().users.iter().filter(|user| user.in_call).count(),
            cloud.sim.len(),
        ),
        thrown_out,
        back: None,
        agreed: None,
        disagreed: (0, 0),
        seen_to_leave: 0,
        streams_lost: 0,
        registry_most: 0.0,
        course: Vec::new(),
    };
    let (mut agree, mut asked) = (0, cloud.sim.totals().registry);
    while agree < STAYS && cloud.sim.now().mono - begin < PATIENCE {
        let (differ, compared) = cloud.disagreements(SAMPLE);
        let missing = cloud.missing();
        let at = (cloud.sim.now().mono - begin).as_secs_f64();
        found.course.push((at, differ, missing));
        found.disagreed = (found.disagreed.0.max(differ), compared);
        if missing > 0 {
            found.back = None;
        } else {
            found.back.get_or_insert(at);
        }
        if differ + missing > 0 {
            (agree, found.agreed) = (0, None);
        } else {
            agree += 1;
            found.agreed.get_or_insert(at);
        }
        let look = if cloud.sim.now().mono - begin < LONG {
            LOOK
        } else {
            LOOK_LATER
        };
        cloud.run_for(look);
        let now = cloud.sim.totals().registry;
        found.registry_most = found.registry_most.max((now - asked) as f64 / look.as_secs_f64());
        asked = now;
    }
    cloud.set_quiet(false);
    note_seen(cloud, &mut found, before);
    eprintln!("{what}: agreed after {:?} s", found.agreed);
    found
}

fn note_seen(cloud: &Cloud, found: &mut Recovery, before: &Counted) {
    let (was, is) = (before.seen(), cloud.seen());
    found.seen_to_leave = is.users_left_in_call - was.users_left_in_call;
    found.streams_lost = is.streams_lost - was.streams_lost;
}

/// What became of a fault so far: what is seen of its users later is not counted yet.
#[derive(Debug)]
pub struct Unfinished(Recovery, Counted);

/// Nodes fail, their users come back elsewhere within 1 to 5 s and a login.
pub fn nodes_fail(cloud: &mut Cloud, what: &str, nodes: &[usize]) -> Unfinished {
    let before = Counted::of(cloud);
    let thrown_out = cloud.kill(nodes);
    Unfinished(recover(cloud, what, thrown_out, &before), before)
}

impl Unfinished {
    /// With what was seen until now.
    pub fn until_now(self, cloud: &Cloud) -> Recovery {
        let Self(mut found, before) = self;
        note_seen(cloud, &mut found, &before);
        found
    }

    /// With what is seen until 110 s behind the fault, while calls go on.
    pub fn finish(self, cloud: &mut Cloud) -> Recovery {
        let since = cloud.sim.now().mono - self.1.at();
        cloud.run_for(BEHIND.saturating_sub(since));
        self.until_now(cloud)
    }
}

/// The broker is away, then all agree again; calls begin and end meanwhile.
pub fn broker_fails(cloud: &mut Cloud, what: &str, away: Duration) -> Recovery {
    let before = Counted::of(cloud);
    cloud.now_comes(what);
    set_broker(cloud, false);
    cloud.run_for(away);
    set_broker(cloud, true);
    recover(cloud, what, 0, &before)
}

fn set_broker(cloud: &mut Cloud, there: bool) {
    for node in 0..cloud.sim.len() {
        cloud.sim.set_broker(node, there);
    }
}

/// Some letters get lost all the time; then nobody calls or hangs up, and still some get lost.
pub fn letters_lost(cloud: &mut Cloud, what: &str, permille: u32, lasts: Duration) -> Recovery {
    let before = Counted::of(cloud);
    cloud.now_comes(what);
    cloud.sim.set_loss(permille);
    cloud.run_for(lasts);
    let found = recover(cloud, what, 0, &before);
    cloud.sim.set_loss(0);
    found
}

/// All nodes start anew, so many at a time: their users move within 10 s, the node stops when the last is
/// settled, and is there again 3 s later.
pub fn rolling_restart(cloud: &mut Cloud, what: &str, at_a_time: usize) -> Recovery {
    let before = Counted::of(cloud);
    cloud.now_comes(what);
    let mut thrown_out = 0;
    let all: Vec<usize> = (0..cloud.sim.len()).collect();
    // Of each region some.
    let groups = all.len().div_ceil(at_a_time.max(1));
    for group in 0..groups {
        let nodes: Vec<usize> = all.iter().copied().filter(|node| node % groups == group).collect();
        for node in &nodes {
            cloud.drain(*node, Duration::from_secs(10));
        }
        cloud.run_for(Duration::from_secs(30));
        thrown_out += nodes.iter().map(|node| cloud.stop(*node)).sum::<usize>();
        cloud.run_for(Duration::from_secs(3));
        for node in &nodes {
            cloud.restart(*node);
        }
        cloud.run_for(Duration::from_secs(2));
    }
    recover(cloud, what, thrown_out, &before)
}
