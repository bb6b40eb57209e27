//! The inbox of a node: bounded, with one reader.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::counters::Counters;
use super::{BusError, BusFuture, INBOX_CAPACITY, MAX_PAYLOAD, check_payload};

/// A message that came.
#[derive(Debug)]
pub struct Incoming {
    /// What was sent, at most [`MAX_PAYLOAD`].
    pub payload: Bytes,
    /// How to reply, where somebody waits for it.
    pub reply: Option<Replier>,
}

/// Replies to one request. Dropped, it lets whoever asked wait until patience is over.
pub struct Replier(SendReply);

/// Brings a reply to where it was asked for.
type SendReply = Box<dyn FnOnce(Bytes) -> BusFuture<'static, ()> + Send>;

impl Replier {
    pub(super) fn new(send: impl FnOnce(Bytes) -> BusFuture<'static, ()> + Send + 'static) -> Self {
        Self(Box::new(send))
    }

    /// Sends the reply. `Ok` says that it is on its way.
    ///
    /// # Errors
    /// [`BusError::TooLarge`] over [`MAX_PAYLOAD`], else as for any operation.
    pub async fn send(self, reply: Bytes) -> Result<(), BusError> {
        check_payload(&reply)?;
        (self.0)(reply).await
    }
}

impl fmt::Debug for Replier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replier(..)")
    }
}

/// Where messages for one node come in.
#[derive(Debug)]
pub(super) struct Inbox {
    reader: Mutex<Option<mpsc::Sender<Incoming>>>,
    counters: Arc<Counters>,
}

impl Inbox {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            reader: Mutex::default(),
            counters,
        }
    }

    /// The reader's end; that of an earlier reader ends.
    pub(super) fn open(&self) -> mpsc::Receiver<Incoming> {
        let (sender, receiver) = mpsc::channel(INBOX_CAPACITY);
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Takes a message in, or drops and counts it.
    pub(super) fn push(&self, message: Incoming) {
        if message.payload.len() > MAX_PAYLOAD {
            Counters::count(&self.counters.refused);
            return;
        }
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = reader.as_ref().is_some_and(|reader| reader.try_send(message).is_ok());
        Counters::count(if taken {
            &self.counters.received
        } else {
            &self.counters.inbox_dropped
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: Vec<u8>) -> Incoming {
        Incoming {
            payload: payload.into(),
            reply: None,
        }
    }

    #[tokio::test]
    async fn what_finds_no_room_or_no_reader_is_dropped_and_counted() {
        let counters = Arc::new(Counters::default());
        let inbox = Inbox::new(Arc::clone(&counters));
        inbox.push(message(vec![0]));
        assert_eq!(counters.read().inbox_dropped, 1, "nobody reads yet");
        let mut receiver = inbox.open();
        for index in 0..=INBOX_CAPACITY {
            inbox.push(message(index.to_be_bytes().to_vec()));
        }
        inbox.push(message(vec![0; MAX_PAYLOAD + 1]));
        let counted = counters.read();
        assert_eq!(
            (counted.received, counted.inbox_dropped, counted.refused),
            (INBOX_CAPACITY as u64, 2, 1)
        );
        for index in 0..INBOX_CAPACITY {
            assert_eq!(receiver.recv().await.unwrap().payload, index.to_be_bytes().to_vec());
        }
        let mut later = inbox.open();
        assert!(receiver.recv().await.is_none(), "the earlier reader ends");
        inbox.push(message(vec![7]));
        assert_eq!(later.recv().await.unwrap().payload, vec![7]);
    }
}
