//! `java.util.Properties`: the syntax of zoo.cfg.
//!
//! One entry per logical line. Leading blanks are skipped; `#` and `!` open a comment; a backslash at
//! the end joins the next line, without its leading blanks. The key ends at the first `=`, `:` or
//! blank that no backslash protects. `\t \n \r \f \uXXXX` are escapes, any other escaped character is
//! itself. Bytes are Latin-1. The last of several entries of one key counts.

/// Entries in the order of the file, each key once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    entries: Vec<(String, String)>,
}

/// A `\u` that four hexadecimal digits do not follow. Java refuses the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedEscape {
    /// The key or value it was found in, as written.
    pub text: String,
}

impl Properties {
    /// Reads a file's bytes (`Properties.load`).
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedEscape> {
        let mut properties = Self::default();
        for line in (LogicalLines { bytes, at: 0 }) {
            let (key, value) = split_entry(&line);
            properties.set(unescape(key)?, unescape(value)?);
        }
        Ok(properties)
    }

    /// Sets a key, in place of what it had.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// All entries, in the order in which their keys first appeared.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

/// Cuts the bytes into logical lines: comments and empty lines gone, continuations joined, escapes
/// still in place.
struct LogicalLines<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\x0c')
}

fn is_eol(c: u8) -> bool {
    matches!(c, b'\n' | b'\r')
}

impl LogicalLines<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    /// Appends the rest of a natural line; says whether a backslash joins the next one.
    fn take_natural_line(&mut self, line: &mut Vec<u8>) -> bool {
        let mut escaped = false;
        while let Some(c) = self.peek() {
            self.at += 1;
            if is_eol(c) {
                break;
            }
            line.push(c);
            escaped = c == b'\\' && !escaped;
        }
        if escaped {
            line.pop();
        }
        escaped
    }

    /// Past the end of a joined line and the blanks that open the next. An empty line that follows
    /// is not skipped: it ends the logical line.
    fn skip_join(&mut self) {
        if self.bytes[..self.at].ends_with(b"\r") && self.peek() == Some(b'\n') {
            self.at += 1;
        }
        self.skip_while(is_blank);
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            if line.is_empty() {
                self.skip_while(|c| is_blank(c) || is_eol(c));
                if matches!(self.peek()?, b'#' | b'!') {
                    self.skip_while(|c| !is_eol(c));
                    continue;
                }
            }
            // Java takes a backslash that nothing follows for a line, too: an empty one.
            if !self.take_natural_line(&mut line) || self.at == self.bytes.len() {
                return Some(line);
            }
            self.skip_join();
        }
    }
}

/// Parts a logical line into key and value, both still escaped.
fn split_entry(line: &[u8]) -> (&[u8], &[u8]) {
    let mut escaped = false;
    let end = line.iter().position(|&c| {
        let ends = !escaped && (matches!(c, b'=' | b':') || is_blank(c));
        escaped = c == b'\\' && !escaped;
        ends
    });
    let Some(end) = end else { return (line, &[]) };
    let (key, rest) = line.split_at(end);
    let rest = skip_blanks(rest);
    match rest.split_first() {
        Some((b'=' | b':', rest)) => (key, skip_blanks(rest)),
        _ => (key, rest),
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&c| is_blank(c)).count();
    &text[blanks..]
}

fn unescape(raw: &[u8]) -> Result<String, MalformedEscape> {
    let malformed = || MalformedEscape { text: raw.iter().map(|&c| char::from(c)).collect() };
    let mut units: Vec<u16> = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        if c != b'\\' {
            units.push(u16::from(c));
            continue;
        }
        let Some((&escaped, after)) = rest.split_first() else { break };
        rest = after;
        units.push(match escaped {
            b't' => u16::from(b'\t'),
            b'n' => u16::from(b'\n'),
            b'r' => u16::from(b'\r'),
            b'f' => 0x0c,
            b'u' => {
                let digits = rest.get(..4).ok_or_else(malformed)?;
                rest = &rest[4..];
                hex_unit(digits).ok_or_else(malformed)?
            }
            other => u16::from(other),
        });
    }
    Ok(String::from_utf16_lossy(&units))
}

fn hex_unit(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |unit, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(unit << 4 | value as u16)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        Properties::parse(text.as_bytes()).expect("well formed").entries
    }

    fn one(text: &str) -> (String, String) {
        let mut all = entries(text);
        assert_eq!(all.len(), 1, "{text:?} -> {all:?}");
        all.remove(0)
    }

    #[test]
    fn separators_comments_escapes() {
        for (text, key, value) in [
            ("a=b", "a", "b"),
            ("  a  =  b  ", "a", "b  "),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("a\t:= b", "a", "= b"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("=b", "", "b"),
            ("a==b", "a", "=b"),
            ("a\\=b=c", "a=b", "c"),
            ("a\\ b c", "a b", "c"),
            ("a\\:b:c\\:d", "a:b", "c:d"),
            ("a=\\u0041\\u00e9", "a", "A\u{e9}"),
            ("a=\\ud83d\\ude00", "a", "\u{1f600}"),
            ("a=x\\ty\\qz\\\\", "a", "x\tyqz\\"),
            ("# no\n! no\n\r\n \t\na=b", "a", "b"),
            ("a=b \\\n   c", "a", "b c"),
            ("a=b\\\r\n\tc", "a", "bc"),
            ("a=b\\\\\n", "a", "b\\"),
            ("a=b\\\n#c", "a", "b#c"),
            ("a=b\\\n\nc=", "a", "b"),
            ("a=b\\", "a", "b"),
            ("\\\n# comment\n\\\na=b", "a", "b"),
            ("\\", "", ""),
            ("\\\n\\\n", "", ""),
        ] {
            let first = entries(text).swap_remove(0);
            assert_eq!(first, (key.to_owned(), value.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn the_last_of_several_counts() {
        assert_eq!(one("a=1\na=2"), ("a".to_owned(), "2".to_owned()));
    }

    #[test]
    fn bytes_are_latin_1() {
        let properties = Properties::parse(b"a=\xc3\xa9").expect("well formed");
        assert_eq!(properties.get("a"), Some("\u{c3}\u{a9}"));
    }

    #[test]
    fn a_bad_escape_refuses_the_file() {
        for text in ["a=\\u12", "a=\\u12g4", "\\u=1"] {
            assert!(Properties::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn nothing_makes_nothing() {
        for text in ["", "\n\r\n", "# only\\\n", "\\\n#", "#"] {
            assert_eq!(entries(text), [], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Properties::parse(&bytes);
        }

        #[test]
        fn what_is_written_plainly_is_read(
            key in "[a-zA-Z.0-9]{1,20}",
            value in "[a-z0-9/=:][ a-z0-9/=:]{0,20}",
        ) {
            let (k, v) = one(&format!("{key}= {value}\n"));
            prop_assert_eq!(k, key);
            // A value may itself open with a separator only behind the first one.
            prop_assert_eq!(v, value);
        }
    }
}
