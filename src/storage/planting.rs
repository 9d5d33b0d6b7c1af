//! Building a snapshot's tree on two threads. The one that reads the snapshot makes each node ready, in
//! memory that it takes for it; the other plants them. So the work is shared, and the first touch of the
//! tree's memory, which can cost as much as all the work.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::{io, mem, panic};

use jute::data::SharedAcl;

use super::snapshot::body::Item;
use crate::ids::SessionId;
use crate::tree::{LoadError, Loader, Nursery, Seedling, TreeOptions};

/// Nodes that are handed over at a time: enough that handing over costs nothing, few enough to be still
/// in the processor's cache when they are planted.
const BATCH: usize = 512;
/// Batches that may wait.
const WAITING: usize = 8;

/// A tree in the making, and what else is in its snapshot.
pub(super) struct Planting {
    sessions: HashMap<SessionId, i32>,
    nursery: Nursery,
    batch: Batch,
    orders: SyncSender<Order>,
    planter: JoinHandle<Result<Loader, LoadError>>,
}

enum Order {
    Acl(i64, SharedAcl),
    Plant(Batch),
}

/// Nodes and, one behind the other, their paths.
struct Batch {
    nodes: Vec<Ready>,
    paths: String,
}

struct Ready {
    path_len: usize,
    acl: i64,
    seedling: Seedling,
}

impl Batch {
    fn new() -> Self {
        Self { nodes: Vec::with_capacity(BATCH), paths: String::new() }
    }
}

impl Planting {
    /// Starts the second thread.
    ///
    /// # Errors
    /// If the system gives none.
    pub(super) fn start(options: TreeOptions) -> io::Result<Self> {
        let loader = Loader::new(options);
        let nursery = loader.nursery();
        let (orders, received) = sync_channel(WAITING);
        let planter = thread::Builder::new()
            .name("Planter".to_owned())
            .spawn(move || plant(loader, &received))?;
        Ok(Self { sessions: HashMap::new(), nursery, batch: Batch::new(), orders, planter })
    }

    /// Takes an item of the snapshot.
    ///
    /// # Errors
    /// Why it does not fit into the tree; or that an earlier one did not, which
    /// [`Planting::finish`] tells.
    pub(super) fn take(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Session(id, timeout) => {
                self.sessions.insert(id, timeout);
            }
            Item::Acl(index, acl) => return self.order(Order::Acl(index, acl)),
            Item::Node { path, data, acl, stat } => {
                let seedling = self.nursery.raise(&path, data, stat).map_err(|e| e.to_string())?;
                self.batch.paths.push_str(&path);
                self.batch.nodes.push(Ready { path_len: path.len(), acl, seedling });
                if self.batch.nodes.len() == BATCH {
                    return self.hand_over();
                }
            }
            Item::End => return self.hand_over(),
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), String> {
        let batch = mem::replace(&mut self.batch, Batch::new());
        self.order(Order::Plant(batch))
    }

    fn order(&self, order: Order) -> Result<(), String> {
        self.orders.send(order).map_err(|_| "the nodes before make no tree".to_owned())
    }

    /// Waits until all that was handed over is planted.
    ///
    /// # Errors
    /// If a node has no parent.
    pub(super) fn finish(self) -> Result<(Loader, HashMap<SessionId, i32>), LoadError> {
        drop(self.orders);
        match self.planter.join() {
            Ok(loader) => Ok((loader?, self.sessions)),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }
}

/// The second thread; its end, with whatever is wrong, ends the handing over.
fn plant(mut loader: Loader, orders: &Receiver<Order>) -> Result<Loader, LoadError> {
    for order in orders {
        match order {
            Order::Acl(index, acl) => loader.acl(index, acl),
            Order::Plant(batch) => {
                let mut paths = batch.paths.as_str();
                for Ready { path_len, acl, seedling } in batch.nodes {
                    let (path, behind) = paths.split_at(path_len);
                    loader.plant(path, acl, seedling)?;
                    paths = behind;
                }
            }
        }
    }
    Ok(loader)
}

#[cfg(test)]
mod tests;
