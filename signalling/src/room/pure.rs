//! One room login without actor, socket and clock, for tests that play whole worlds in virtual time. Feature `chaos`, and no
//! part of the API.

use std::{sync::Arc, time::Instant};

use express_messages::{
    ZegoError,
    ids::{StreamId, UserId},
    room::{
        MuteStream, PausePlayStream, PlayStream, PublishStream, RequestError, RoomEvent, RoomOptions, SdpAnswer,
        SendBroadcastMessage, SendCustomCommand, SetRoomExtraInfo, SetStreamExtraInfo,
    },
};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    counters::Counters,
    link::LinkError,
    requests::{Answer, Ticket},
    state::{Effect, LinkId, Phase, RoomState},
};

/// What RoomActor would do now.
#[derive(Debug, Clone, PartialEq)]
pub enum PureEffect {
    /// Tell the owner.
    Emit(RoomEvent),
    /// Open the link of this number, to the server of this URL.
    Connect(u64, String),
    /// Send a text frame on the current link.
    Send(String),
    /// Ping the current link.
    Ping,
    /// Drop the current link.
    HangUp,
    /// Open a second link of this number, to the server of this URL.
    ConnectBeside(u64, String),
    /// Send a text frame on the second link.
    SendBeside(String),
    /// Drop the second link.
    HangUpBeside,
    /// The second link takes the place of the current one.
    Promote,
    /// Answer the command of this ticket.
    Answer(u64, Result<PureAnswer, RequestError>),
    /// The login is over.
    End,
}

/// What a command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PureAnswer {
    /// The server's SDP.
    Sdp(SdpAnswer),
    /// Carried out.
    Done,
    /// The number of a broadcast.
    Broadcast(u64),
    /// The name of a barrage message.
    Barrage(String),
    /// Who did not get a command.
    Absent(Vec<UserId>),
}

/// The decisions of RoomActor.
#[derive(Debug)]
pub struct PureRoom(RoomState);

/// Commands that somebody waits for, by the number of a ticket.
macro_rules! asked {
    ($($(#[$doc:meta])* $name:ident: $command:ty => $decide:expr;)*) => {
        $($(#[$doc])* pub fn $name(&mut self, now: Instant, ticket: u64, command: $command) {
            let decide: fn(&mut RoomState, Instant, Ticket, $command) = $decide;
            decide(&mut self.0, now, Ticket(ticket), command);
        })*
    };
}

impl PureRoom {
    /// A login that has not begun; `seed` draws its random waits.
    pub fn new(options: RoomOptions, seed: u64) -> Self {
        Self(RoomState::new(
            options,
            StdRng::seed_from_u64(seed),
            Arc::new(Counters::default()),
        ))
    }

    /// What is to be done now, in order.
    pub fn take_effects(&mut self) -> Vec<PureEffect> {
        self.0.take_effects().into_iter().map(PureEffect::from).collect()
    }

    /// When [`Self::on_time`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.next_deadline()
    }

    /// Whether login or resume was answered well, and the link stands.
    pub fn is_up(&self) -> bool {
        self.0.phase == Phase::Up
    }

    /// The name of the session at the server.
    pub fn session(&self) -> Option<&str> {
        self.0.session.as_ref().map(|session| session.name.as_str())
    }

    /// Begins.
    pub fn start(&mut self, now: Instant) {
        self.0.start(now);
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant) {
        self.0.on_time(now);
    }

    /// The link is open.
    pub fn on_opened(&mut self, link: u64) {
        self.0.on_opened(LinkId(link));
    }

    /// A frame came.
    pub fn on_text(&mut self, now: Instant, link: u64, text: &str) {
        self.0.on_text(now, LinkId(link), text);
    }

    /// A sign of life came.
    pub fn on_alive(&mut self, now: Instant, link: u64) {
        self.0.on_alive(now, LinkId(link));
    }

    /// The link is gone.
    pub fn on_closed(&mut self, now: Instant, link: u64, why: &LinkError) {
        self.0.on_closed(now, LinkId(link), why);
    }

    /// Leaves the room.
    pub fn logout(&mut self, now: Instant) {
        self.0.logout(now);
    }

    /// Ends at once.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// Takes a new token.
    ///
    /// # Errors
    /// As RoomActor answers.
    pub fn renew_token(&mut self, now: Instant, token: String) -> Result<(), ZegoError> {
        self.0.renew_token(now, token)
    }

    /// A published stream ends.
    pub fn unpublish(&mut self, now: Instant, stream_id: StreamId) {
        self.0.unpublish(now, stream_id);
    }

    /// A played stream is wanted no more.
    pub fn stop_play(&mut self, now: Instant, stream_id: StreamId) {
        self.0.stop_play(now, stream_id);
    }

    /// A published stream is muted or not.
    pub fn mute_stream(&mut self, now: Instant, command: &MuteStream) {
        self.0.mute_stream(now, command);
    }

    asked! {
        /// Offers a stream.
        publish: PublishStream => RoomState::publish;
        /// Asks for a stream.
        play: PlayStream => RoomState::play;
        /// Stops or resumes the audio of a played stream.
        pause_play: PausePlayStream => RoomState::pause_play;
        /// Attaches another text to a published stream.
        set_extra_info: SetStreamExtraInfo => RoomState::set_extra_info;
        /// Attaches an extra info to the room.
        set_room_info: SetRoomExtraInfo => RoomState::set_room_info;
        /// Sends a text to everybody.
        broadcast: SendBroadcastMessage => RoomState::broadcast;
        /// Sends a text to some.
        custom_command: SendCustomCommand => RoomState::custom_command;
    }
}

impl From<Effect> for PureEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Emit(event) => Self::Emit(event),
            Effect::Connect { link, url } => Self::Connect(link.0, url),
            Effect::Send(text) => Self::Send(text),
            Effect::Ping => Self::Ping,
            Effect::HangUp => Self::HangUp,
            Effect::ConnectBeside { link, url } => Self::ConnectBeside(link.0, url),
            Effect::SendBeside(text) => Self::SendBeside(text),
            Effect::HangUpBeside => Self::HangUpBeside,
            Effect::Promote => Self::Promote,
            Effect::Answer(ticket, answer) => Self::Answer(ticket.0, answer.map(PureAnswer::from)),
            Effect::End => Self::End,
        }
    }
}

impl From<Answer> for PureAnswer {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Sdp(sdp) => Self::Sdp(sdp),
            Answer::Done => Self::Done,
            Answer::Broadcast(id) => Self::Broadcast(id),
            Answer::Barrage(id) => Self::Barrage(id),
            Answer::Absent(users) => Self::Absent(users),
        }
    }
}
