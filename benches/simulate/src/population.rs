//! Who talks with whom, for how long: rooms as they are in real life, from nothing but a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The regions and their shares of the users, and of the nodes.
pub const REGIONS: [(&str, f64); 4] = [("asia", 0.4), ("europe", 0.3), ("america", 0.2), ("africa", 0.1)];

/// Of 1,000 rooms so many have 10 to 50 members; nearly all others 2 to 6.
const MEDIUM_PERMILLE: f64 = 97.0;
/// So many have 300 to 3,000.
const LARGE_PERMILLE: f64 = 0.5;
/// The one largest room, in thousandths of all users.
const HUGE_PERMILLE: usize = 20;

/// What kind of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 2 to 6: begins and ends together.
    Small,
    /// 10 to 50: people come and go.
    Medium,
    /// 300 to 3,000.
    Large,
    /// One, of 20,000 where there are a million users.
    Huge,
}

impl Kind {
    /// All, in the order of their sizes.
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::Huge];

    /// How many of a room's members speak.
    fn speakers(self, size: usize) -> usize {
        match self {
            Self::Small => size,
            Self::Medium => 4,
            Self::Large => 8,
            Self::Huge => 12,
        }
    }

    /// How many of its members are at home in the room's own region; the rest is from everywhere.
    fn at_home(self) -> f64 {
        match self {
            Self::Small => 0.9,
            Self::Medium => 0.8,
            Self::Large | Self::Huge => 0.0,
        }
    }
}

/// A room that is meant to be.
#[derive(Debug, Clone, Copy)]
pub struct RoomPlan {
    /// What kind.
    pub kind: Kind,
    /// The number of its first member; the others follow.
    pub first: u32,
    /// Its members.
    pub size: u32,
}

/// A user that is meant to be.
#[derive(Debug, Clone, Copy)]
pub struct UserPlan {
    /// The number of the room.
    pub room: u32,
    /// The number of the region.
    pub region: u8,
    /// Whether a microphone is on.
    pub speaks: bool,
}

/// Rooms with so many users in all; the largest first.
pub fn plan(rng: &mut StdRng, users: usize) -> (Vec<RoomPlan>, Vec<UserPlan>) {
    let mut sizes = vec![(Kind::Huge, (users * HUGE_PERMILLE / 1000).max(2))];
    let mut left = users.saturating_sub(sizes[0].1);
    while left > 0 {
        let (kind, size) = room(rng);
        // A cloud of few users has no room for a large one.
        let fits = size <= left && size <= sizes[0].1.max(6);
        let (kind, size) = if fits { (kind, size) } else { (Kind::Small, left.min(2)) };
        left -= size;
        sizes.push((kind, size));
    }
    sizes.sort_by_key(|(kind, _)| std::cmp::Reverse(*kind));
    let mut rooms = Vec::with_capacity(sizes.len());
    let mut plans = Vec::with_capacity(users);
    for (number, (kind, size)) in (0..).zip(sizes) {
        rooms.push(RoomPlan {
            kind,
            first: plans.len() as u32,
            size: size as u32,
        });
        let home = region(rng);
        for member in 0..size {
            let is_home = rng.random::<f64>() < kind.at_home();
            plans.push(UserPlan {
                room: number,
                region: if is_home { home } else { region(rng) },
                speaks: member < kind.speakers(size),
            });
        }
    }
    (rooms, plans)
}

fn room(rng: &mut StdRng) -> (Kind, usize) {
    let dice = rng.random::<f64>() * 1000.0;
    if dice < LARGE_PERMILLE {
        (Kind::Large, between(rng, 300.0, 3_000.0) as usize)
    } else if dice < LARGE_PERMILLE + MEDIUM_PERMILLE {
        (Kind::Medium, between(rng, 10.0, 50.0) as usize)
    } else {
        // Pairs are the most frequent.
        let size = [2, 2, 2, 2, 3, 3, 4, 4, 5, 6][rng.random_range(0..10)];
        (Kind::Small, size)
    }
}

/// As many between 10 and 20 as between 20 and 40.
fn between(rng: &mut StdRng, least: f64, most: f64) -> f64 {
    least * (most / least).powf(rng.random())
}

/// A region, the larger the more often.
pub fn region(rng: &mut StdRng) -> u8 {
    let mut dice = rng.random::<f64>();
    for (number, (_, share)) in (0..).zip(REGIONS) {
        dice -= share;
        if dice < 0.0 {
            return number;
        }
    }
    0
}

/// How long a talk is, log-normal: a median of six minutes in small rooms and of eight in larger ones, a mean of ten and of 15.
///
/// - `since_long`: what is left of a talk that somebody comes upon, which is a long one more often than not
pub fn talk(rng: &mut StdRng, kind: Kind, since_long: bool) -> Duration {
    let (median, sigma): (f64, f64) = match kind {
        Kind::Small => (360.0, 1.0),
        Kind::Medium | Kind::Large | Kind::Huge => (480.0, 1.1),
    };
    let seconds = if since_long {
        median * (sigma * sigma + sigma * normal(rng)).exp() * rng.random::<f64>()
    } else {
        median * (sigma * normal(rng)).exp()
    };
    Duration::from_secs_f64(seconds.clamp(10.0, 4.0 * 3600.0))
}

/// Box and Muller.
fn normal(rng: &mut impl Rng) -> f64 {
    let (one, other): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn rooms_are_as_in_real_life_and_every_user_is_in_one() {
        let mut rng = StdRng::seed_from_u64(1);
        let (rooms, users) = plan(&mut rng, 200_000);
        assert_eq!(users.len(), 200_000);
        assert_eq!((rooms[0].kind, rooms[0].size), (Kind::Huge, 4_000));
        let of = |kind| rooms.iter().filter(|room| room.kind == kind).count();
        assert!(of(Kind::Small) > 5 * of(Kind::Medium) && of(Kind::Medium) > 50 * of(Kind::Large) && of(Kind::Large) > 3);
        for (number, room) in (0..).zip(&rooms) {
            let members = room.first..room.first + room.size;
            assert!(members.into_iter().all(|user| users[user as usize].room == number));
        }
        let asia = users.iter().filter(|user| user.region == 0).count();
        assert!((70_000..90_000).contains(&asia), "{asia}");
    }

    #[test]
    fn talks_last_about_ten_minutes_and_half_of_them_less_than_six() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut talks: Vec<f64> = (0..10_000)
            .map(|_| talk(&mut rng, Kind::Small, false).as_secs_f64())
            .collect();
        talks.sort_by(f64::total_cmp);
        let mean = talks.iter().sum::<f64>() / 10_000.0;
        assert!(
            (340.0..380.0).contains(&talks[5_000]) && (550.0..640.0).contains(&mean),
            "{} {mean}",
            talks[5_000]
        );
    }
}
