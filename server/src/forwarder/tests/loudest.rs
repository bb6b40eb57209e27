//! Who hears whom when a listener wants the N loudest.

use std::time::Duration;

use super::super::PeerId;
use super::super::core::Command;
use super::shards::Shards;

const FRAME: Duration = Duration::from_millis(20);
/// Audio levels as RFC 6464 has them: the voice flag and dB below full scale.
const VOICE: u8 = 0x80 | 20;
const SILENCE: u8 = 127;

/// Publishers who send a packet each frame, and what their listeners heard.
struct Meeting {
    shards: Shards,
    publishers: Vec<(usize, PeerId)>,
    frame: u16,
}

impl Meeting {
    fn new(shards: usize, publishers: u64) -> Self {
        let mut shards = Shards::new(shards);
        let publishers = (0..publishers).map(|key| shards.publisher(key)).collect();
        Self {
            shards,
            publishers,
            frame: 0,
        }
    }

    /// One frame of everybody: those named speak at their level, others are silent.
    fn frame(&mut self, speakers: &[(usize, u8)]) {
        for (number, &(publisher, _)) in self.publishers.iter().enumerate() {
            let level = speakers.iter().find(|(speaker, _)| *speaker == number);
            let level = level.map_or(SILENCE, |(_, level)| *level);
            let ssrc = 100 + u32::try_from(number).unwrap();
            self.shards.0[0].speak_at(publisher, ssrc, self.frame, u32::from(self.frame) * 960, level);
        }
        self.shards.cross();
        self.frame += 1;
        for world in &mut self.shards.0 {
            world.now += FRAME;
        }
    }

    fn frames(&mut self, count: usize, speakers: &[(usize, u8)]) {
        for _ in 0..count {
            self.frame(speakers);
        }
    }

    fn heard(&self, shard: usize, player: usize) -> Vec<u16> {
        self.shards.0[shard].heard(player)
    }

    /// Whether the numbers that a listener saw have neither gap nor step back.
    fn is_unbroken(&self, shard: usize, player: usize) -> bool {
        let packets = &self.shards.0[shard].clients[player].rtp;
        packets
            .windows(2)
            .all(|pair| pair[1].0.sequence_number == pair[0].0.sequence_number.wrapping_add(1))
    }
}

#[test]
fn a_speaker_who_begins_is_heard_from_100_ms_before_and_without_a_gap() {
    for shard in [0, 1] {
        let mut meeting = Meeting::new(2, 5);
        let player = meeting.shards.player_of(shard, 4, 2);
        meeting.frames(50, &[]);
        assert_eq!(meeting.heard(shard, player), [0u16; 0], "shard {shard}");
        meeting.frames(10, &[(4, VOICE)]);
        assert_eq!(meeting.heard(shard, player), (45..60).collect::<Vec<_>>(), "shard {shard}");
        // Three others take the places; then it begins again.
        meeting.frames(120, &[(0, VOICE), (1, VOICE), (2, VOICE)]);
        let before = meeting.heard(shard, player).len();
        meeting.frames(20, &[]);
        assert_eq!(meeting.heard(shard, player).len(), before, "shard {shard}");
        meeting.frames(120, &[]);
        meeting.frame(&[(4, VOICE)]);
        let heard = meeting.heard(shard, player);
        assert_eq!(heard[before..], (315..=320).collect::<Vec<_>>(), "shard {shard}");
        assert!(meeting.is_unbroken(shard, player), "shard {shard}");
    }
}

#[test]
fn each_listener_gets_as_many_as_it_wants() {
    let mut meeting = Meeting::new(2, 4);
    let shard = 1;
    let one: Vec<_> = (0..4).map(|key| meeting.shards.player_of(shard, key, 1)).collect();
    let two: Vec<_> = (0..4).map(|key| meeting.shards.player_of(shard, key, 2)).collect();
    let all: Vec<_> = (0..4).map(|key| meeting.shards.player(shard, key).0).collect();
    // The last and the one before it speak, the last louder by far.
    meeting.frames(200, &[(2, 0x80 | 40), (3, 0x80 | 10)]);
    let counts = |players: &[usize]| -> Vec<usize> { players.iter().map(|player| meeting.heard(shard, *player).len()).collect() };
    assert_eq!(counts(&all), [200; 4]);
    assert_eq!(counts(&one)[3], 200);
    assert_eq!(counts(&two)[2..], [200, 200]);
    assert!(counts(&one)[..3].iter().sum::<usize>() <= 10, "{:?}", counts(&one));
    assert!(counts(&two)[..2].iter().sum::<usize>() <= 10, "{:?}", counts(&two));
}

#[test]
fn nothing_crosses_to_a_shard_where_nobody_wants_it_and_it_counts_as_not_forwarded() {
    let mut meeting = Meeting::new(2, 3);
    for key in 0..3 {
        meeting.shards.player_of(1, key, 1);
    }
    meeting.frames(10, &[(2, VOICE)]);
    meeting.frames(100, &[(2, VOICE)]);
    let home = meeting.shards.0[0].counters();
    assert!((110..130).contains(&home.crossed), "{home:?}");
    assert!((210..=220).contains(&home.rtp_not_forwarded), "{home:?}");
}

#[test]
fn a_place_lost_and_won_back_within_100_ms_costs_no_packet_and_doubles_none() {
    let mut meeting = Meeting::new(1, 2);
    let player = meeting.shards.player_of(0, 0, 1);
    meeting.frames(10, &[(0, 0x80 | 40)]);
    meeting.frames(3, &[(0, 0x80 | 40), (1, 0x80 | 20)]);
    assert_eq!(meeting.heard(0, player), (0..11).collect::<Vec<_>>());
    meeting.frame(&[(0, 0x80 | 1)]);
    meeting.frame(&[(0, 0x80 | 1)]);
    assert_eq!(meeting.heard(0, player), (0..15).collect::<Vec<_>>());
    assert!(meeting.is_unbroken(0, player));
}

#[test]
fn a_publisher_that_leaves_gives_its_place_to_the_next() {
    let mut meeting = Meeting::new(1, 2);
    let player = meeting.shards.player_of(0, 1, 1);
    meeting.frames(10, &[(0, 0x80 | 10), (1, 0x80 | 30)]);
    let before = meeting.heard(0, player).len();
    let (_, leaves) = meeting.publishers.remove(0);
    meeting.shards.command(0, Command::Remove(leaves));
    let (stays, _) = meeting.publishers[0];
    meeting.shards.0[0].speak_at(stays, 101, meeting.frame, 9_600, 0x80 | 30);
    assert!(meeting.heard(0, player).len() > before);
}

#[test]
fn a_room_whose_listeners_all_want_everything_is_not_ranked() {
    let mut meeting = Meeting::new(2, 6);
    let players: Vec<_> = (0..6).map(|key| meeting.shards.player(1, key).0).collect();
    meeting.frames(30, &[(1, VOICE)]);
    for player in players {
        assert_eq!(meeting.heard(1, player).len(), 30);
    }
}
