//! Strings as Java reads and writes them.
//!
//! Writing: `BinaryOutputArchive.stringToByteBuffer` encodes each UTF-16 code unit by itself, so a
//! character outside the basic plane becomes two three-byte sequences (CESU-8). Reading:
//! `new String(bytes, UTF_8)`, which puts U+FFFD in the place of what is malformed; an encoded
//! surrogate is malformed, and its three bytes make *one* U+FFFD (Rust's own lossy decoding makes
//! three).

use std::borrow::Cow;

/// Decodes bytes as `new String(bytes, StandardCharsets.UTF_8)` does. Borrows where it can.
pub fn decode_java_utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(s) => Cow::Borrowed(s),
        Err(e) => Cow::Owned(decode_malformed(bytes, e.valid_up_to())),
    }
}

fn decode_malformed(bytes: &[u8], mut valid: usize) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        out.push_str(std::str::from_utf8(&rest[..valid]).unwrap_or_default());
        rest = &rest[valid..];
        if rest.is_empty() {
            return out;
        }
        out.push(char::REPLACEMENT_CHARACTER);
        rest = &rest[malformed_len(rest)..];
        valid = match std::str::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(e) => e.valid_up_to(),
        };
    }
}

/// How many bytes at the start of `rest`, which is malformed there, one U+FFFD stands for.
fn malformed_len(rest: &[u8]) -> usize {
    let continues = |i: usize| rest.get(i).is_some_and(|b| b & 0xc0 == 0x80);
    let is_surrogate = rest[0] == 0xed && continues(1) && rest[1] >= 0xa0 && continues(2);
    if is_surrogate {
        return 3;
    }
    let truncated_surrogate = rest[0] == 0xed && rest.len() == 2 && continues(1);
    if truncated_surrogate {
        return 2;
    }
    match std::str::from_utf8(rest) {
        Err(e) => e.error_len().unwrap_or(rest.len()),
        Ok(_) => 1,
    }
}

/// The number of bytes that `s` takes on the wire, without its length field.
pub fn encoded_len(s: &str) -> usize {
    s.len() + 2 * s.bytes().filter(|b| *b >= 0xf0).count()
}

/// Appends the bytes of `s` as `BinaryOutputArchive` writes them.
pub(crate) fn encode(s: &str, out: &mut Vec<u8>) {
    if !s.bytes().any(|b| b >= 0xf0) {
        out.extend_from_slice(s.as_bytes());
        return;
    }
    for unit in s.encode_utf16() {
        match unit {
            0..0x80 => out.push(unit as u8),
            0x80..0x800 => out.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
            _ => out.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_surrogate_is_one_replacement_character() {
        assert_eq!(decode_java_utf8(b"a\xed\xa0\x80b"), "a\u{fffd}b");
        assert_eq!(decode_java_utf8(b"a\xed\xa0"), "a\u{fffd}");
        assert_eq!(decode_java_utf8(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(decode_java_utf8(b"\xe2\x82"), "\u{fffd}");
    }

    #[test]
    fn outside_the_basic_plane_two_three_byte_sequences() {
        let mut out = Vec::new();
        encode("\u{1f600}", &mut out);
        assert_eq!(out, [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
        assert_eq!(encoded_len("\u{1f600}"), 6);
    }
}
