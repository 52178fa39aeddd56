use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections that are open, by where they come from: whoever has no key may open so many and no more, and others find
/// room.
pub(super) struct Addresses {
    most: u32,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// One of them, until it is dropped.
pub(super) struct Open {
    all: Arc<Addresses>,
    from: IpAddr,
}

impl Addresses {
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, where that is not too many.
    pub(super) fn one_more(self: &Arc<Self>, address: IpAddr) -> Option<Open> {
        let from = source(address);
        let mut open = self.open();
        let own = open.entry(from).or_default();
        if *own >= self.most {
            return None;
        }
        *own += 1;
        drop(open);
        Some(Open { all: Arc::clone(self), from })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.all.open();
        if let Some(own) = open.get_mut(&self.from) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.from);
            }
        }
    }
}

/// Whoever has an address of IPv6 has the whole network of 64 bits that it is in.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_so_many_and_gives_them_back() {
        let all = Addresses::new(2);
        let from = |text: &str| all.one_more(text.parse().unwrap());
        let held = [from("10.0.0.1").unwrap(), from("::ffff:10.0.0.1").unwrap()];
        assert!(from("10.0.0.1").is_none());
        let others = [from("10.0.0.2").unwrap(), from("2001:db8::1").unwrap(), from("2001:db8::2").unwrap()];
        assert!(from("2001:db8::ffff:3").is_none(), "one network is one source");
        assert!(from("2001:db8:0:1::3").is_some());
        drop(held);
        assert!(from("10.0.0.1").is_some());
        drop(others);
        assert!(all.open().is_empty(), "nothing is kept of those who are not here");
    }
}
