//! The [`Record`] trait, its field types, and the macro in which the IDL is written down.

use crate::{DecodeError, Reader, Write};

/// Something with a Jute encoding: a record of the IDL or a field of one.
pub trait Record: Sized {
    /// Reads one from `r`.
    ///
    /// # Errors
    /// If the bytes end early or a length is out of bounds.
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
    /// Appends its bytes.
    fn write(&self, out: &mut Vec<u8>);
}

/// The bytes of one record.
pub fn to_bytes(record: &impl Record) -> Vec<u8> {
    let mut out = Vec::new();
    record.write(&mut out);
    out
}

macro_rules! primitive {
    ($($ty:ty, $read:ident, $put:ident;)*) => {$(
        impl Record for $ty {
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.$read()
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.$put(*self);
            }
        }
    )*};
}

primitive! {
    bool, bool, put_bool;
    i32, int, put_int;
    i64, long, put_long;
}

/// `ustring`.
impl Record for Option<String> {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(r.str()?.map(std::borrow::Cow::into_owned))
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.put_str(self.as_deref());
    }
}

/// `buffer`.
impl Record for Option<Vec<u8>> {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(r.buffer()?.map(<[u8]>::to_vec))
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.put_buffer(self.as_deref());
    }
}

/// Reads a `vector`. Memory grows with the bytes that are there, never with the count that is
/// claimed.
pub(crate) fn read_vector<T: Record>(r: &mut Reader<'_>) -> Result<Option<Vec<T>>, DecodeError> {
    let Some(count) = r.count()? else { return Ok(None) };
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(T::read(r)?);
    }
    Ok(Some(items))
}

/// Appends a `vector`.
pub(crate) fn write_vector<T: Record>(items: Option<&[T]>, out: &mut Vec<u8>) {
    out.put_count(items.map(<[T]>::len));
    for item in items.unwrap_or_default() {
        item.write(out);
    }
}

/// `vector<record>` and `vector<ustring>`.
macro_rules! vector_of {
    ($($ty:ty),* $(,)?) => {$(
        impl $crate::Record for Option<Vec<$ty>> {
            fn read(r: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                $crate::record::read_vector(r)
            }
            fn write(&self, out: &mut Vec<u8>) {
                $crate::record::write_vector(self.as_deref(), out);
            }
        }
    )*};
}
pub(crate) use vector_of;

vector_of!(Option<String>);

/// Writes the IDL's `class` down as a struct: fields in their order on the wire.
macro_rules! records {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$fmeta:meta])* $field:ident : $ty:ty ),* $(,)? } )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $ty, )*
        }

        impl $crate::Record for $name {
            fn read(r: &mut $crate::Reader<'_>) -> Result<Self, $crate::DecodeError> {
                Ok(Self { $( $field: $crate::Record::read(r)?, )* })
            }
            fn write(&self, out: &mut Vec<u8>) {
                $( $crate::Record::write(&self.$field, out); )*
            }
        }
    )*};
}
pub(crate) use records;
