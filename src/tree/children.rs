//! The children of a node: ids in a list, each child knowing its place in it, so that adding and
//! removing take constant time with ten million of them.

use super::arena::NodeId;

/// Behind one thin pointer, for most nodes have none.
#[derive(Debug, Default)]
pub(super) struct Children(Option<Box<List>>);

#[derive(Debug, Default)]
struct List {
    ids: Vec<NodeId>,
}

impl Children {
    pub(super) fn as_slice(&self) -> &[NodeId] {
        self.0.as_ref().map_or(&[], |list| &list.ids)
    }

    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Appends a child and returns its place.
    pub(super) fn push(&mut self, id: NodeId) -> u32 {
        let ids = &mut self.0.get_or_insert_default().ids;
        ids.push(id);
        (ids.len() - 1) as u32
    }

    /// Removes the child at `position` and returns the one that takes its place, if any.
    pub(super) fn remove(&mut self, position: u32) -> Option<NodeId> {
        let list = self.0.as_mut()?;
        list.ids.swap_remove(position as usize);
        if list.ids.is_empty() {
            self.0 = None;
            return None;
        }
        if list.ids.len() < list.ids.capacity() / 4 {
            list.ids.shrink_to(list.ids.len() * 2);
        }
        list.ids.get(position as usize).copied()
    }
}
