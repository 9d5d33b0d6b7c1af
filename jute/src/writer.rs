//! Encoding: the fields of Jute, appended to a byte vector.

use crate::string::{encode, encoded_len};

/// Appends Jute fields. Lengths are those of Java: an `int`, -1 for null.
pub trait Write {
    /// A `boolean`.
    fn put_bool(&mut self, v: bool);
    /// An `int`.
    fn put_int(&mut self, v: i32);
    /// A `long`.
    fn put_long(&mut self, v: i64);
    /// A `buffer`; `None` is null.
    ///
    /// # Panics
    /// If it is longer than `i32::MAX`, which no checked input can be.
    fn put_buffer(&mut self, v: Option<&[u8]>);
    /// A `ustring`; `None` is null.
    ///
    /// # Panics
    /// As [`Write::put_buffer`].
    fn put_str(&mut self, v: Option<&str>);
    /// The element count of a `vector`; `None` is null.
    fn put_count(&mut self, v: Option<usize>);
}

fn length(len: usize) -> i32 {
    i32::try_from(len).expect("a Jute field is shorter than 2 GiB")
}

impl Write for Vec<u8> {
    fn put_bool(&mut self, v: bool) {
        self.push(u8::from(v));
    }

    fn put_int(&mut self, v: i32) {
        self.extend_from_slice(&v.to_be_bytes());
    }

    fn put_long(&mut self, v: i64) {
        self.extend_from_slice(&v.to_be_bytes());
    }

    fn put_buffer(&mut self, v: Option<&[u8]>) {
        match v {
            None => self.put_int(-1),
            Some(bytes) => {
                self.put_int(length(bytes.len()));
                self.extend_from_slice(bytes);
            }
        }
    }

    fn put_str(&mut self, v: Option<&str>) {
        match v {
            None => self.put_int(-1),
            Some(s) => {
                self.put_int(length(encoded_len(s)));
                encode(s, self);
            }
        }
    }

    fn put_count(&mut self, v: Option<usize>) {
        self.put_int(v.map_or(-1, length));
    }
}
