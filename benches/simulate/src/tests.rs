//! Small clouds, whole.

use std::time::Duration;

use crate::cloud::{Cloud, CloudPlan};
use crate::faults;
use crate::figures::{self, Counted, Traffic};

fn small(seed: u64) -> Cloud {
    let mut cloud = Cloud::new(CloudPlan {
        seed,
        nodes: 12,
        users: 2_000,
        capacity: 250,
        morning: Duration::from_secs(30),
        registry_a_second: 15_000,
    });
    cloud.run_for(Duration::from_secs(90));
    cloud.end_morning();
    cloud
}

#[test]
fn a_seed_gives_the_same_day_again_and_another_one_another() {
    let day = |seed| {
        let mut cloud = small(seed);
        let before = Counted::of(&cloud);
        let recovery = faults::nodes_fail(&mut cloud, "a node", &[3]).until_now(&cloud);
        let traffic = Traffic::between(&cloud, &before, &Counted::of(&cloud));
        format!("{recovery:?} {traffic:?} {:?}", figures::loads(&cloud))
    };
    let one = day(7);
    assert_eq!(one, day(7));
    assert_ne!(one, day(8));
}

#[test]
fn whatever_fails_a_small_cloud_agrees_in_the_end_and_nobody_is_seen_to_leave_who_does_not() {
    let mut cloud = small(1);
    let in_calls = |cloud: &Cloud| cloud.world().users.iter().filter(|user| user.in_call).count();
    assert!(in_calls(&cloud) > 1_500, "{} are in calls", in_calls(&cloud));
    let (spread, _) = figures::spread(&cloud);
    assert!(spread[0].alone_percent > 50.0 && spread[3].most_nodes > 1, "{spread:?}");
    let minute = Duration::from_secs(60);
    let found = [
        faults::nodes_fail(&mut cloud, "a node", &[5]).finish(&mut cloud),
        faults::letters_lost(&mut cloud, "letters", 50, minute),
        faults::rolling_restart(&mut cloud, "all nodes", 4),
        faults::broker_fails(&mut cloud, "the broker", 2 * minute),
    ];
    for recovery in found {
        assert!(recovery.disagreed.1 > 50, "{recovery:?}: too little was compared");
        assert!(recovery.agreed.is_some_and(|agreed| agreed < 30.0), "{recovery:?}");
        assert_eq!((recovery.seen_to_leave, recovery.streams_lost), (0, 0), "{}", recovery.what);
    }
}
