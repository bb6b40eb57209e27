//! One open WebSocket: a reader and a writer, between the client and the rooms.
//!
//! The reader waits until a frame is dealt with before it takes the next one, so a client cannot flood the rooms. The
//! writer never waits for the rooms, nor the rooms for it: what cannot be written in time ends the socket.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::web::Bytes;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, Closed, ProtocolError, Session};
use express_signalling::protocol::{ClientFrame, FrameError, MAX_CLIENT_FRAME, close};
use futures::FutureExt;
use futures::future::{Either, Fuse, select};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Shared;
use super::signal::count;
use crate::rooms::{BadFrame, CloseReason, Connect, ConnectionId, ConnectionLink, Disconnected, Incoming, Outgoing, SocketEnd};

/// Pings of a client that wait for an answer; the rest is not answered.
const PONGS: usize = 4;
/// How long the reader waits for the client to close, too, once the writer has ended. From a client that vanished nothing comes.
const LINGER: Duration = Duration::from_secs(2);
/// Characters of a client's frame that an error may quote.
const MAX_PROBLEM: usize = 300;

/// Serves a socket to its end.
pub(super) async fn serve(shared: &Shared, from: IpAddr, session: Session, messages: AggregatedMessageStream) {
    let (outgoing, queue) = mpsc::channel(shared.config.limits.outgoing_queue);
    let (kill, killed) = oneshot::channel();
    let (pongs, pings) = mpsc::channel(PONGS);
    let link = ConnectionLink {
        outgoing: outgoing.clone(),
        kill,
        from: Some(from),
    };
    let Ok(connection) = shared.rooms.send(Connect(link)).await else {
        let _ = session.close(Some(actix_ws::CloseCode::Error.into())).await;
        return;
    };
    let shows = Rc::new(SignsOfLife::new());
    let writer = Writer {
        session,
        queue,
        killed: killed.fuse(),
        pings,
        shows: Rc::clone(&shows),
        ping_every: Duration::from_secs(shared.config.timings.ping_s),
        patience: Duration::from_secs(shared.config.timings.pong_timeout_s),
    };
    let mut writer = actix_web::rt::spawn(writer.run());
    let reader = Reader {
        shared,
        connection,
        outgoing,
        pongs,
        shows: &shows,
    };
    let reading = std::pin::pin!(reader.run(messages));
    let end = match select(reading, &mut writer).await {
        Either::Left((end, _)) => end,
        Either::Right((_, reading)) => timeout(LINGER, reading).await.unwrap_or(SocketEnd::Lost),
    };
    if shows.dead.get() {
        count(&shared.counters.dead_sockets);
    }
    let end = if shows.ended_by_us.get() { SocketEnd::Lost } else { end };
    // The rooms let go of their end of the queue, which ends the writer.
    let _ = shared.rooms.send(Disconnected { connection, end }).await;
    if !writer.is_finished() {
        let _ = writer.await;
    }
}

/// What reader and writer tell each other; they run on one thread.
struct SignsOfLife {
    last_seen: Cell<Instant>,
    ended_by_us: Cell<bool>,
    dead: Cell<bool>,
}

impl SignsOfLife {
    fn new() -> Self {
        Self {
            last_seen: Cell::new(Instant::now()),
            ended_by_us: Cell::new(false),
            dead: Cell::new(false),
        }
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    connection: ConnectionId,
    outgoing: mpsc::Sender<Outgoing>,
    pongs: mpsc::Sender<Bytes>,
    shows: &'a SignsOfLife,
}

impl Reader<'_> {
    async fn run(self, mut messages: AggregatedMessageStream) -> SocketEnd {
        while let Some(message) = messages.recv().await {
            self.shows.last_seen.set(Instant::now());
            match message {
                Ok(AggregatedMessage::Text(text)) if text.len() > MAX_CLIENT_FRAME => {
                    return self.refuse(CloseReason::too_large());
                }
                Ok(AggregatedMessage::Text(text)) => {
                    if self.shows.ended_by_us.get() || !self.deliver(&text).await {
                        return SocketEnd::Closed;
                    }
                }
                Ok(AggregatedMessage::Ping(payload)) => {
                    let _ = self.pongs.try_send(payload);
                }
                Ok(AggregatedMessage::Pong(_)) => {}
                Ok(AggregatedMessage::Close(reason)) => {
                    self.close(CloseReason::normal(""));
                    let page_left =
                        reason.is_some_and(|reason| matches!(u16::from(reason.code), close::PAGE_CLOSED | close::PAGE_LEFT));
                    return if page_left { SocketEnd::PageLeft } else { SocketEnd::Closed };
                }
                Ok(AggregatedMessage::Binary(_)) => return self.refuse(CloseReason::unsupported()),
                Err(error) => return self.refuse(unreadable(&error)),
            }
        }
        SocketEnd::Closed
    }

    /// `false` when there are no rooms any more.
    async fn deliver(&self, text: &str) -> bool {
        let frame = ClientFrame::parse(text)
            .map(|frame| (frame.id, frame.request))
            .map_err(bad_frame);
        let connection = self.connection;
        self.shared.rooms.send(Incoming { connection, frame }).await.is_ok()
    }

    fn refuse(&self, reason: CloseReason) -> SocketEnd {
        count(&self.shared.counters.bad_frames);
        tracing::debug!(
            connection = self.connection.0,
            code = reason.code,
            reason.text,
            "socket closed for a bad frame"
        );
        self.close(reason);
        SocketEnd::Closed
    }

    fn close(&self, reason: CloseReason) {
        // A full queue belongs to a socket that the rooms are about to close anyway.
        let _ = self.outgoing.try_send(Outgoing::Close(reason));
    }
}

struct Writer {
    session: Session,
    queue: mpsc::Receiver<Outgoing>,
    /// Resolves once at most; that the rooms forgot the socket does not count, for what they sent before must be written.
    killed: Fuse<oneshot::Receiver<CloseReason>>,
    pings: mpsc::Receiver<Bytes>,
    shows: Rc<SignsOfLife>,
    ping_every: Duration,
    patience: Duration,
}

impl Writer {
    async fn run(mut self) {
        let mut tick = interval_at(Instant::now() + self.ping_every, self.ping_every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.step(&mut tick).await.is_ok() {}
        self.shows.ended_by_us.set(true);
    }

    /// Writes one thing.
    async fn step(&mut self, tick: &mut tokio::time::Interval) -> Result<(), Closed> {
        tokio::select! {
            biased;
            Ok(reason) = &mut self.killed => {
                // The client has stopped reading, so this may not get through.
                let _ = timeout(Duration::from_millis(100), self.session.clone().close(Some(frame(&reason)))).await;
                Err(Closed)
            }
            outgoing = self.queue.recv() => match outgoing {
                Some(Outgoing::Text(text)) => self.write(Outgoing::Text(text)).await,
                Some(close) => self.write(close).await.and(Err(Closed)),
                None => Err(Closed),
            },
            Some(payload) = self.pings.recv() => {
                let patience = self.patience;
                timeout(patience, self.session.pong(&payload)).await.map_err(|_| Closed)?
            }
            _ = tick.tick() => self.ping().await,
        }
    }

    /// Writes, unless the socket is killed or takes nothing for too long.
    async fn write(&mut self, outgoing: Outgoing) -> Result<(), Closed> {
        let mut session = self.session.clone();
        let patience = self.patience;
        let writing = async move {
            match outgoing {
                Outgoing::Text(text) => session.text(text).await,
                Outgoing::Close(reason) => session.close(Some(frame(&reason))).await,
            }
        };
        tokio::select! {
            written = timeout(patience, writing) => written.map_err(|_| Closed)?,
            Ok(_) = &mut self.killed => Err(Closed),
        }
    }

    async fn ping(&mut self) -> Result<(), Closed> {
        let silent_for = Instant::now().saturating_duration_since(self.shows.last_seen.get());
        if silent_for >= self.patience {
            self.shows.dead.set(true);
            return Err(Closed);
        }
        timeout(self.patience, self.session.ping(b"")).await.map_err(|_| Closed)?
    }
}

fn bad_frame(error: FrameError) -> BadFrame {
    let problem = error.to_string().chars().take(MAX_PROBLEM).collect();
    let id = match error {
        FrameError::Request { id, .. } => Some(id),
        _ => None,
    };
    BadFrame { id, problem }
}

fn unreadable(error: &ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => CloseReason::too_large(),
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => CloseReason::unreadable(),
        // What the WebSocket library says of fragments that are too large together.
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::Other => CloseReason::too_large(),
        _ => CloseReason::protocol(),
    }
}

fn frame(reason: &CloseReason) -> actix_ws::CloseReason {
    actix_ws::CloseReason {
        code: reason.code.into(),
        description: Some(reason.text.to_owned()),
    }
}
