//! The actor: hears of commands and reports, and starts and ends the parts.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use actix::{Actor, AsyncContext, Context, Handler, Message, System};
use express_messages::{
    audio_device::{AudioDeviceEvent, AudioDeviceFactory, AudioDeviceLink, AudioDeviceOptions, AudioDevicePeers, SinkId},
    ids::StreamId,
    player::{PlayerEvent, PlayerFactory, PlayerLink, PlayerOptions, PlayerPeers},
    publisher::{PublisherEvent, PublisherFactory, PublisherLink, PublisherOptions, PublisherPeers},
    room::{RoomEvent, RoomFactory, RoomLink, RoomOptions, RoomPeers},
};

use super::{
    inlet::{Inlet, Reported},
    state::{EngineState, LifeId, Step, TapKey, Timer},
};
use crate::shared::Shared;

/// Makes EngineActor look at its commands. Sent by [`Shared`] from any thread when there are new ones.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Work;

/// Who plays the four roles.
pub(crate) struct Parts {
    pub(crate) room: Box<dyn RoomFactory>,
    pub(crate) publisher: Box<dyn PublisherFactory>,
    pub(crate) player: Box<dyn PlayerFactory>,
    pub(crate) audio_device: Box<dyn AudioDeviceFactory>,
}

/// Owns every room, publisher and player part and the audio device part. Decisions are [`EngineState`]'s; this carries them
/// out.
pub(crate) struct EngineActor {
    pub(super) shared: Arc<Shared>,
    pub(super) parts: Parts,
    pub(super) rooms: HashMap<LifeId, RoomLink>,
    pub(super) publishers: HashMap<LifeId, PublisherLink>,
    pub(super) players: HashMap<LifeId, PlayerLink>,
    pub(super) device: Option<(LifeId, AudioDeviceLink)>,
    pub(super) taps: HashMap<TapKey, Tap>,
    _gone: GoneGuard,
}

/// A reader or recording of a played stream at the audio device part.
#[derive(Debug)]
pub(super) struct Tap {
    pub(super) stream_id: StreamId,
    /// `None` while it is only asked for.
    pub(super) sink: Option<SinkId>,
}

impl Tap {
    pub(super) fn asked(stream_id: &StreamId) -> Self {
        Self {
            stream_id: stream_id.clone(),
            sink: None,
        }
    }
}

/// Tells everybody who waits when the actor is gone, in order or by a panic, and ends the system with it.
struct GoneGuard {
    shared: Arc<Shared>,
    /// The actix system is the engine's own.
    own_system: bool,
}

impl Drop for GoneGuard {
    fn drop(&mut self) {
        self.shared.actor_gone();
        if let Some(system) = System::try_current().filter(|_| self.own_system) {
            system.stop();
        }
    }
}

impl EngineActor {
    pub(crate) fn new(shared: Arc<Shared>, parts: Parts, own_system: bool) -> Self {
        Self {
            _gone: GoneGuard {
                shared: Arc::clone(&shared),
                own_system,
            },
            shared,
            parts,
            rooms: HashMap::new(),
            publishers: HashMap::new(),
            players: HashMap::new(),
            device: None,
            taps: HashMap::new(),
        }
    }

    /// Carries out all commands there are, in order.
    pub(super) fn work(&mut self, ctx: &mut Context<Self>) {
        while let Some(command) = self.shared.next_command() {
            self.carry_out(command, ctx);
        }
    }

    pub(super) fn start_room(&mut self, life: LifeId, options: RoomOptions, ctx: &Context<Self>) {
        let events = Inlet::<RoomEvent>::open(life, ctx.address());
        match unpanicked(|| self.parts.room.start(options, events, RoomPeers::default())) {
            Some(link) => drop(self.rooms.insert(life, link)),
            None => self.hear(life, RoomEvent::Exited { panicked: true }),
        }
    }

    pub(super) fn start_publisher(&mut self, life: LifeId, room: LifeId, options: PublisherOptions, ctx: &Context<Self>) {
        let started = self.publisher_peers(room).and_then(|peers| {
            let events = Inlet::<PublisherEvent>::open(life, ctx.address());
            unpanicked(|| self.parts.publisher.start(options, events, peers))
        });
        match started {
            Some(link) => drop(self.publishers.insert(life, link)),
            None => self.hear(life, PublisherEvent::Exited { panicked: true }),
        }
    }

    pub(super) fn start_player(&mut self, life: LifeId, room: LifeId, options: PlayerOptions, ctx: &Context<Self>) {
        let started = self.player_peers(room).and_then(|peers| {
            let events = Inlet::<PlayerEvent>::open(life, ctx.address());
            unpanicked(|| self.parts.player.start(options, events, peers))
        });
        match started {
            Some(link) => drop(self.players.insert(life, link)),
            None => self.hear(life, PlayerEvent::Exited { panicked: true }),
        }
    }

    pub(super) fn start_device(&mut self, life: LifeId, ctx: &Context<Self>) {
        // Sinks of the former device part went with it, and their names mean others now.
        self.taps.clear();
        let events = Inlet::<AudioDeviceEvent>::open(life, ctx.address());
        let (options, peers) = (AudioDeviceOptions::default(), AudioDevicePeers::default());
        self.device = unpanicked(|| self.parts.audio_device.start(options, events, peers)).map(|link| (life, link));
        if self.device.is_none() {
            self.hear(life, AudioDeviceEvent::Exited { panicked: true });
        }
    }

    fn publisher_peers(&self, room: LifeId) -> Option<PublisherPeers> {
        let (room, (_, device)) = (self.rooms.get(&room)?, self.device.as_ref()?);
        Some(PublisherPeers {
            publish: room.publish.clone(),
            unpublish: room.unpublish.clone(),
            mute: room.mute_stream.clone(),
            extra_info: room.extra_info.clone(),
            ice_servers: room.ice_servers.clone(),
            attach: device.attach_sink.clone(),
            detach: device.detach_sink.clone(),
        })
    }

    fn player_peers(&self, room: LifeId) -> Option<PlayerPeers> {
        let (room, (_, device)) = (self.rooms.get(&room)?, self.device.as_ref()?);
        Some(PlayerPeers {
            play: room.play.clone(),
            stop_play: room.stop_play.clone(),
            pause_play: room.pause_play.clone(),
            ice_servers: room.ice_servers.clone(),
            attach: device.attach_source.clone(),
            detach: device.detach_source.clone(),
        })
    }

    pub(super) fn forget(&mut self, life: LifeId) {
        self.rooms.remove(&life);
        self.publishers.remove(&life);
        self.players.remove(&life);
        self.device.take_if(|(device, _)| *device == life);
    }

    pub(super) fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        self.shared.report(|state, now, out| state.on_timer(timer, now, out));
        self.work(ctx);
    }
}

/// What `start` gives; `None` where it panicked, as if the part had panicked right after its start.
fn unpanicked<L>(start: impl FnOnce() -> L) -> Option<L> {
    catch_unwind(AssertUnwindSafe(start)).ok()
}

impl Actor for EngineActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.work(ctx);
    }
}

impl Handler<Work> for EngineActor {
    type Result = ();

    fn handle(&mut self, _: Work, ctx: &mut Self::Context) {
        self.work(ctx);
    }
}

/// Hears what one kind of part reports.
pub(super) trait Hear<E> {
    /// Lets the state decide; commands that follow are carried out by the next [`EngineActor::work`].
    fn hear(&mut self, life: LifeId, event: E);
}

macro_rules! hear {
    ($($event:ty => $decide:expr,)*) => {
        $(
            impl Hear<$event> for EngineActor {
                fn hear(&mut self, life: LifeId, event: $event) {
                    let decide: fn(&mut EngineState, LifeId, $event, Instant, &mut Step) = $decide;
                    self.shared.report(|state, now, out| decide(state, life, event, now, out));
                }
            }

            impl Handler<Reported<$event>> for EngineActor {
                type Result = ();

                fn handle(&mut self, reported: Reported<$event>, ctx: &mut Self::Context) {
                    self.hear(reported.life, reported.event);
                    self.work(ctx);
                }
            }
        )*
    };
}

hear! {
    RoomEvent => |state, life, event, _, out| state.on_room_event(life, event, out),
    PublisherEvent => EngineState::on_publisher_event,
    PlayerEvent => EngineState::on_player_event,
    AudioDeviceEvent => EngineState::on_device_event,
}
