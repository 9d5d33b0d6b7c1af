//! What the field `ephemeralOwner` means: a session, a container, or a time to live.
//! Java: `EphemeralType`, `EphemeralTypeEmulate353`.

use std::fmt;

use crate::ids::Millis;

/// The owner that marks a container.
pub const CONTAINER_OWNER: i64 = i64::MIN;
/// The longest time to live, in milliseconds: 40 bits, about 34 years.
pub const MAX_TTL: Millis = 0xff_ffff_ffff;
/// The largest server id with extended types on: a session's top byte must never be 0xff.
pub const MAX_EXTENDED_SERVER_ID: i64 = 0xfe;

const EXTENDED_MASK: i64 = 0xff00_0000_0000_0000_u64 as i64;
const RESERVED_MASK: i64 = 0x00ff_ff00_0000_0000;

/// What kind of life a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EphemeralType {
    /// It stays until it is deleted.
    Void,
    /// It goes with its session.
    Normal,
    /// It goes some time after its last child went.
    Container,
    /// It goes when it has no children and was not written for its time to live.
    Ttl,
}

/// Which encodings of time to live are recognised. The same bytes mean different things under
/// different settings, so every server of an ensemble must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encodings {
    /// `zookeeper.extendedTypesEnabled`.
    pub extended_types: bool,
    /// `zookeeper.emulate353TTLNodes`, meaningless without the other.
    pub emulate_353_ttl: bool,
}

/// An owner that sets the extended byte and bits that no feature has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidOwner(pub i64);

impl fmt::Display for InvalidOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid ephemeralOwner. [{:x}]", self.0)
    }
}

impl std::error::Error for InvalidOwner {}

/// A time to live that is not in 1..=[`MAX_TTL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTtl(pub Millis);

impl fmt::Display for InvalidTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ttl must be positive and cannot be larger than: {MAX_TTL}, found {}", self.0)
    }
}

impl std::error::Error for InvalidTtl {}

impl EphemeralType {
    /// What `owner` means under `encodings`.
    ///
    /// # Errors
    /// If it has the extended byte with a feature that does not exist.
    pub fn of(owner: i64, encodings: Encodings) -> Result<Self, InvalidOwner> {
        if encodings.extended_types {
            if encodings.emulate_353_ttl && owner < 0 && owner != CONTAINER_OWNER {
                return Ok(Self::Ttl);
            }
            if owner & EXTENDED_MASK == EXTENDED_MASK {
                let known = owner & RESERVED_MASK == 0;
                return if known { Ok(Self::Ttl) } else { Err(InvalidOwner(owner)) };
            }
        }
        Ok(match owner {
            CONTAINER_OWNER => Self::Container,
            0 => Self::Void,
            _ => Self::Normal,
        })
    }
}

/// The owner that stands for a time to live of `ttl` milliseconds.
///
/// # Errors
/// If `ttl` is not in 1..=[`MAX_TTL`].
pub fn ttl_to_owner(ttl: Millis) -> Result<i64, InvalidTtl> {
    if (1..=MAX_TTL).contains(&ttl) { Ok(EXTENDED_MASK | ttl) } else { Err(InvalidTtl(ttl)) }
}

/// The time to live that `owner` stands for, in milliseconds: its low 40 bits, in either encoding.
pub fn owner_to_ttl(owner: i64) -> Millis {
    owner & MAX_TTL
}
