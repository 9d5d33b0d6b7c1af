//! The scheme `ip`: a client is its address, an ACL names an address or a network, `addr` or
//! `addr/bits`, IPv4 or IPv6. Java: `IPAuthenticationProvider`.

use std::net::IpAddr;

/// The address as `InetAddress.getHostAddress` prints it: IPv6 in full, without `::`, and an IPv4
/// address that came in through an IPv6 socket as IPv4.
pub(super) fn host_address(addr: IpAddr) -> String {
    match addr.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.segments().map(|s| format!("{s:x}")).join(":"),
    }
}

/// Whether the client at `id` is in the network `expr`.
pub(super) fn matches(id: &str, expr: &str) -> bool {
    let (Some((network, bits)), Some(client)) = (parse_network(expr), Address::parse(id)) else {
        return false;
    };
    network.masked(bits) == client.masked(bits) && network.len() == client.len()
}

/// Whether `expr` is an address or a network.
pub(super) fn is_valid(expr: &str) -> bool {
    parse_network(expr).is_some()
}

fn parse_network(expr: &str) -> Option<(Address, u32)> {
    let (addr, bits) = match expr.split_once('/') {
        Some((addr, bits)) => (addr, Some(bits.parse::<u32>().ok()?)),
        None => (expr, None),
    };
    let addr = Address::parse(addr)?;
    let bits = bits.unwrap_or(addr.len());
    (bits <= addr.len()).then_some((addr, bits))
}

/// An address as a number, IPv4 in the high bits: the two kinds are told apart by length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    V4(u32),
    V6(u128),
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if text.contains(':') { parse_v6(text).map(Self::V6) } else { parse_v4(text).map(Self::V4) }
    }

    /// Its length in bits.
    fn len(self) -> u32 {
        match self {
            Self::V4(_) => 32,
            Self::V6(_) => 128,
        }
    }

    /// Its first `bits` bits, the others 0.
    fn masked(self, bits: u32) -> u128 {
        let high = match self {
            Self::V4(v4) => u128::from(v4) << 96,
            Self::V6(v6) => v6,
        };
        high & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
    }
}

/// Four numbers from 0 to 255, with leading zeros or a sign where one likes, as `Integer.parseInt`.
fn parse_v4(text: &str) -> Option<u32> {
    let mut bytes = [0; 4];
    let mut parts = text.split('.');
    for byte in &mut bytes {
        *byte = u8::try_from(parts.next()?.parse::<i32>().ok()?).ok()?;
    }
    parts.next().is_none().then(|| u32::from_be_bytes(bytes))
}

/// Eight groups of one to four hexadecimal digits, or fewer around one `::`.
fn parse_v6(text: &str) -> Option<u128> {
    let (head, tail) = match text.split_once("::") {
        None => (segments(text)?, Vec::new()),
        Some((_, tail)) if tail.contains("::") => return None,
        Some((head, tail)) => (segments(head)?, segments(tail)?),
    };
    let given = head.len() + tail.len();
    let enough = if text.contains("::") { given < 8 } else { given == 8 };
    if !enough {
        return None;
    }
    let zeros = std::iter::repeat_n(0, 8 - given);
    let all = head.into_iter().chain(zeros).chain(tail);
    Some(all.fold(0, |addr, segment| addr << 16 | u128::from(segment)))
}

fn segments(text: &str) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(':').map(segment).collect()
}

fn segment(text: &str) -> Option<u16> {
    if text.len() > 4 {
        return None;
    }
    // A sign is taken as Java takes it: the low 16 bits of the number count.
    i32::from_str_radix(text, 16).ok().map(|value| value as u16)
}
