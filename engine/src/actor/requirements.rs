//! What `check_system_requirements` looks at, asked of the parts.

use std::time::Duration;

use actix::{AsyncContext, Context, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{AudioDeviceLink, CaptureSource, CloseLocalStream, ListDevices, OpenLocalStream},
    codes,
    ids::LocalStreamId,
    types::ZegoDeviceInfos,
};
use tokio::time::timeout;

use super::{commands::part_gone, engine_actor::EngineActor};
use crate::reply::Completion;

/// Longest time for a server, and so for the whole look.
const SERVER_LIMIT: Duration = Duration::from_secs(3);
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
    /// Whether the codec works; `None`: the part cannot tell.
    pub(crate) codec: Option<Result<(), ZegoError>>,
}

/// What an exact look needs.
#[derive(Debug)]
pub(crate) struct ExactLook {
    /// For the microphone that is opened for a moment; not in use.
    pub(crate) id: LocalStreamId,
    /// Where to connect to.
    pub(crate) servers: Vec<String>,
}

impl EngineActor {
    pub(super) fn check_system(&self, exact: Option<ExactLook>, done: Completion<Findings>, ctx: &mut Context<Self>) {
        let codec = self.parts.publisher.self_test();
        let reach = exact.as_ref().map(|exact| self.parts.room.reach(&exact.servers));
        let device = self.device().map(Asked::of);
        let microphone = exact.map(|exact| exact.id);
        let look = async move {
            let server = async {
                match reach {
                    None => None,
                    Some(reach) => timeout(SERVER_LIMIT, reach)
                        .await
                        .unwrap_or_else(|_| Some(Err(no_answer("the server", SERVER_LIMIT)))),
                }
            };
            let device = async {
                match device {
                    None => (Err(part_gone()), None),
                    Some(device) => device.look(microphone).await,
                }
            };
            let (server, (devices, microphone)) = futures::join!(server, device);
            done.complete(Ok(Findings {
                devices,
                microphone,
                server,
                codec,
            }));
        };
        ctx.spawn(look.into_actor(self));
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
            source: CaptureSource::Microphone { device_id: None },
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
