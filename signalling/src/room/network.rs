//! The networks of this machine: by a new one a server may be reached that was not.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use futures::{Stream, stream};
use if_addrs::{IfOperStatus, Interface};
use tracing::debug;

/// So often it is looked for another network, and only while a server is being looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The networks that this machine has: an address on a link that has a carrier.
#[derive(Debug, Default)]
struct Networks(BTreeSet<(String, IpAddr)>);

impl Networks {
    /// Those of `interfaces` that a server could be reached by.
    fn of(interfaces: impl IntoIterator<Item = Interface>) -> Self {
        let usable = |interface: &Interface| {
            interface.oper_status == IfOperStatus::Up && !interface.is_loopback() && !interface.is_link_local()
        };
        let usable = interfaces.into_iter().filter(usable);
        Self(
            usable
                .map(|interface| (interface.ip(), interface.name))
                .map(|(ip, name)| (name, ip))
                .collect(),
        )
    }

    /// What the system says; none where it cannot be asked.
    fn now() -> Option<Self> {
        match if_addrs::get_if_addrs() {
            Ok(interfaces) => Some(Self::of(interfaces)),
            Err(error) => {
                debug!(%error, "the network interfaces cannot be listed");
                None
            }
        }
    }

    /// Becomes `others`; whether one of them was not there before.
    fn become_these(&mut self, others: Self) -> bool {
        let is_new = !others.0.is_subset(&self.0);
        *self = others;
        is_new
    }
}

/// An item for each look that finds a network which the look before did not.
pub(super) fn appearing() -> impl Stream<Item = ()> {
    stream::unfold(None, |known: Option<Networks>| async move {
        let mut known = known.or_else(Networks::now);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(found) = Networks::now() else { continue };
            // Without a look before, all of them count as known.
            if known.get_or_insert_default().become_these(found) {
                return Some(((), known));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use if_addrs::{IfAddr, Ifv4Addr};

    use super::*;

    fn interface(name: &str, ip: [u8; 4], oper_status: IfOperStatus) -> Interface {
        let addr = Ifv4Addr {
            ip: ip.into(),
            netmask: Ipv4Addr::BROADCAST,
            prefixlen: 32,
            broadcast: None,
        };
        Interface {
            name: name.into(),
            addr: IfAddr::V4(addr),
            index: None,
            oper_status,
            is_p2p: false,
        }
    }

    #[test]
    fn a_network_is_new_by_its_address_its_link_and_its_carrier() {
        use IfOperStatus::{Down, Up};
        let none: &[Interface] = &[];
        let looks: [(&[Interface], bool); 8] = [
            (&[interface("eth", [10, 0, 0, 1], Up)], true),
            (&[interface("eth", [10, 0, 0, 1], Up)], false),
            (&[interface("eth", [10, 0, 0, 1], Down)], false),
            (&[interface("eth", [10, 0, 0, 1], Up)], true),
            (&[interface("eth", [10, 0, 0, 2], Up)], true),
            (
                &[interface("eth", [10, 0, 0, 2], Up), interface("wlan", [10, 0, 0, 3], Up)],
                true,
            ),
            (
                &[interface("wlan", [10, 0, 0, 3], Up), interface("lo", [127, 0, 0, 1], Up)],
                false,
            ),
            (none, false),
        ];
        let mut known = Networks::default();
        for (n, (interfaces, is_new)) in looks.into_iter().enumerate() {
            assert_eq!(
                known.become_these(Networks::of(interfaces.iter().cloned())),
                is_new,
                "look {n}"
            );
        }
    }

    #[test]
    fn addresses_that_reach_no_server_are_no_networks() {
        let useless = [[127, 0, 0, 1], [169, 254, 1, 1]].map(|ip| interface("x", ip, IfOperStatus::Up));
        assert!(Networks::of(useless).0.is_empty());
    }
}
