//! A stranger in the room role.

use actix::{Actor, ActorContext, Context, Handler, Recipient};
use express_engine::ZegoError;
use express_messages::{
    ExitGuard,
    ice::IceServer,
    ids::UserId,
    room::{
        GetIceServers, Logout, MuteStream, PausePlayStream, PlayStream, PublishStream, RenewToken, ReportQuality, RequestError,
        RoomEvent, RoomFactory, RoomLink, RoomOptions, RoomPeers, SdpAnswer, SendBarrageMessage, SendBroadcastMessage,
        SendCustomCommand, SetRoomExtraInfo, SetStreamExtraInfo, StopPlayStream, StopRoom, UnpublishStream,
    },
    types::{RoomStateChangedReason as Reason, ZegoUpdateType, ZegoUser},
};
use express_server::{
    forwarder::{Answer, ClientCertificates, GroupKey, MediaRequest, StreamKey, Wish},
    rooms::MediaPlane,
};
use express_tests::{
    simulation::{Simulation, settle, sleep},
    virtual_net::VirtualNet,
};

/// A room with one stream, and nobody in it but an echo.
struct EchoRoom {
    owner: ExitGuard<RoomEvent>,
    media: VirtualNet,
}

impl EchoRoom {
    const STREAM: StreamKey = StreamKey(1);

    fn ask(&mut self, wish: Wish, offer: &str) -> Answer {
        let request = MediaRequest {
            stream: Self::STREAM,
            group: GroupKey(1),
            wish,
            offer,
            certificates: ClientCertificates::Ecdsa,
        };
        self.media.answer(&request).unwrap()
    }

    fn tell(&self, reason: Reason) {
        let (code, extended_data) = (0, String::new());
        self.owner.tell(RoomEvent::StateChanged {
            reason,
            code,
            extended_data,
        });
    }
}

impl Actor for EchoRoom {
    type Context = Context<Self>;
    fn started(&mut self, _: &mut Self::Context) {
        self.tell(Reason::Logining);
        self.tell(Reason::Logined);
        let (update, users) = (ZegoUpdateType::Add, vec![ZegoUser::new("echo", "Echo").unwrap()]);
        self.owner.tell(RoomEvent::UserUpdate { update, users });
    }
}

impl Handler<PublishStream> for EchoRoom {
    type Result = Result<SdpAnswer, RequestError>;
    fn handle(&mut self, publish: PublishStream, _: &mut Self::Context) -> Self::Result {
        let answer = self.ask(Wish::Publish, &publish.offer);
        Ok(SdpAnswer {
            sdp: answer.sdp,
            loudest: 0,
        })
    }
}

impl Handler<PlayStream> for EchoRoom {
    type Result = Result<SdpAnswer, RequestError>;
    fn handle(&mut self, play: PlayStream, _: &mut Self::Context) -> Self::Result {
        let answer = self.ask(Wish::Play { loudest: 0 }, &play.offer);
        Ok(SdpAnswer {
            sdp: answer.sdp,
            loudest: 0,
        })
    }
}

impl Handler<Logout> for EchoRoom {
    type Result = ();
    fn handle(&mut self, _: Logout, context: &mut Self::Context) {
        self.tell(Reason::Logout);
        context.stop();
    }
}

impl Handler<StopRoom> for EchoRoom {
    type Result = ();
    fn handle(&mut self, _: StopRoom, context: &mut Self::Context) {
        context.stop();
    }
}

macro_rules! ignore {
    ($($message:ty => $result:ty = $answer:expr,)*) => {
        $(impl Handler<$message> for EchoRoom {
            type Result = $result;
            fn handle(&mut self, _: $message, _: &mut Self::Context) -> Self::Result {
                $answer
            }
        })*
    };
}

ignore! {
    RenewToken => Result<(), ZegoError> = Ok(()),
    UnpublishStream => () = (),
    StopPlayStream => () = (),
    PausePlayStream => Result<(), RequestError> = Ok(()),
    MuteStream => () = (),
    SetStreamExtraInfo => Result<(), RequestError> = Ok(()),
    SetRoomExtraInfo => Result<(), RequestError> = Ok(()),
    SendBroadcastMessage => Result<u64, RequestError> = Ok(1),
    SendBarrageMessage => Result<String, RequestError> = Ok("1".into()),
    SendCustomCommand => Result<Vec<UserId>, RequestError> = Ok(Vec::new()),
    ReportQuality => () = (),
    GetIceServers => Vec<IceServer> = Vec::new(),
}

struct EchoRooms(VirtualNet);

impl RoomFactory for EchoRooms {
    fn start(&self, _: RoomOptions, events: Recipient<RoomEvent>, _: RoomPeers) -> RoomLink {
        let owner = ExitGuard::new(events, |panicked| RoomEvent::Exited { panicked });
        let media = self.0.clone();
        EchoRoom { owner, media }.start().into()
    }
}

#[actix::test]
async fn a_stranger_as_room_answers_the_real_publisher_and_player_and_the_user_hears_himself() {
    let simulation = Simulation::start();
    let rooms = EchoRooms(simulation.net.clone());
    let alice = simulation.member_with("alice", |builder| builder.room(rooms));
    alice.login("echo", 60).await;
    alice.publish_tone("s", 440.0).await;
    settle().await;
    let ear = alice.listen("s").await;
    sleep(3.0).await;
    assert!(ear.amplitude(440.0) > 0.2);
    assert_eq!(alice.zg.send_broadcast_message("echo", "hello?").await.unwrap().message_id, 1);
    let expected = [
        "room LOGINING 0",
        "room LOGINED 0",
        "users ADD echo",
        "publish s PUBLISH_REQUESTING 0",
        "publish s PUBLISHING 0",
        "play s PLAY_REQUESTING 0",
        "play s PLAYING 0",
    ];
    let mut told = alice.told.take();
    // The first two kinds of event come while the publication is begun.
    told.sort_by_key(|text| !text.starts_with("room") && !text.starts_with("users"));
    assert_eq!(told, expected);
    alice.zg.logout_room("echo").unwrap();
    settle().await;
    assert_eq!(
        alice.told.take(),
        ["publish s NO_PUBLISH 0", "play s NO_PLAY 0", "room LOGOUT 0"]
    );
    assert_eq!(simulation.server().await.logins, 0, "the server was not asked");
    let remains = alice.destroy();
    settle().await;
    remains.assert_gone();
}
