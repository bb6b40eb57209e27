//! Bugs that the tests of the invariants plant: a part's decision replaced by a wrong one, where it leaves its state. An invariant
//! that finds none of them would find nothing. They stand in this crate alone: what ships has no switch for them.

use clap::ValueEnum;

/// One planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bug {
    /// Streams that came or went while the link was away are not told.
    ResumeLosesStreams,
    /// A player takes silence for sound.
    HearsSilence,
    /// A stream that is published again is no longer muted.
    ForgetsMute,
    /// A kick ends sessions, and any token opens the room again.
    ForgetsKicks,
    /// A publisher does not hear that the server has ended or forgotten its stream.
    KeepsPublishing,
    /// A login that was left does not end, and nobody waits with a clock.
    LogoutHangs,
    /// The rooms do not hear that a socket is gone.
    ForgetsSockets,
    /// Messages that were sent while the link was away are not told.
    ResumeLosesMessages,
    /// Extra info of a room that began anew is not set again.
    ForgetsRoomInfo,
    /// Over nodes: what a node has missed of another's section it is never told.
    GapsStay,
    /// Over nodes: the rooms do not hear that a stream is another node's by now.
    KeepsLostClaims,
    /// Over nodes: who is refused a streamID takes it.
    TakesWhatIsRefused,
    /// Over nodes: users of a node that is gone leave at once.
    DropsOrphans,
    /// Over nodes: what a business server orders at one node the others do not hear.
    ForgetsOrders,
}
