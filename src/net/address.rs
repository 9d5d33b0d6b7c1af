//! Socket addresses as the Java server writes them: a slash before the numbers, IPv6 in full groups.
//! Tools match these forms in logs and in the output of the four-letter words.

use std::net::{IpAddr, SocketAddr};

/// An address as `InetAddress.getHostAddress` gives it: IPv6 without `::`.
pub fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let groups: Vec<String> = v6.segments().iter().map(|s| format!("{s:x}")).collect();
            groups.join(":")
        }
    }
}

/// A client's address as `InetSocketAddress.toString` gives it, for an address that was never looked
/// up by name: `/127.0.0.1:2181`, `/[0:0:0:0:0:0:0:1]:2181`.
pub fn remote(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(v4) => format!("/{v4}:{}", address.port()),
        ip => format!("/[{}]:{}", host(ip), address.port()),
    }
}

/// The address that the server listens on, as Java logs it.
pub fn local(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("0.0.0.0/0.0.0.0:{}", address.port());
    }
    remote(address)
}

/// An IPv4 client of a socket that serves both families, as the IPv4 address that it is: limits, ACLs
/// and logs know no mapped addresses.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_look_as_in_java() {
        assert_eq!(remote("127.0.0.1:2181".parse().unwrap()), "/127.0.0.1:2181");
        assert_eq!(remote("[::1]:2181".parse().unwrap()), "/[0:0:0:0:0:0:0:1]:2181");
        assert_eq!(local("[::]:2181".parse().unwrap()), "0.0.0.0/0.0.0.0:2181");
        assert_eq!(
            canonical("[::ffff:10.1.2.3]:5".parse().unwrap()),
            "10.1.2.3:5".parse().unwrap()
        );
    }
}
