//! A transport for tests of the actors: it connects when the test says so.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use express_messages::ice::IceServer;

use super::{
    MediaTransport, PublishOffer, ReceivePackets, SendPackets, TransportError, TransportEvent, TransportEvents, TransportFactory,
    TransportStats,
};

/// Makes [`FakeTransport`]s and remembers them.
#[derive(Clone, Default)]
pub(crate) struct FakeTransports(Arc<Mutex<Vec<FakeTransport>>>);

/// One try to connect, as the test sees it.
#[derive(Clone)]
pub(crate) struct FakeTransport {
    number: usize,
    events: TransportEvents,
    answer: Arc<Mutex<Option<String>>>,
    closed: Arc<AtomicBool>,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) offer: Option<PublishOffer>,
    pub(crate) send: Option<SendPackets>,
    pub(crate) receive: Option<ReceivePackets>,
}

/// An answer that the fake does not take.
pub(crate) const BAD_ANSWER: &str = "bad";

impl FakeTransports {
    fn lock(&self) -> MutexGuard<'_, Vec<FakeTransport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many were made.
    pub(crate) fn made(&self) -> usize {
        self.lock().len()
    }

    /// How many of them are not closed.
    pub(crate) fn open(&self) -> usize {
        self.lock().iter().filter(|made| !made.is_closed()).count()
    }

    /// The latest.
    pub(crate) fn latest(&self) -> FakeTransport {
        self.lock().last().expect("a transport was made").clone()
    }

    fn make(
        &self,
        events: TransportEvents,
        ice_servers: &[IceServer],
        offer: Option<PublishOffer>,
        send: Option<SendPackets>,
        receive: Option<ReceivePackets>,
    ) -> Arc<dyn MediaTransport> {
        let mut all = self.lock();
        let made = FakeTransport {
            number: all.len() + 1,
            events,
            answer: Arc::default(),
            closed: Arc::default(),
            ice_servers: ice_servers.to_vec(),
            offer,
            send,
            receive,
        };
        all.push(made.clone());
        Arc::new(made)
    }
}

impl TransportFactory for FakeTransports {
    fn publish(
        &self,
        offer: PublishOffer,
        packets: SendPackets,
        ice_servers: &[IceServer],
        events: TransportEvents,
    ) -> Arc<dyn MediaTransport> {
        self.make(events, ice_servers, Some(offer), Some(packets), None)
    }

    fn play(&self, packets: ReceivePackets, ice_servers: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport> {
        self.make(events, ice_servers, None, None, Some(packets))
    }
}

impl FakeTransport {
    pub(crate) fn tell(&self, event: TransportEvent) {
        // The actor may be gone already.
        let _ = self.events.unbounded_send(event);
    }

    pub(crate) fn answer(&self) -> Option<String> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for FakeTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FakeTransport({})", self.number)
    }
}

#[async_trait]
impl MediaTransport for FakeTransport {
    async fn offer(&self) -> Result<String, TransportError> {
        Ok(format!("offer {}", self.number))
    }

    async fn apply_answer(&self, answer: String) -> Result<(), TransportError> {
        if answer == BAD_ANSWER {
            return Err(TransportError::Answer(answer));
        }
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }

    async fn stats(&self) -> TransportStats {
        TransportStats {
            round_trip_time: Some(std::time::Duration::from_millis(30)),
            red: true,
            ..Default::default()
        }
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}
