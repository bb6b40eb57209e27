//! What `check_system_requirements` looks at, asked of the parts.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{AudioDeviceLink, CaptureSource, CloseLocalStream, ListDevices, OpenLocalStream},
    codes,
    ids::LocalStreamId,
    publisher::MediaWays,
    room::MediaPorts,
    types::ZegoDeviceInfos,
    voice::VoiceConfig,
};
use tokio::{sync::oneshot, time::timeout};

use super::engine_actor::EngineActor;
use crate::reply::{Completion, part_gone};

/// Longest time for the server, and behind it for its media ports.
const SERVER_LIMIT: Duration = Duration::from_secs(2);
const MEDIA_LIMIT: Duration = Duration::from_secs(1);
/// Longest time for the list of devices, and behind it for the microphone.
const DEVICE_LIMIT: Duration = Duration::from_millis(1_500);

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) devices: Result<ZegoDeviceInfos, ZegoError>,
    /// Whether the default microphone opens; `None`: not tried.
    pub(crate) microphone: Option<Result<(), ZegoError>>,
    /// Whether a server takes a connection; `None`: not tried, or the part cannot tell.
    pub(crate) server: Option<Result<(), ZegoError>>,
    /// Which ways to its media are open.
    pub(crate) ways: MediaWays,
    /// Whether the codec works; `None`: the part cannot tell.
    pub(crate) codec: Option<Result<(), ZegoError>>,
}

/// What an exact look needs.
#[derive(Debug)]
pub(crate) struct ExactLook {
    /// For the microphone that is opened for a moment; `None` where one is captured already, which shows as much.
    pub(crate) id: Option<LocalStreamId>,
    /// Where to connect to.
    pub(crate) servers: Vec<String>,
}

/// What was found of the network.
#[derive(Debug, Default)]
struct Network {
    server: Option<Result<(), ZegoError>>,
    ways: MediaWays,
}

impl EngineActor {
    pub(super) fn check_system(&self, exact: Option<ExactLook>, done: Completion<Findings>, ctx: &mut Context<Self>) {
        let codec = self.parts.publisher.self_test();
        let device = self.device().map(Asked::of);
        let microphone = exact.as_ref().and_then(|exact| exact.id);
        let network = exact.map(|exact| self.look_at_network(&exact.servers, ctx));
        let look = async move {
            let network = async {
                match network {
                    // It ends without an answer with the engine alone.
                    Some(network) => network.await.unwrap_or_default(),
                    None => Network::default(),
                }
            };
            let device = async {
                match device {
                    None => (Err(part_gone()), None),
                    Some(device) => device.look(microphone).await,
                }
            };
            let (network, (devices, microphone)) = futures::join!(network, device);
            done.complete(Ok(Findings {
                devices,
                microphone,
                server: network.server,
                ways: network.ways,
                codec,
            }));
        };
        ctx.spawn(look.into_actor(self));
    }

    /// First the server, which tells the media ports, then these.
    fn look_at_network(&self, servers: &[String], ctx: &mut Context<Self>) -> oneshot::Receiver<Network> {
        let (done, found) = oneshot::channel();
        let server = timeout(SERVER_LIMIT, self.parts.room.reach(servers)).into_actor(self);
        let look = server.then(|reached, actor, _| {
            let reached = reached.unwrap_or_else(|_| Some(Err(no_answer("the server", SERVER_LIMIT))));
            let (server, ports) = match reached {
                Some(Ok(ports)) => (Some(Ok(())), ports),
                Some(Err(error)) => (Some(Err(error)), MediaPorts::default()),
                None => (None, MediaPorts::default()),
            };
            let ways = actor.parts.publisher.reach_media(ports, MEDIA_LIMIT);
            let told = async move {
                let ways = ways.await;
                // Who asked may be gone.
                let _ = done.send(Network { server, ways });
            };
            told.into_actor(actor)
        });
        ctx.spawn(look);
        found
    }
}

/// What is asked of the audio device part. One that is gone without a word is noticed by whoever asks it next for something that
/// matters.
struct Asked {
    list: actix::Recipient<ListDevices>,
    open: actix::Recipient<OpenLocalStream>,
    close: actix::Recipient<CloseLocalStream>,
}

impl Asked {
    fn of(link: &AudioDeviceLink) -> Self {
        Self {
            list: link.list_devices.clone(),
            open: link.open.clone(),
            close: link.close.clone(),
        }
    }

    async fn look(
        self,
        microphone: Option<LocalStreamId>,
    ) -> (Result<ZegoDeviceInfos, ZegoError>, Option<Result<(), ZegoError>>) {
        let listed = timeout(DEVICE_LIMIT, self.list.send(ListDevices)).await;
        let devices = listed.map_or_else(
            |_| Err(no_answer("the sound system", DEVICE_LIMIT)),
            |sent| sent.unwrap_or_else(|_| Err(part_gone())),
        );
        let there = devices.as_ref().is_ok_and(|devices| !devices.microphones.is_empty());
        let opened = match microphone.filter(|_| there) {
            None => None,
            Some(id) => Some(self.open_for_a_moment(id).await),
        };
        (devices, opened)
    }

    async fn open_for_a_moment(&self, id: LocalStreamId) -> Result<(), ZegoError> {
        let open = OpenLocalStream {
            id,
            source: CaptureSource::Microphone {
                device_id: None,
                voice: VoiceConfig::OFF,
            },
            channels: 1,
        };
        let opened = timeout(DEVICE_LIMIT, self.open.send(open)).await;
        self.close.do_send(CloseLocalStream(id));
        opened.map_or_else(
            |_| Err(no_answer("the microphone", DEVICE_LIMIT)),
            |sent| sent.unwrap_or_else(|_| Err(part_gone())),
        )
    }
}

fn no_answer(whose: &str, limit: Duration) -> ZegoError {
    ZegoError::new(
        codes::TIMEOUT,
        format!("{whose} did not answer within {} s", limit.as_secs_f32()),
    )
}
