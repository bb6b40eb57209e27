//! Whether an address is still this machine's: what every socket asks that is to survive a change of network.

use std::{
    io::ErrorKind,
    net::{IpAddr, UdpSocket},
};

/// Whether this machine has the address `ip` now. Costs two system calls and sends nothing: only what the machine has can be
/// bound. Where that cannot be told (no descriptors left), it counts as there.
///
/// ```
/// use express_messages::local_address::is_local;
///
/// assert!(is_local([127, 0, 0, 1].into()));
/// // RFC 5737: an address for documentation, which no machine has.
/// assert!(!is_local([198, 51, 100, 1].into()));
/// ```
pub fn is_local(ip: IpAddr) -> bool {
    let bound = UdpSocket::bind((ip, 0));
    !matches!(bound, Err(error) if error.kind() == ErrorKind::AddrNotAvailable)
}
