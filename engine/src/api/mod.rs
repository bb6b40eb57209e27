//! The documented API.

mod devices;
mod levels;
mod listen;
mod local;
mod messages;
mod play;
mod publish;
mod requirements;
mod room;
mod voice;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

#[cfg(feature = "default-parts")]
use express_messages::ZegoError;

pub use requirements::{RequirementKind, ZegoCapabilityDetection, ZegoCodecSupport};

use crate::{builder::EngineBuilder, counters::EngineCounters, server_address::ServerAddresses, shared::Shared};

/// Longest time that `destroy_engine` blocks.
const DESTROY_LIMIT: Duration = Duration::from_secs(2);

/// The engine: log in to a room, publish and play streams. See the [crate documentation](crate) for a whole call.
///
/// A handle: clones name the same engine, and it may be used from any thread and in any executor. When the last handle is
/// dropped the engine ends by itself; a callback that captures a handle keeps it alive (use [`downgrade`](Self::downgrade)
/// there, or call [`destroy_engine`](Self::destroy_engine)).
///
/// A call documented as a Promise returns a [`Reply`](crate::Reply): it is checked and sent when you call it. What the
/// document throws, rejects or answers `false` for is a [`ZegoError`] with the documented code. After `destroy_engine`
/// every call is refused with 1000001.
#[derive(Clone)]
pub struct ZegoExpressEngine {
    owner: Arc<Owner>,
}

/// Ends the engine when the last handle goes.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.begin_end();
    }
}

impl ZegoExpressEngine {
    /// Makes an engine for an AppID and a server: `ws://host:port`, `wss://...`, `http(s)://...` or `host:port`, or several of
    /// them to be tried in order.
    ///
    /// # Errors
    /// - 1101000: the AppID is 0
    /// - 1100001: a server address cannot be used
    /// - 1000001: the engine's threads cannot be started
    ///
    /// # Examples
    /// ```
    /// use express_engine::ZegoExpressEngine;
    ///
    /// assert_eq!(ZegoExpressEngine::new(0, "ws://127.0.0.1:8080").unwrap_err().code, 1101000);
    /// ```
    #[cfg(feature = "default-parts")]
    #[doc(alias = "ZegoExpressEngine")]
    #[doc(alias = "createEngine")]
    pub fn new(app_id: u32, server: impl ServerAddresses) -> Result<Self, ZegoError> {
        Self::builder(app_id, server).build()
    }

    /// An engine of chosen parts, budgets and limits.
    pub fn builder(app_id: u32, server: impl ServerAddresses) -> EngineBuilder {
        EngineBuilder::new(app_id, server)
    }

    pub(crate) fn new_handle(shared: Arc<Shared>) -> Self {
        let owner = Arc::new(Owner { shared });
        Self { owner }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// The version of this crate.
    pub const fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// The version of this crate; works on a destroyed engine too.
    #[doc(alias = "getVersion")]
    pub fn get_version(&self) -> &'static str {
        Self::version()
    }

    /// Ends the engine: leaves the room, stops all streams, closes all devices and ends all threads. What was reported
    /// before is still delivered to callbacks; nothing after.
    ///
    /// Blocks until that is done, at most 2 s, with or without a network. Repeating it is harmless. In a callback it waits for
    /// all but the callbacks themselves; on an engine of
    /// [`build_on_current_arbiter`](EngineBuilder::build_on_current_arbiter) it does not wait. Calls that were not answered
    /// yet are answered with 1000001.
    #[doc(alias = "destroyEngine")]
    pub fn destroy_engine(&self) {
        self.shared().begin_end();
        if !self.shared().threads.wait(DESTROY_LIMIT) {
            tracing::warn!("the engine did not end within 2 s; its threads are left to end by themselves");
        }
    }

    /// A handle that does not keep the engine alive.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine {
            owner: Arc::downgrade(&self.owner),
        }
    }

    /// What went wrong quietly so far.
    pub fn counters(&self) -> EngineCounters {
        self.shared().counters()
    }
}

impl fmt::Debug for ZegoExpressEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZegoExpressEngine").finish_non_exhaustive()
    }
}

/// A handle that does not keep its engine alive; for callbacks.
#[derive(Clone)]
pub struct WeakEngine {
    owner: Weak<Owner>,
}

impl WeakEngine {
    /// The engine, while another handle keeps it alive.
    pub fn upgrade(&self) -> Option<ZegoExpressEngine> {
        let owner = self.owner.upgrade()?;
        Some(ZegoExpressEngine { owner })
    }
}

impl fmt::Debug for WeakEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakEngine")
    }
}
