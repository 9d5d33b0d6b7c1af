//! Where a selector keeps its connections: numbered slots, used again.
//!
//! A [`ConnId`] is made of the selector's number (8 bits), the slot (24 bits) and the use of the slot
//! that it is (32 bits, from 1, for 0 is nobody): no two connections of a process have the same, and
//! a mark for a connection that is no more misses.

use crate::ids::ConnId;

use super::conn::{Conn, Signals};

/// Who is in a slot.
pub(super) enum Place {
    /// Nobody.
    Free,
    /// A connection.
    Here(Box<Conn>),
    /// A connection that a worker has at the moment, and what has come up for it since.
    Away(Signals),
}

struct Slot {
    uses: u32,
    place: Place,
}

/// The connections of one selector.
pub(super) struct Slab {
    selector: u8,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

const SLOT_BITS: u32 = 24;

impl Slab {
    pub(super) fn new(selector: u8) -> Self {
        Self { selector, slots: Vec::new(), free: Vec::new() }
    }

    /// Reserves a slot. None if there are as many connections as ids.
    pub(super) fn reserve(&mut self) -> Option<(u32, ConnId)> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok().filter(|s| s >> SLOT_BITS == 0)?;
                self.slots.push(Slot { uses: 1, place: Place::Free });
                slot
            }
        };
        let uses = u64::from(self.slots[slot as usize].uses);
        Some((slot, ConnId((uses << 32) | (u64::from(slot) << 8) | u64::from(self.selector))))
    }

    /// The place in a slot that was reserved.
    pub(super) fn place(&mut self, slot: u32) -> &mut Place {
        &mut self.slots[slot as usize].place
    }

    /// The connection in a slot, if it is here.
    pub(super) fn here(&mut self, slot: u32) -> Option<&mut Conn> {
        match self.slots.get_mut(slot as usize)?.place {
            Place::Here(ref mut conn) => Some(conn),
            Place::Free | Place::Away(_) => None,
        }
    }

    /// The slot of a connection, if it is still there.
    pub(super) fn find(&self, id: ConnId) -> Option<u32> {
        let slot = slot_of(id);
        let held = self.slots.get(slot as usize)?;
        let is_same = u64::from(held.uses) == id.0 >> 32 && !matches!(held.place, Place::Free);
        is_same.then_some(slot)
    }

    /// Empties a slot.
    pub(super) fn free(&mut self, slot: u32) {
        let held = &mut self.slots[slot as usize];
        held.place = Place::Free;
        held.uses = held.uses.wrapping_add(1);
        self.free.push(slot);
    }

    /// The slots that are taken.
    pub(super) fn taken(&self) -> Vec<u32> {
        let taken = self.slots.iter().enumerate().filter(|(_, s)| !matches!(s.place, Place::Free));
        taken.map(|(slot, _)| slot as u32).collect()
    }
}

/// The slot in a [`ConnId`] that is known to be this selector's.
pub(super) fn slot_of(id: ConnId) -> u32 {
    (id.0 >> 8) as u32 & ((1 << SLOT_BITS) - 1)
}
