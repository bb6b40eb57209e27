//! Addresses of this machine: sockets that listen on them, and which of them clients are told.
//!
//! A socket on `[::]` takes both families. The kernel names IPv4 clients of such a socket by mapped addresses
//! (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2); everywhere else here they have their own, so that one client is one
//! client for limits, routes and XOR-MAPPED-ADDRESS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use socket2::{Domain, Socket, Type};

/// Connections that the kernel completes before we take them.
const BACKLOG: i32 = 1024;

/// Opens a UDP socket that never blocks.
///
/// # Errors
/// The system's: no such address, port in use.
pub(crate) fn open_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    Ok(bind(address, Type::DGRAM)?.into())
}

/// Opens a listening TCP socket that never blocks.
///
/// # Errors
/// The system's: no such address, port in use.
pub(crate) fn open_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bind(address, Type::STREAM)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds; `[::]` becomes `0.0.0.0` on a machine that has no IPv6, so that the default starts everywhere.
fn bind(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let bound = bind_exactly(address, kind);
    match bound {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => {
            bind_exactly(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()), kind)
        }
        bound => bound,
    }
}

fn has_no_ipv6(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
}

fn bind_exactly(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        // The system's default is a setting of the machine.
        socket.set_only_v6(false)?;
    }
    if kind == Type::STREAM {
        // A restarted server need not wait for connections of the former one to be forgotten.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A client's address as we call it: an IPv4 one that came mapped is an IPv4 one.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A client's address as a socket of this family must call it; undoes [`canonical`].
pub(crate) fn for_socket(address: SocketAddr, socket_is_ipv6: bool) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) if socket_is_ipv6 => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        _ => address,
    }
}

/// Where clients are told to send: the configured addresses, or the bound one, or those of all interfaces.
///
/// # Errors
/// The list of interfaces was refused by the system.
pub(crate) fn candidates(bound: SocketAddr, public: &[IpAddr]) -> io::Result<Vec<SocketAddr>> {
    let with_port = |ip: IpAddr| SocketAddr::new(ip, bound.port());
    if !public.is_empty() {
        return Ok(public.iter().copied().map(with_port).collect());
    }
    if !bound.ip().is_unspecified() {
        return Ok(vec![bound]);
    }
    let mut found = interface_addresses(bound.is_ipv6())?;
    // Loopback last: it is of use on this machine only.
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    Ok(found.into_iter().map(with_port).collect())
}

/// The addresses of this machine's interfaces that are up.
fn interface_addresses(with_ipv6: bool) -> io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    for interface in getifaddrs()? {
        let Some(address) = interface.address else {
            continue;
        };
        let ip = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            // Link-local addresses need a zone that a candidate cannot name.
            (_, Some(v6)) if with_ipv6 && !v6.ip().is_unicast_link_local() => IpAddr::V6(v6.ip()),
            _ => continue,
        };
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_on_the_ipv6_wildcard_hears_and_answers_both_families() {
        let server = open_udp("[::]:0".parse().unwrap()).unwrap();
        server.set_nonblocking(false).unwrap();
        let port = server.local_addr().unwrap().port();
        for ip in ["127.0.0.1", "::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let client = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
            client.send_to(b"hello", SocketAddr::new(ip, port)).unwrap();
            let mut buffer = [0; 16];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(canonical(from), client.local_addr().unwrap(), "the client's own address");
            server.send_to(&buffer[..length], for_socket(canonical(from), true)).unwrap();
            assert_eq!(client.recv_from(&mut buffer).unwrap(), (5, SocketAddr::new(ip, port)));
        }
    }

    #[test]
    fn the_wildcard_of_ipv6_offers_both_families_and_that_of_ipv4_its_own() {
        let both = candidates("[::]:7".parse().unwrap(), &[]).unwrap();
        assert!(both.contains(&"[::1]:7".parse().unwrap()) && both.contains(&"127.0.0.1:7".parse().unwrap()));
        assert!(both.last().unwrap().ip().is_loopback());
        let ipv4 = candidates("0.0.0.0:7".parse().unwrap(), &[]).unwrap();
        assert!(!ipv4.is_empty() && ipv4.iter().all(SocketAddr::is_ipv4));
    }
}
