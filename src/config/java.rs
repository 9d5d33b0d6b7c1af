//! How Java reads text: whoever wrote a configuration wrote it for these rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Java's `String.trim`: everything up to and including the space is cut from both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// Java's `String.split` with one separator: empty parts at the end are dropped.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split(separator).collect();
    if parts.len() > 1 {
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    parts
}

/// Java's `Long.parseLong` with a radix: an optional sign and digits, nothing around them.
pub(super) fn parse_radix(text: &str, radix: u32) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // The standard parser takes a second sign's place for granted only once; keep it to digits.
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(text, radix).ok()
}

/// Java's `Long.parseLong`.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    parse_radix(text, 10)
}

/// Java's `Integer.parseInt`.
pub(crate) fn parse_int(text: &str) -> Option<i32> {
    parse_long(text)?.try_into().ok()
}

/// Java's `Long.decode`, behind `Long.getLong` and `Integer.getInteger`: decimal, `0x`, `#`, and
/// octal with a leading zero.
pub(crate) fn decode_long(text: &str) -> Option<i64> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = radix_of(body);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
    parse_radix(&signed, radix)
}

fn radix_of(body: &str) -> (u32, &str) {
    for prefix in ["0x", "0X", "#"] {
        if let Some(digits) = body.strip_prefix(prefix) {
            return (16, digits);
        }
    }
    match body.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => (8, digits),
        _ => (10, body),
    }
}

/// Java's `Double.parseDouble`, as far as a configuration has use for it: finite, with blanks and
/// a type suffix.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let body = trim(text);
    let number = body.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(body);
    number.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A host as `InetSocketAddress.getHostString` gives it back: an IPv6 literal with all its groups, a
/// mapped IPv4 address as IPv4, an IPv4 literal with all its bytes (`127.1` is one), anything else as
/// it stands.
pub(crate) fn host_string(host: &str) -> String {
    if let Some(v4) = ipv4_literal(host) {
        return v4.to_string();
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => all_groups(v6),
        },
        _ => host.to_owned(),
    }
}

fn all_groups(v6: Ipv6Addr) -> String {
    v6.segments().map(|group| format!("{group:x}")).join(":")
}

/// One to four decimal numbers: each but the last is a byte, the last fills what is left
/// (`IPAddressUtil.textToNumericFormatV4`).
fn ipv4_literal(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.split('.').collect();
    let (last, bytes) = parts.split_last()?;
    if parts.len() > 4 || host.len() > 15 {
        return None;
    }
    let mut bits = decimal(last, (1 << (8 * (4 - bytes.len()))) - 1)?;
    for (at, byte) in bytes.iter().enumerate() {
        bits |= decimal(byte, 0xff)? << (8 * (3 - at));
    }
    Some(Ipv4Addr::from(bits as u32))
}

fn decimal(digits: &str, max: u64) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_java_parses_them() {
        for (text, want) in [
            ("2181", Some(2181)),
            ("-1", Some(-1)),
            ("+7", Some(7)),
            ("010", Some(10)),
            ("", None),
            ("+", None),
            ("+-1", None),
            ("1 ", None),
            ("0x10", None),
            ("2147483648", None),
        ] {
            assert_eq!(parse_int(text), want, "{text:?}");
        }
    }

    #[test]
    fn numbers_as_java_decodes_them() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("010", Some(8)),
            ("0x10", Some(16)),
            ("-0X10", Some(-16)),
            ("#ff", Some(255)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("--1", None),
            ("0x-1", None),
            ("08", None),
            ("", None),
            (" 1", None),
        ] {
            assert_eq!(decode_long(text), want, "{text:?}");
        }
    }

    #[test]
    fn doubles_as_java_parses_them() {
        for (text, want) in
            [("0.33", Some(0.33)), (" -1d ", Some(-1.0)), ("x", None), ("NaN", None), ("", None)]
        {
            assert_eq!(parse_double(text), want, "{text:?}");
        }
    }

    #[test]
    fn split_drops_empty_parts_at_the_end() {
        assert_eq!(split("a:b::", ':'), ["a", "b"]);
        assert_eq!(split(":a", ':'), ["", "a"]);
        assert_eq!(split("", ':'), [""]);
        assert!(split("::", ':').is_empty());
    }

    #[test]
    fn hosts_as_java_shows_them() {
        for (host, want) in [
            ("example.com", "example.com"),
            ("LOCALHOST", "LOCALHOST"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("10.1.513", "10.1.2.1"),
            ("1", "0.0.0.1"),
            ("010.0.0.1", "10.0.0.1"),
            ("4294967296", "4294967296"),
            ("1.2.3.256", "1.2.3.256"),
            ("1.2.3.4.5", "1.2.3.4.5"),
            ("1..2", "1..2"),
            ("+1", "+1"),
            ("", ""),
            ("::1", "0:0:0:0:0:0:0:1"),
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("fe80::1%lo", "fe80::1%lo"),
        ] {
            assert_eq!(host_string(host), want, "{host:?}");
        }
    }
}
