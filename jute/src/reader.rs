//! Decoding: a cursor over borrowed bytes that bounds every length before it is trusted.

use std::borrow::Cow;
use std::fmt;

use byteorder::{BigEndian, ByteOrder};

use crate::string::decode_java_utf8;

/// Default of `jute.maxbuffer`: 1 MiB less one byte (`BinaryInputArchive.maxBuffer`).
pub const DEFAULT_MAX_BUFFER: usize = 0xf_ffff;

/// The longest buffer or string that a record may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `jute.maxbuffer` + `zookeeper.jute.maxbuffer.extrasize`, in bytes, at most `i32::MAX`.
    pub max_field: usize,
}

impl Limits {
    /// Limits from `jute.maxbuffer` and `zookeeper.jute.maxbuffer.extrasize`, both in bytes.
    pub fn new(max_buffer: usize, extra: usize) -> Self {
        Self { max_field: max_buffer.saturating_add(extra).min(i32::MAX as usize) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BUFFER, DEFAULT_MAX_BUFFER)
    }
}

/// Why bytes are not the record that they were taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The input ended `missing` bytes before the field did (Java: `EOFException`).
    Eof {
        /// Offset of the field in the input, in bytes.
        offset: usize,
        /// How many bytes more the field needs.
        missing: usize,
    },
    /// A length that is negative (other than -1) or over the limit (Java: "Unreasonable length").
    Length {
        /// Offset of the length in the input, in bytes.
        offset: usize,
        /// The length as it was found.
        found: i32,
        /// The longest that is allowed.
        max: usize,
    },
}

impl DecodeError {
    /// Whether the input was merely too short.
    pub fn is_eof(&self) -> bool {
        matches!(self, Self::Eof { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof { offset, missing } => {
                write!(f, "record ends at byte {offset}, {missing} bytes short")
            }
            Self::Length { offset, found, max } => {
                write!(f, "Unreasonable length = {found} at byte {offset} (at most {max})")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// A cursor over the bytes of one or more records.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// A reader with the default limits.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_limits(bytes, Limits::default())
    }

    /// A reader with the given limits.
    pub fn with_limits(bytes: &'a [u8], limits: Limits) -> Self {
        Self { bytes, pos: 0, limits }
    }

    /// Bytes consumed so far.
    pub fn position(&self) -> usize {
        self.pos
    }

    /// What has not been consumed.
    pub fn remaining(&self) -> &'a [u8] {
        &self.bytes[self.pos..]
    }

    /// Whether everything has been consumed.
    pub fn is_empty(&self) -> bool {
        self.pos == self.bytes.len()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.remaining();
        if rest.len() < n {
            return Err(DecodeError::Eof { offset: self.pos, missing: n - rest.len() });
        }
        self.pos += n;
        Ok(&rest[..n])
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// A `boolean`: any byte but zero is true (`DataInput.readBoolean`).
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.byte()? != 0)
    }

    /// An `int`.
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        Ok(BigEndian::read_i32(self.take(4)?))
    }

    /// A `long`.
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        Ok(BigEndian::read_i64(self.take(8)?))
    }

    /// A `buffer`, borrowed; `None` where it is null.
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let offset = self.pos;
        let found = self.int()?;
        if found == -1 {
            return Ok(None);
        }
        let max = self.limits.max_field;
        match usize::try_from(found) {
            Ok(len) if len <= max => self.take(len).map(Some),
            _ => Err(DecodeError::Length { offset, found, max }),
        }
    }

    /// A `ustring`, borrowed where it is well-formed; `None` where it is null.
    pub fn str(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        Ok(self.buffer()?.map(decode_java_utf8))
    }

    /// The element count of a `vector`; `None` where it is null. As in Java a negative count other
    /// than -1 is an empty vector. The count is not to be used as a capacity: it is unchecked.
    pub fn count(&mut self) -> Result<Option<usize>, DecodeError> {
        let found = self.int()?;
        Ok((found != -1).then(|| usize::try_from(found).unwrap_or(0)))
    }
}
