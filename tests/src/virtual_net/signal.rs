//! Signalling sockets of the virtual network.

use actix::Addr;
use express_server::rooms::{
    BadFrame, Connect, ConnectionId, ConnectionLink, Disconnected, Incoming as Request, Outgoing as Reply, RoomsActor, SocketEnd,
};
use express_signalling::{
    protocol::{ClientFrame, close},
    room::{Connector, Incoming, Link, LinkEnd, LinkError, Outgoing},
};
use tokio::sync::{mpsc, oneshot};

use super::{Line, VirtualNet};

/// As in the embedded configuration.
const OUTGOING_QUEUE: usize = 1_024;

/// Opens sockets of one line.
#[derive(Debug)]
pub struct LineConnector {
    net: VirtualNet,
    line: Line,
}

impl LineConnector {
    pub(super) fn new(net: VirtualNet, line: Line) -> Self {
        Self { net, line }
    }
}

impl Connector for LineConnector {
    fn connect(&self, url: &str) -> Link {
        let (link, end) = Link::pair();
        let socket = Socket {
            net: self.net.clone(),
            line: self.line.clone(),
            end,
        };
        let url = url.to_owned();
        actix::spawn(async move { socket.serve(url).await });
        link
    }
}

/// Why a socket ends.
enum End {
    /// The client hung up.
    ByClient,
    /// The server closed it.
    ByServer(u16, String),
    /// The line is away.
    Cut,
}

struct Socket {
    net: VirtualNet,
    line: Line,
    end: LinkEnd,
}

impl Socket {
    async fn serve(mut self, url: String) {
        self.net.travel().await;
        let Some(rooms) = self.net.rooms().filter(|_| self.line.has_signalling()) else {
            let why = "the line is cut".into();
            return self.bring(Incoming::Closed(LinkError::Connect { server: url, why })).await;
        };
        let (outgoing, mut replies) = mpsc::channel(OUTGOING_QUEUE);
        let (kill, killed) = oneshot::channel();
        let link = ConnectionLink {
            outgoing,
            kill,
            from: None,
        };
        let Ok(connection) = rooms.send(Connect(link)).await else {
            return;
        };
        self.bring(Incoming::Opened).await;
        let end = self.carry(&rooms, connection, &mut replies, killed).await;
        let socket_end = match end {
            End::ByClient => SocketEnd::Closed,
            End::ByServer(..) | End::Cut => SocketEnd::Lost,
        };
        match end {
            End::ByClient => {}
            End::ByServer(code, reason) => self.bring(Incoming::Closed(LinkError::Closed { code, reason })).await,
            End::Cut => {
                self.bring(Incoming::Closed(LinkError::Broken("the line is cut".into())))
                    .await
            }
        }
        let _server_gone = rooms
            .send(Disconnected {
                connection,
                end: socket_end,
            })
            .await;
    }

    /// Carries frames both ways until the socket ends.
    async fn carry(
        &mut self,
        rooms: &Addr<RoomsActor>,
        connection: ConnectionId,
        replies: &mut mpsc::Receiver<Reply>,
        mut killed: oneshot::Receiver<express_server::rooms::CloseReason>,
    ) -> End {
        let mut line = self.line.0.signalling.subscribe();
        loop {
            tokio::select! {
                biased;
                // The line outlives its sockets, so this cannot fail.
                _ = line.wait_for(|up| !up) => return End::Cut,
                reason = &mut killed => {
                    let code = reason.map_or(close::NORMAL, |reason| reason.code);
                    return End::ByServer(code, String::new());
                }
                frame = self.end.outgoing.recv() => match frame {
                    None => return End::ByClient,
                    Some(Outgoing::Ping) => self.bring(Incoming::Alive).await,
                    Some(Outgoing::Text(text)) => {
                        self.net.travel().await;
                        let frame = ClientFrame::parse(&text).map(|frame| (frame.id, frame.request));
                        let frame = frame.map_err(|error| BadFrame { id: None, problem: error.to_string() });
                        let _server_gone = rooms.send(Request { connection, frame }).await;
                    }
                },
                reply = replies.recv() => match reply {
                    Some(Reply::Text(text)) => {
                        self.net.travel().await;
                        self.bring(Incoming::Text(text)).await;
                    }
                    Some(Reply::Close(reason)) => return End::ByServer(reason.code, reason.text.into()),
                    None => return End::ByServer(close::NORMAL, String::new()),
                },
            }
        }
    }

    /// A client that hung up hears nothing any more.
    async fn bring(&self, what: Incoming) {
        let _hung_up = self.end.incoming.send(what).await;
    }
}
