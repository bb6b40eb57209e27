//! Who is loudest in a room: pure state, one decision for each packet.
//!
//! Speakers stand in one order for the whole room, and a speaker's place in it is the rank that its packets carry: a
//! listener who wants the N loudest takes those of rank below N. So one decision serves listeners of every N.
//!
//! A speaker moves up only by a packet with voice in it, at once: past everybody who has been silent for [`HOLD`],
//! and past speakers who are quieter by [`HYSTERESIS_DB`]. Who is passed moves no further down than needed, so of the
//! first N it is the quietest who leaves.
//!
//! # Source
//! RFC 6464 (level and voice flag of each packet).

use std::time::{Duration, Instant};

use super::StreamKey;

/// A place is kept so long after the last voice: a pause for thought does not cost it.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// So much louder in dB must be who passes somebody that still holds a place.
pub(crate) const HYSTERESIS_DB: f32 = 6.0;
/// Loudness follows a rise at once and falls by so many dB a second.
const RELEASE_DB_PER_S: f32 = 20.0;
/// Level of a packet that does not say it: always voice, in the middle of what speakers have.
const MIDDLE: AudioLevel = AudioLevel {
    voice: true,
    below_full_scale: 35,
};
/// What counts as voice from a publisher that never set the voice flag, in dB below full scale.
const LOUD_ENOUGH: u8 = 45;
/// The scale of RFC 6464 ends there, in dB below full scale.
const SILENCE: u8 = 127;

/// The audio level of a packet. RFC 6464 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AudioLevel {
    /// The V flag.
    pub(crate) voice: bool,
    /// dB below full scale, 0 to 127.
    pub(crate) below_full_scale: u8,
}

impl AudioLevel {
    /// Reads the value of the header extension.
    pub(crate) fn from_byte(byte: u8) -> Self {
        Self {
            voice: byte & 0x80 != 0,
            below_full_scale: byte & 0x7f,
        }
    }
}

/// The speakers of one room, the loudest first.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    order: Vec<Speaker>,
}

#[derive(Clone, Copy, Debug)]
struct Speaker {
    key: StreamKey,
    /// dB above silence when last heard.
    loudness: f32,
    heard: Instant,
    last_voice: Option<Instant>,
    /// Whether it ever set the voice flag.
    flags_voice: bool,
}

impl Ranking {
    /// Takes the level of one packet of a speaker (`None`: it did not say) and gives the rank that the packet has.
    pub(crate) fn rank(&mut self, key: StreamKey, level: Option<AudioLevel>, now: Instant) -> u32 {
        let place = self.place_of(key, now);
        let rises = self.order.get_mut(place).is_some_and(|speaker| speaker.hear(level, now));
        let place = if rises { self.rise(place, now) } else { place };
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// A speaker left: everybody behind it moves up.
    pub(crate) fn remove(&mut self, key: StreamKey) {
        self.order.retain(|speaker| speaker.key != key);
    }

    /// Where a speaker stands; a new one stands last.
    fn place_of(&mut self, key: StreamKey, now: Instant) -> usize {
        let known = self.order.iter().position(|speaker| speaker.key == key);
        known.unwrap_or_else(|| {
            self.order.push(Speaker {
                key,
                loudness: 0.0,
                heard: now,
                last_voice: None,
                flags_voice: false,
            });
            self.order.len() - 1
        })
    }

    /// Moves the speaker at `place` up to the first who yields to it. Whoever is moved away looks for a place in the
    /// same way further down, so that the one who ends at `place` is the weakest of them.
    fn rise(&mut self, place: usize, now: Instant) -> usize {
        let Some((speaker, above)) = self.order.get_mut(..=place).and_then(<[Speaker]>::split_last_mut) else {
            return place;
        };
        let mut highest = None;
        for (higher, other) in above.iter_mut().enumerate() {
            if other.yields_to(speaker, now) {
                std::mem::swap(other, speaker);
                highest = highest.or(Some(higher));
            }
        }
        highest.unwrap_or(place)
    }
}

impl Speaker {
    /// Notes a packet; `true` if there is voice in it.
    fn hear(&mut self, level: Option<AudioLevel>, now: Instant) -> bool {
        let level = level.unwrap_or(MIDDLE);
        self.flags_voice |= level.voice;
        let is_voice = level.voice || (!self.flags_voice && level.below_full_scale <= LOUD_ENOUGH);
        let loudness = f32::from(SILENCE.saturating_sub(level.below_full_scale));
        self.loudness = self.loudness_at(now).max(loudness);
        self.heard = now;
        if is_voice {
            self.last_voice = Some(now);
        }
        is_voice
    }

    fn loudness_at(&self, now: Instant) -> f32 {
        let since = now.saturating_duration_since(self.heard).as_secs_f32();
        (self.loudness - RELEASE_DB_PER_S * since).max(0.0)
    }

    /// Whether it has a place to lose.
    fn holds(&self, now: Instant) -> bool {
        self.last_voice
            .is_some_and(|voice| now.saturating_duration_since(voice) < HOLD)
    }

    fn yields_to(&self, other: &Self, now: Instant) -> bool {
        other.holds(now) && (!self.holds(now) || other.loudness_at(now) > self.loudness_at(now) + HYSTERESIS_DB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    struct Room {
        ranking: Ranking,
        now: Instant,
    }

    impl Room {
        /// With this many silent publishers, 1 the first.
        fn of(publishers: u64) -> Self {
            let mut room = Self {
                ranking: Ranking::default(),
                now: Instant::now(),
            };
            for key in 1..=publishers {
                room.silent(key);
            }
            room
        }

        fn says(&mut self, key: u64, voice: bool, below_full_scale: u8) -> u32 {
            let level = AudioLevel { voice, below_full_scale };
            self.ranking.rank(StreamKey(key), Some(level), self.now)
        }

        fn speaks(&mut self, key: u64, below_full_scale: u8) -> u32 {
            self.says(key, true, below_full_scale)
        }

        fn silent(&mut self, key: u64) -> u32 {
            self.says(key, false, SILENCE)
        }
    }

    #[test]
    fn who_begins_to_speak_has_a_free_place_with_that_very_packet() {
        let mut room = Room::of(20);
        assert_eq!(room.speaks(20, 60), 0);
        assert_eq!(room.speaks(15, 20), 0, "much louder: passes");
        assert_eq!(room.speaks(20, 60), 1);
        assert_eq!(room.speaks(10, 60), 2, "a place that nobody holds");
    }

    #[test]
    fn a_pause_keeps_the_place_for_the_hold_time_and_no_longer() {
        let mut room = Room::of(3);
        assert_eq!(room.speaks(3, 30), 0);
        room.now += HOLD - FRAME;
        assert_eq!(room.silent(3), 0);
        assert_eq!(room.speaks(2, 120), 1, "quieter than who still holds the first place");
        room.now += FRAME;
        assert_eq!(room.speaks(2, 120), 0);
    }

    #[test]
    fn the_quietest_leaves_for_a_louder_newcomer_and_stays_for_one_that_is_hardly_louder() {
        let mut room = Room::of(5);
        for (key, below) in [(1, 20), (2, 40), (3, 25)] {
            room.speaks(key, below);
        }
        assert_eq!(room.speaks(4, 36), 3, "four dB more than the quietest");
        let rank = room.speaks(4, 33);
        assert!(rank < 3, "seven dB more: {rank}");
        assert_eq!(room.speaks(2, 40), 3, "the quietest of the three left");
        assert!(room.speaks(1, 20) < 3 && room.speaks(3, 25) < 3);
    }

    #[test]
    fn noise_without_the_voice_flag_takes_no_place_from_a_publisher_that_sets_it() {
        let mut room = Room::of(3);
        room.speaks(3, 50);
        room.speaks(2, 50);
        room.now += HOLD * 2;
        assert_eq!(room.speaks(2, 50), 0);
        assert_eq!(room.says(3, false, 3), 1, "a door that slams");
        assert_eq!(room.speaks(2, 50), 0);
    }

    #[test]
    fn a_publisher_that_never_sets_the_flag_is_judged_by_its_level() {
        let mut room = Room::of(3);
        assert_eq!(room.says(3, false, LOUD_ENOUGH + 1), 2);
        assert_eq!(room.says(3, false, LOUD_ENOUGH), 0);
    }

    #[test]
    fn a_publisher_that_says_no_level_speaks_always_in_the_middle() {
        let mut room = Room::of(2);
        assert_eq!(room.ranking.rank(StreamKey(9), None, room.now), 0);
        room.now += FRAME;
        assert_eq!(room.speaks(1, MIDDLE.below_full_scale), 1);
        assert_eq!(room.speaks(1, MIDDLE.below_full_scale - 7), 0);
    }

    #[test]
    fn who_leaves_frees_its_place() {
        let mut room = Room::of(3);
        room.speaks(1, 20);
        assert_eq!(room.speaks(2, 20), 1);
        room.ranking.remove(StreamKey(1));
        assert_eq!(room.speaks(2, 20), 0);
    }
}
