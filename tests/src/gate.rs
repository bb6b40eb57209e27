//! A way over TCP that can be cut without a word, as a network does: what is sent meanwhile waits.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Read at a time.
const CHUNK: usize = 16 * 1024;

/// Takes connections at a port of its own and hands them on to another; ends with the test's process.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    is_cut: Mutex<bool>,
    mended: Condvar,
    /// The gate was dropped.
    is_over: AtomicBool,
}

impl Way {
    fn wait_until_open(&self) {
        let is_cut = self.is_cut.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.mended.wait_while(is_cut, |is_cut| *is_cut);
        drop(open.unwrap_or_else(PoisonError::into_inner));
    }

    fn set(&self, cut: bool) {
        *self.is_cut.lock().unwrap_or_else(PoisonError::into_inner) = cut;
        self.mended.notify_all();
    }
}

impl Gate {
    /// A way from loopback to `to` (`host:port`).
    pub fn to(to: &str) -> Self {
        Self::between("127.0.0.1", to)
    }

    /// A way from `address`, which is this machine's, to `to` (`host:port`).
    ///
    /// # Panics
    /// Where the address has no port left.
    pub fn between(address: &str, to: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("the address has a free port");
        let address = listener.local_addr().expect("it is bound");
        let way = Arc::<Way>::default();
        let (to, shared) = (to.to_owned(), Arc::clone(&way));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (to, way) = (to.clone(), Arc::clone(&shared));
                std::thread::spawn(move || hand_on(&client, &to, &way));
            }
        });
        Self { address, way }
    }

    /// Where the way begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing passes; connections stay.
    pub fn cut(&self) {
        self.way.set(true);
    }

    /// Everything passes again, and what waited does.
    pub fn mend(&self) {
        self.way.set(false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.way.is_over.store(true, Ordering::Relaxed);
        self.mend();
        // Wakes who waits for connections.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn hand_on(client: &TcpStream, to: &str, way: &Arc<Way>) {
    way.wait_until_open();
    let Ok(server) = TcpStream::connect(to) else {
        return;
    };
    let ends = (client.try_clone(), server.try_clone());
    if let (Ok(from), Ok(into)) = ends {
        let back = Arc::clone(way);
        std::thread::spawn(move || copy(into, from, &back));
    }
    if let (Ok(from), Ok(into)) = (client.try_clone(), server.try_clone()) {
        copy(from, into, way);
    }
}

fn copy(mut from: TcpStream, mut into: TcpStream, way: &Way) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).unwrap_or(0);
        way.wait_until_open();
        if read == 0 || into.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
}
