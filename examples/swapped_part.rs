//! Replaces one part of the engine by a stranger: here the whole room role, by one that needs no server.
//!
//! Every role is a factory and a link in `express-messages`. This stranger lets everybody in and has one other user, so an
//! application can be developed and tested without any network.
//!
//!     cargo run --release --example swapped_part

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use express_engine::{RoomStateChanged, RoomUserUpdate, ZegoError, ZegoExpressEngine, ZegoRoomConfig};
use express_messages::{
    ExitGuard,
    ice::IceServer,
    ids::UserId,
    room::{
        GetIceServers, Logout, MuteStream, PausePlayStream, PlayStream, PublishStream, RenewToken, ReportQuality, RequestError,
        RoomEvent, RoomFactory, RoomLink, RoomOptions, RoomPeers, SdpAnswer, SendBarrageMessage, SendBroadcastMessage,
        SendCustomCommand, SetRoomExtraInfo, SetStreamExtraInfo, StopPlayStream, StopRoom, UnpublishStream,
    },
    types::{RoomStateChangedReason, ZegoUpdateType, ZegoUser},
};

/// A room without a server.
struct LonelyRoom {
    owner: ExitGuard<RoomEvent>,
}

impl LonelyRoom {
    fn tell(&self, reason: RoomStateChangedReason) {
        self.owner.tell(RoomEvent::StateChanged {
            reason,
            code: 0,
            extended_data: String::new(),
        });
    }
}

impl Actor for LonelyRoom {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.tell(RoomStateChangedReason::Logining);
        self.tell(RoomStateChangedReason::Logined);
        let users = ZegoUser::new("echo", "Echo").into_iter().collect();
        self.owner.tell(RoomEvent::UserUpdate {
            update: ZegoUpdateType::Add,
            users,
        });
    }
}

impl Handler<Logout> for LonelyRoom {
    type Result = ();
    fn handle(&mut self, _: Logout, context: &mut Self::Context) {
        self.tell(RoomStateChangedReason::Logout);
        context.address().do_send(StopRoom);
    }
}

impl Handler<StopRoom> for LonelyRoom {
    type Result = ();
    fn handle(&mut self, _: StopRoom, context: &mut Self::Context) {
        actix::ActorContext::stop(context);
    }
}

/// Commands that this room takes and does nothing about.
macro_rules! ignore {
    ($($message:ty => $result:ty = $answer:expr,)*) => {
        $(impl Handler<$message> for LonelyRoom {
            type Result = $result;
            fn handle(&mut self, _: $message, _: &mut Self::Context) -> Self::Result {
                $answer
            }
        })*
    };
}

ignore! {
    RenewToken => Result<(), ZegoError> = Ok(()),
    PublishStream => Result<SdpAnswer, RequestError> = Err(RequestError::Disconnected),
    UnpublishStream => () = (),
    PlayStream => Result<SdpAnswer, RequestError> = Err(RequestError::Disconnected),
    StopPlayStream => () = (),
    PausePlayStream => Result<(), RequestError> = Ok(()),
    MuteStream => () = (),
    SetStreamExtraInfo => Result<(), RequestError> = Ok(()),
    SetRoomExtraInfo => Result<(), RequestError> = Ok(()),
    SendBroadcastMessage => Result<u64, RequestError> = Err(RequestError::Disconnected),
    SendBarrageMessage => Result<String, RequestError> = Err(RequestError::Disconnected),
    SendCustomCommand => Result<Vec<UserId>, RequestError> = Err(RequestError::Disconnected),
    ReportQuality => () = (),
    GetIceServers => Vec<IceServer> = Vec::new(),
}

/// How the engine starts it.
struct LonelyRooms;

impl RoomFactory for LonelyRooms {
    fn start(&self, _: RoomOptions, events: Recipient<RoomEvent>, _: RoomPeers) -> RoomLink {
        let owner = ExitGuard::new(events, |panicked| RoomEvent::Exited { panicked });
        LonelyRoom { owner }.start().into()
    }
}

fn main() -> Result<(), ZegoError> {
    let zg = ZegoExpressEngine::builder(1, "ws://nowhere.invalid")
        .room(LonelyRooms)
        .build()?;
    zg.on(|e: &RoomStateChanged| println!("room {}: {}", e.room_id, e.reason));
    zg.on(|e: &RoomUserUpdate| println!("{}: {}", e.update_type, e.user_list[0].user_name));
    let config = ZegoRoomConfig {
        user_update: true,
        ..Default::default()
    };
    zg.login_room("lonely", "any token", "me", config).wait()?;
    zg.logout_room("lonely")?;
    zg.destroy_engine();
    Ok(())
}
