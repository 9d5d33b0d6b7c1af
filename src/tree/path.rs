//! Rules of paths. Java: `PathUtils`, and the path arithmetic of `DataTree` and `PathParentIterator`.

use std::fmt;

/// Why a path is none, in Java's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathError {
    /// Nothing at all.
    Empty,
    /// The first character is not a slash.
    NoLeadingSlash,
    /// The last character is a slash, and it is not the root.
    TrailingSlash,
    /// Something within it; `at` counts UTF-16 units from the start, as Java does.
    Invalid {
        /// The path as it was given.
        path: String,
        /// What is wrong.
        reason: Reason,
        /// Where, in UTF-16 units.
        at: usize,
    },
}

/// What is wrong within a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// U+0000.
    NullCharacter,
    /// Two slashes in a row.
    EmptyName,
    /// A component `.` or `..`.
    Relative,
    /// A control character, a surrogate (so everything beyond the BMP), a private-use character or
    /// one of U+FFF0 to U+FFFF.
    InvalidCharacter,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NullCharacter => "null character not allowed",
            Self::EmptyName => "empty node name specified",
            Self::Relative => "relative paths not allowed",
            Self::InvalidCharacter => "invalid character",
        })
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Path length must be > 0"),
            Self::NoLeadingSlash => f.write_str("Path must start with / character"),
            Self::TrailingSlash => f.write_str("Path must not end with / character"),
            Self::Invalid { path, reason, at } => {
                write!(f, "Invalid path string \"{path}\" caused by {reason} @{at}")
            }
        }
    }
}

impl std::error::Error for PathError {}

/// Whether a node may have this path (`PathUtils.validatePath`). Reads are not validated: a bad path
/// is just a node that is not there.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate(path: &str) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if !path.starts_with('/') {
        return Err(PathError::NoLeadingSlash);
    }
    if path.len() == 1 {
        return Ok(());
    }
    if path.ends_with('/') {
        return Err(PathError::TrailingSlash);
    }
    match first_fault(path) {
        None => Ok(()),
        Some((reason, at)) => Err(PathError::Invalid { path: path.to_owned(), reason, at }),
    }
}

/// The first fault behind the leading slash, and its place in UTF-16 units.
fn first_fault(path: &str) -> Option<(Reason, usize)> {
    let bytes = path.as_bytes();
    let mut at = 1;
    for (i, c) in path.char_indices().skip(1) {
        let reason = match c {
            '\0' => Some(Reason::NullCharacter),
            '/' if bytes[i - 1] == b'/' => Some(Reason::EmptyName),
            '.' if ends_relative(bytes, i) => Some(Reason::Relative),
            c if is_forbidden(c) => Some(Reason::InvalidCharacter),
            _ => None,
        };
        if let Some(reason) = reason {
            return Some((reason, at));
        }
        at += c.len_utf16();
    }
    None
}

/// Whether the dot at `i` is the last character of a component `.` or `..`.
fn ends_relative(path: &[u8], i: usize) -> bool {
    let ends = path.get(i + 1).is_none_or(|&c| c == b'/');
    let alone = path[i - 1] == b'/' || (path[i - 1] == b'.' && path[i - 2] == b'/');
    ends && alone
}

fn is_forbidden(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}'
        | '\u{fff0}'..='\u{ffff}' | '\u{10000}'..)
}

/// The parent's path and the node's own name. The parent of `/a` is the empty string, which is the
/// root's other name; `None` where there is no slash at all.
pub fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/')
}

/// The root under the name that clients know.
pub(super) fn shown(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The path one level up: `/a` for `/a/b`, `/` for `/a`; `None` for the root (`PathParentIterator`).
pub fn parent(path: &str) -> Option<&str> {
    match path.rsplit_once('/')? {
        ("", "") => None,
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

/// The first component, by which metrics are grouped (`PathUtils.getTopNamespace`).
pub fn top_namespace(path: &str) -> Option<&str> {
    // Byte by byte: each write is counted by it, and searching for a `char` costs several times as much.
    let bytes = path.as_bytes();
    let end = bytes.iter().rposition(|&b| b != b'/')? + 1;
    let start = bytes.iter().position(|&b| b == b'/')? + 1;
    let name = path.get(start..end)?;
    let len = name.bytes().position(|b| b == b'/').unwrap_or(name.len());
    Some(&name[..len])
}

/// The length that Java counts, in UTF-16 units.
pub(super) fn java_len(path: &str) -> usize {
    if path.is_ascii() { path.len() } else { path.encode_utf16().count() }
}
