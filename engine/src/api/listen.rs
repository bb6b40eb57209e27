//! `on`, `off` and `events`.

use std::future::Future;

use super::ZegoExpressEngine;
use crate::events::{EventKind, EventType, ListenerId, ZegoEvents};

impl ZegoExpressEngine {
    /// Calls `callback` for each event of the type that it takes, from now on: what was reported before this call is not
    /// delivered to it, even if other callbacks have not had it yet. So register before `login_room`.
    ///
    /// Callbacks run one after the other on the thread `zego-events`, in the order of events and, for one event, of
    /// registration. They may call everything, [`Reply::wait`](crate::Reply::wait) and `destroy_engine` included; meanwhile
    /// other callbacks wait. A panic in one is caught, counted ([`counters`](Self::counters)) and logged.
    ///
    /// ```
    /// # fn register(engine: &express_engine::ZegoExpressEngine) {
    /// use express_engine::RoomStateChanged;
    ///
    /// let listener = engine.on(|e: &RoomStateChanged| println!("{}: {} {}", e.room_id, e.reason, e.error_code));
    /// assert!(engine.off(listener));
    /// # }
    /// ```
    #[doc(alias = "setEventHandler")]
    pub fn on<E: EventType>(&self, callback: impl FnMut(&E) + Send + 'static) -> ListenerId {
        let shared = self.shared();
        let listener = shared.listeners.on(shared.hub.reported(), callback);
        self.watch_devices();
        listener
    }

    /// As [`on`](Self::on), for an async callback, which may await engine calls as the documented JavaScript does.
    ///
    /// Each is started in order and runs on `zego-events` until it first waits; later events do not wait for its end, so the
    /// ends of two may come in either order. Registered inside a tokio runtime it is polled inside that runtime and may use
    /// its timers and sockets. `destroy_engine` drops those that still wait.
    ///
    /// ```
    /// # fn register(engine: &express_engine::ZegoExpressEngine) {
    /// use express_engine::{RoomStreamUpdate, ZegoUpdateType};
    ///
    /// let weak = engine.downgrade();
    /// engine.on_async(move |e: RoomStreamUpdate| {
    ///     let engine = weak.upgrade();
    ///     async move {
    ///         let Some(engine) = engine.filter(|_| e.update_type == ZegoUpdateType::Add) else { return };
    ///         for stream in e.stream_list {
    ///             match engine.start_playing_stream(&stream.stream_id, Default::default()).await {
    ///                 Ok(remote) => remote.play_audio(),
    ///                 Err(error) => eprintln!("{error}"),
    ///             }
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn on_async<E, F, Fut>(&self, callback: F) -> ListenerId
    where
        E: EventType,
        F: FnMut(E) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let shared = self.shared();
        let listener = shared.listeners.on_async(shared.hub.reported(), callback);
        self.watch_devices();
        listener
    }

    /// Takes one callback away; at once, also for the event that is being delivered. `false`: it was not there.
    pub fn off(&self, listener: ListenerId) -> bool {
        let was_there = self.shared().listeners.off(listener);
        self.watch_devices();
        was_there
    }

    /// Takes all callbacks of one event away (the documented `off` without a callback). `false`: there was none.
    pub fn off_all<E: EventType>(&self) -> bool {
        let was_there = self.shared().listeners.off_all(E::KIND);
        self.watch_devices();
        was_there
    }

    /// Devices are watched for callbacks even while none is open; nobody pays for that otherwise.
    fn watch_devices(&self) {
        let shared = self.shared();
        let wanted = shared.listeners.has(EventKind::AudioDeviceStateChanged);
        if shared.look(|state| state.watches_devices()) != wanted {
            shared.decide(|state, _, out| state.watch_devices(wanted, out));
        }
    }

    /// All events from now on, as a stream or for a thread of your own; see [`ZegoEvents`].
    pub fn events(&self) -> ZegoEvents {
        self.shared().hub.subscribe()
    }
}
