//! Kinds of watches, and sets of them in one byte.

use std::ops::{BitAnd, BitOr, Sub};

/// What a watch waits for, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatchKind {
    /// One event of the node itself: created, deleted, data set (`exists`, `getData`).
    Data,
    /// One event of its children (`getChildren`).
    Child,
    /// All events of both (`AddWatchMode.PERSISTENT`).
    Persistent,
    /// All events of the node itself and of all nodes beneath, but no event of children
    /// (`AddWatchMode.PERSISTENT_RECURSIVE`).
    PersistentRecursive,
}

impl WatchKind {
    /// The kind that `addWatch` names by `mode`, if any.
    pub fn from_add_mode(mode: i32) -> Option<Self> {
        match mode {
            0 => Some(Self::Persistent),
            1 => Some(Self::PersistentRecursive),
            _ => None,
        }
    }

    pub(super) fn modes(self) -> Modes {
        match self {
            Self::Data => Modes::DATA_ONCE,
            Self::Child => Modes::CHILD_ONCE,
            Self::Persistent => Modes::DATA_PERSISTENT | Modes::CHILD_PERSISTENT,
            Self::PersistentRecursive => Modes::RECURSIVE,
        }
    }
}

/// What `checkWatches` and `removeWatches` ask for, by the number on the wire
/// (`Watcher.WatcherType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatcherType {
    /// One-shot watches of children.
    Children = 1,
    /// One-shot watches of data.
    Data = 2,
    /// Watches of every kind.
    Any = 3,
    /// Persistent watches.
    Persistent = 4,
    /// Persistent recursive watches.
    PersistentRecursive = 5,
}

impl WatcherType {
    /// The type that has this number, if any.
    pub fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Children,
            2 => Self::Data,
            3 => Self::Any,
            4 => Self::Persistent,
            5 => Self::PersistentRecursive,
            _ => return None,
        })
    }

    /// What has to be there, one of these at least.
    pub(super) fn looked_for(self) -> Modes {
        match self {
            Self::Persistent => Modes::DATA_PERSISTENT,
            other => other.removed(),
        }
    }

    /// What is taken away.
    pub(super) fn removed(self) -> Modes {
        match self {
            Self::Children => Modes::CHILD_ONCE,
            Self::Data => Modes::DATA_ONCE,
            Self::Any => Modes::DATA | Modes::CHILD,
            Self::Persistent => Modes::DATA_PERSISTENT | Modes::CHILD_PERSISTENT,
            Self::PersistentRecursive => Modes::RECURSIVE,
        }
    }
}

/// The modes of one connection on one path (`WatchStats`, one of each manager).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Modes(u8);

impl Modes {
    pub(super) const DATA_ONCE: Self = Self(1);
    pub(super) const DATA_PERSISTENT: Self = Self(2);
    pub(super) const RECURSIVE: Self = Self(4);
    pub(super) const CHILD_ONCE: Self = Self(8);
    pub(super) const CHILD_PERSISTENT: Self = Self(16);
    /// What Java keeps in the manager of data watches.
    pub(super) const DATA: Self = Self(1 | 2 | 4);
    /// What Java keeps in the manager of child watches.
    pub(super) const CHILD: Self = Self(8 | 16);
    pub(super) const ONE_SHOT: Self = Self(1 | 8);

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Modes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Modes {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Modes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
