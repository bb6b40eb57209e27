//! One datagram out of a socket, with what the kernel knows of it.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

use crate::payload::wall_ns;

/// Asked of the kernel for each socket: what a silent listener gets in some seconds.
const RECEIVE_BUFFER: usize = 512 * 1024;
/// Longer datagrams are cut, and then fail their checks.
const DATAGRAM_BYTES: usize = 2048;

/// Opens a client's socket.
pub(super) fn open(bind: Ipv4Addr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((bind, 0))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    // The kernel gives what its limits allow; less is no error.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    Ok(socket)
}

/// What the kernel knows of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) length: usize,
    pub(super) from: SocketAddrV4,
    /// Nanoseconds since 1970.
    pub(super) at_ns: u64,
    /// How many the socket had no room for since it was opened, if any.
    pub(super) dropped: Option<u32>,
}

/// Buffers for reading, made once.
pub(super) struct Reader {
    pub(super) buffer: Vec<u8>,
    control: Vec<u8>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; DATAGRAM_BYTES],
            control: cmsg_space!(TimeSpec, u32),
        }
    }

    /// Reads one datagram into `buffer`; `None`: there is none.
    pub(super) fn read(&mut self, socket: &UdpSocket) -> Option<Arrival> {
        let mut slices = [IoSliceMut::new(&mut self.buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut slices, Some(&mut self.control), flags).ok()?;
        let mut arrival = Arrival {
            length: message.bytes,
            from: message.address.map(Into::into)?,
            at_ns: 0,
            dropped: None,
        };
        for control in message.cmsgs().into_iter().flatten() {
            match control {
                ControlMessageOwned::ScmTimestampns(at) => {
                    let whole = u64::try_from(at.tv_sec()).unwrap_or_default() * 1_000_000_000;
                    arrival.at_ns = whole + u64::try_from(at.tv_nsec()).unwrap_or_default();
                }
                ControlMessageOwned::RxqOvfl(dropped) => arrival.dropped = Some(dropped),
                _ => {}
            }
        }
        if arrival.at_ns == 0 {
            arrival.at_ns = wall_ns();
        }
        Some(arrival)
    }
}
