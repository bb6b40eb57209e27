//! The way of one client's signalling: a TCP connection through this process, so that it can be harmed without root.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use express_signalling::room::{Connector, Link, WebSocketConnector};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
};

/// The connector connects at once; one that does not is gone.
const ACCEPT: Duration = Duration::from_secs(10);
/// Signalling is a few frames a minute.
const BUFFER: usize = 4096;

/// What a line does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// Both ways.
    All,
    /// Only up: nobody reads what the server sends, so that TCP fills up.
    Up,
    /// Nothing, and nobody is told: half-open.
    Nothing,
    /// It is reset (RST), both ends.
    Reset,
}

/// Makes the lines of one client; a fault meets the line that is open, the next one is whole.
pub(super) struct Lines {
    sockets: WebSocketConnector,
    runtime: Handle,
    server: SocketAddr,
    current: Mutex<Option<watch::Sender<Carries>>>,
}

impl Lines {
    pub(super) fn new(runtime: &Handle, server: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            sockets: WebSocketConnector::new(runtime.clone()),
            runtime: runtime.clone(),
            server,
            current: Mutex::default(),
        })
    }

    /// Harms the line that is open now.
    pub(super) fn set(&self, carries: Carries) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = &*current {
            current.send_replace(carries);
        }
    }

    fn open(&self) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let near = listener.local_addr()?;
        let _in_runtime = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let (sender, carries) = watch::channel(Carries::All);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.runtime.spawn(carry(listener, self.server, carries));
        Ok(near)
    }
}

impl Connector for Lines {
    fn connect(&self, url: &str) -> Link {
        let near = self.open().expect("loopback has a free port");
        self.sockets
            .connect(&url.replacen(&self.server.to_string(), &near.to_string(), 1))
    }
}

/// One line until either end closes it. What goes wrong with it is what the ends see.
async fn carry(listener: TcpListener, server: SocketAddr, carries: watch::Receiver<Carries>) {
    let Ok(Ok((near, _))) = tokio::time::timeout(ACCEPT, listener.accept()).await else {
        return;
    };
    if let Ok(far) = TcpStream::connect(server).await {
        let _ = copy(near, far, carries).await;
    }
}

async fn copy(mut near: TcpStream, mut far: TcpStream, mut carries: watch::Receiver<Carries>) -> io::Result<()> {
    let (mut up, mut down) = ([0; BUFFER], [0; BUFFER]);
    loop {
        let now = *carries.borrow_and_update();
        if now == Carries::Reset {
            near.set_zero_linger()?;
            return far.set_zero_linger();
        }
        tokio::select! {
            // What was said before a byte came counts for the byte.
            biased;
            // Whose client has another line, or is gone, is over when it carried nothing, else when an end says so.
            changed = carries.changed(), if carries.has_changed().is_ok() || now != Carries::All => {
                if changed.is_err() {
                    return Ok(());
                }
            }
            count = near.read(&mut up), if now != Carries::Nothing => match count? {
                0 => return Ok(()),
                count => far.write_all(&up[..count]).await?,
            },
            count = far.read(&mut down), if now == Carries::All => match count? {
                0 => return Ok(()),
                count => near.write_all(&down[..count]).await?,
            },
        }
    }
}
