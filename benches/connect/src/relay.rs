//! A long way: a relay of UDP that delays and loses.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    net::UdpSocket,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Largest datagram.
const MTU: usize = 1_500;

/// What a way does to each datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// How long it takes, each way.
    pub(crate) delay: Duration,
    /// How probably it is lost, each way, 0..=1.
    pub(crate) loss: f64,
}

/// One relay before a server; it ends when it is dropped.
pub(crate) struct Relay {
    /// Where clients send to.
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Carries datagrams over a way; both directions share the dice.
#[derive(Clone)]
struct Carrier {
    way: Way,
    dice: Arc<Mutex<StdRng>>,
}

impl Carrier {
    /// Sends `datagram` after its delay, unless it is lost.
    fn carry(&self, datagram: &[u8], from: &Arc<UdpSocket>, to: SocketAddr) {
        let roll: f64 = self.dice.lock().unwrap_or_else(PoisonError::into_inner).random();
        if roll < self.way.loss {
            return;
        }
        let (due, datagram, from) = (Instant::now() + self.way.delay, datagram.to_vec(), Arc::clone(from));
        tokio::spawn(async move {
            sleep_until(due).await;
            // A client that is gone needs nothing any more.
            let _ = from.send_to(&datagram, to).await;
        });
    }
}

impl Relay {
    /// A relay on loopback to `server`; equal seeds lose alike.
    pub(crate) async fn start(server: SocketAddr, way: Way, seed: u64) -> io::Result<Self> {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let carrier = Carrier {
            way,
            dice: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
        };
        let address = front.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(forth(front, server, carrier));
        Ok(Self { address, _tasks: tasks })
    }
}

/// From clients to the server, each client by a socket of its own.
async fn forth(front: Arc<UdpSocket>, server: SocketAddr, carrier: Carrier) {
    let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut returning = JoinSet::new();
    let mut buffer = [0; MTU];
    while let Ok((length, client)) = front.recv_from(&mut buffer).await {
        let back = match clients.get(&client) {
            Some(back) => Arc::clone(back),
            None => {
                let Ok(back) = UdpSocket::bind("127.0.0.1:0").await.map(Arc::new) else {
                    return;
                };
                returning.spawn(back_to(client, Arc::clone(&front), Arc::clone(&back), carrier.clone()));
                clients.insert(client, Arc::clone(&back));
                back
            }
        };
        carrier.carry(&buffer[..length], &back, server);
    }
}

/// From the server to one client.
async fn back_to(client: SocketAddr, front: Arc<UdpSocket>, back: Arc<UdpSocket>, carrier: Carrier) {
    let mut buffer = [0; MTU];
    while let Ok((length, _)) = back.recv_from(&mut buffer).await {
        carrier.carry(&buffer[..length], &front, client);
    }
}
