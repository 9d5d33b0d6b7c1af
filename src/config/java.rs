//! How Java reads text: whoever wrote a configuration wrote it for these rules.

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

/// The order in which a `java.util.HashMap<Long, _>` holding exactly these keys gives them out.
/// Texts that members compare or show are written in this order. Keys that fall into one bucket
/// come in the order of their insertion there, which follows no rule; here the smaller comes first.
pub(super) fn hash_map_order(keys: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut keys: Vec<i64> = keys.into_iter().collect();
    let mut buckets = 16;
    while keys.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    keys.sort_unstable_by_key(|&key| (bucket(key, buckets), key));
    keys
}

fn bucket(key: i64, buckets: usize) -> usize {
    let hash = (key ^ (key >> 32)) as u32;
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
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
    fn a_hash_map_of_sids_ascends_until_it_wraps() {
        assert_eq!(hash_map_order([3, 1, 2]), [1, 2, 3]);
        assert_eq!(hash_map_order([17, 1, 2]), [1, 17, 2]);
        assert_eq!(hash_map_order([-1, 5]), [-1, 5]);
        let thirteen: Vec<i64> = (10..23).collect();
        assert_eq!(hash_map_order(thirteen.clone()), thirteen);
    }
}
