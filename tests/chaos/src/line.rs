//! The lines between clients and the server, and the sockets over them: TCP as it behaves when its network does not.

use std::collections::VecDeque;
use std::time::Duration;

use express_server::rooms::{CloseReason, ConnectionId, SocketEnd};
use express_signalling::protocol::ClientFrame;
use express_signalling::room::LinkError;

use crate::agenda::Due;
use crate::trace::cut;
use crate::world::World;

/// One client's way to the server.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) delay: Duration,
    /// Nothing gets through; TCP holds it until the line is mended.
    pub(crate) cut: bool,
    /// Media alone does not get through.
    pub(crate) no_media: bool,
    /// The fault that holds the line now; an older one does not mend it.
    pub(crate) fault: u64,
    /// Since when it was whole.
    pub(crate) whole_since: Duration,
}

/// What a client's end sends.
#[derive(Debug)]
pub(crate) enum Up {
    Dial,
    Text(String),
    Ping,
    Pong,
    Close,
    Reset,
}

/// What the server's end sends.
#[derive(Debug)]
pub(crate) enum Down {
    Opened,
    Text(String),
    Ping,
    Pong,
    Close(CloseReason),
    Refused,
    Reset,
}

/// One socket, with what is under way on it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) client: usize,
    /// Which server it leads to.
    pub(crate) node: usize,
    /// Which life of the client it belongs to.
    pub(crate) life: u32,
    /// Which room part, and which link of it.
    pub(crate) room: u64,
    pub(crate) link: u64,
    pub(crate) client_open: bool,
    /// The server's end, while it is open.
    pub(crate) connection: Option<ConnectionId>,
    /// The server closed it and waits for the client to do so.
    pub(crate) closing: bool,
    /// Half-open: everything is lost, and neither end hears of it.
    pub(crate) black: bool,
    /// When the server heard it last.
    pub(crate) seen: Duration,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    held_up: usize,
    held_down: usize,
    last_up: Duration,
    last_down: Duration,
}

impl Socket {
    fn is_over(&self) -> bool {
        !self.client_open && self.connection.is_none() && self.up.is_empty() && self.down.is_empty()
    }
}

impl World {
    /// A client dials the server at `url`.
    pub(crate) fn dial(&mut self, client: usize, room: u64, link: u64, url: &str) -> u64 {
        let number = self.number();
        let socket = Socket {
            client,
            node: self.node_at(url),
            life: self.clients[client].life,
            room,
            link,
            client_open: true,
            connection: None,
            closing: false,
            black: false,
            seen: self.now,
            up: VecDeque::new(),
            down: VecDeque::new(),
            held_up: 0,
            held_down: 0,
            last_up: self.now,
            last_down: self.now,
        };
        self.sockets.insert(number, socket);
        self.send_up(number, Up::Dial);
        number
    }

    pub(crate) fn send_up(&mut self, number: u64, frame: Up) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let at = (self.now + self.lines[socket.client].delay).max(socket.last_up);
        socket.last_up = at;
        socket.up.push_back(frame);
        self.agenda.note(at, Due::Up(number));
    }

    pub(crate) fn send_down(&mut self, number: u64, frame: Down) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let at = (self.now + self.lines[socket.client].delay).max(socket.last_down);
        socket.last_down = at;
        socket.down.push_back(frame);
        self.agenda.note(at, Due::Down(number));
    }

    /// Frames that wait for a reader.
    pub(crate) fn waiting_down(&self, number: u64) -> usize {
        self.sockets.get(&number).map_or(0, |socket| socket.down.len())
    }

    pub(crate) fn arrive_up(&mut self, number: u64) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        if self.lines[socket.client].cut && !socket.black {
            socket.held_up += 1;
            return;
        }
        let Some(frame) = socket.up.pop_front() else { return };
        if socket.black {
            return;
        }
        match (frame, socket.connection) {
            (Up::Dial, _) => self.accept(number),
            (Up::Close | Up::Reset, Some(_)) => self.server_end(number, SocketEnd::Closed),
            (Up::Close | Up::Reset, None) => {}
            // Whoever writes to a socket that is gone hears so.
            (_, None) => self.send_down(number, Down::Reset),
            (frame, Some(connection)) => {
                socket.seen = self.now;
                let node = socket.node;
                match frame {
                    Up::Text(_) if socket.closing => {}
                    Up::Text(text) => self.serve(node, connection, &text),
                    Up::Ping => self.send_down(number, Down::Pong),
                    _ => {}
                }
            }
        }
    }

    fn serve(&mut self, node: usize, connection: ConnectionId, text: &str) {
        let frame = ClientFrame::parse(text);
        let label = &self.servers[node].label;
        self.trace.note(self.now, || match &frame {
            Ok(frame) => format!("{label} <- {connection:?} {}", brief(text, frame.id)),
            Err(error) => format!("{label} <- {connection:?} unreadable: {error}"),
        });
        match frame {
            Ok(frame) => {
                self.note_request(connection, &frame);
                self.on_server(node, |state, now| state.on_request(now, connection, frame.id, frame.request));
            }
            Err(error) => self.fail("protocol", format!("a client sent what no server can read: {error}: {text}")),
        }
    }

    pub(crate) fn arrive_down(&mut self, number: u64) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let client = &self.clients[socket.client];
        if (self.lines[socket.client].cut || client.asleep) && !socket.black {
            socket.held_down += 1;
            return;
        }
        let Some(frame) = socket.down.pop_front() else { return };
        let alive = client.running && client.life == socket.life;
        if socket.black || !socket.client_open || !alive {
            return;
        }
        let (client, room, link) = (socket.client, socket.room, socket.link);
        let closed = match frame {
            Down::Opened => return self.on_room(client, room, |room, _| room.on_opened(link)),
            Down::Text(text) => {
                self.trace.note(self.now, || format!("c{client} <- {}", cut(&text)));
                return self.on_room(client, room, |room, now| room.on_text(now, link, &text));
            }
            Down::Pong => return self.on_room(client, room, |room, now| room.on_alive(now, link)),
            Down::Ping => {
                self.send_up(number, Up::Pong);
                return self.on_room(client, room, |room, now| room.on_alive(now, link));
            }
            Down::Close(reason) => {
                self.send_up(number, Up::Close);
                LinkError::Closed {
                    code: reason.code,
                    reason: reason.text.into(),
                }
            }
            Down::Refused => LinkError::Connect {
                server: "chaos".into(),
                why: "connection refused".into(),
            },
            Down::Reset => LinkError::Broken("connection reset".into()),
        };
        self.client_end(number);
        self.on_room(client, room, |room, now| room.on_closed(now, link, &closed));
    }

    /// The client's end is closed, and hears nothing any more.
    pub(crate) fn client_end(&mut self, number: u64) {
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.client_open = false;
        }
    }

    /// What was held by a line that was cut, or by a client that slept, goes on.
    pub(crate) fn release(&mut self, client: usize) {
        for (number, socket) in self.sockets.iter_mut().filter(|(_, socket)| socket.client == client) {
            let at = self.now + self.lines[client].delay;
            for _ in 0..std::mem::take(&mut socket.held_up) {
                self.agenda.note(at.max(socket.last_up), Due::Up(*number));
            }
            for _ in 0..std::mem::take(&mut socket.held_down) {
                self.agenda.note(at.max(socket.last_down), Due::Down(*number));
            }
        }
    }

    /// Both ends hear that the socket is gone, if the line is there.
    pub(crate) fn reset(&mut self, number: u64) {
        self.send_up(number, Up::Reset);
        self.send_down(number, Down::Reset);
    }

    /// Sockets of a client's life of now whose client end is open.
    pub(crate) fn sockets_of(&self, client: usize) -> Vec<u64> {
        let life = self.clients[client].life;
        let theirs = |socket: &&Socket| socket.client == client && socket.life == life && socket.client_open;
        self.sockets
            .iter()
            .filter(|(_, socket)| theirs(socket))
            .map(|(number, _)| *number)
            .collect()
    }

    pub(crate) fn forget_sockets(&mut self) {
        self.sockets.retain(|_, socket| !socket.is_over());
    }
}

fn brief(text: &str, id: u64) -> String {
    format!("#{id} {}", cut(text))
}
