//! Building a snapshot's tree in two steps, on two threads where there are such. The one that reads the
//! snapshot makes each node ready, in memory that it takes for it; the other plants them. So the work is
//! shared, and the first touch of the tree's memory, which can cost as much as all the work.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::{io, mem};

use jute::data::SharedAcl;

use super::snapshot::body::Item;
use super::threads::StartThread;
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
    planter: Planter,
}

/// What was planted, or why it could not be.
type Planted = Result<Loader, LoadError>;

/// Who plants.
enum Planter {
    /// The thread that hands over.
    Here(Box<Planted>),
    /// A thread of its own; its end, with whatever is wrong, ends the handing over.
    Beside { orders: SyncSender<Order>, planted: Receiver<Planted> },
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
    /// Nothing planted yet; with `threads` it will be done by one of them.
    ///
    /// # Errors
    /// If the system gives none.
    pub(super) fn start(options: TreeOptions, threads: Option<StartThread>) -> io::Result<Self> {
        let loader = Loader::new(options);
        let nursery = loader.nursery();
        let planter = match threads {
            Some(start) => Planter::start(loader, start)?,
            None => Planter::Here(Box::new(Ok(loader))),
        };
        Ok(Self { sessions: HashMap::new(), nursery, batch: Batch::new(), planter })
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
            Item::Acl(index, acl) => return self.planter.order(Order::Acl(index, acl)),
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
        self.planter.order(Order::Plant(batch))
    }

    /// Waits until all that was handed over is planted.
    ///
    /// # Errors
    /// If a node has no parent.
    pub(super) fn finish(self) -> Result<(Loader, HashMap<SessionId, i32>), LoadError> {
        Ok((self.planter.finish()?, self.sessions))
    }
}

impl Planter {
    fn start(mut loader: Loader, start: StartThread) -> io::Result<Self> {
        let (orders, received) = sync_channel(WAITING);
        let (end, planted) = channel();
        let job = move || {
            let done = received.into_iter().try_for_each(|order| carry_out(&mut loader, order));
            // Where the reading failed nobody may want to know.
            let _ = end.send(done.map(|()| loader));
        };
        start("Planter", Box::new(job))?;
        Ok(Self::Beside { orders, planted })
    }

    fn order(&mut self, order: Order) -> Result<(), String> {
        let accepted = match self {
            Self::Here(planted) => {
                if let Ok(loader) = &mut **planted
                    && let Err(e) = carry_out(loader, order)
                {
                    **planted = Err(e);
                }
                planted.is_ok()
            }
            Self::Beside { orders, .. } => orders.send(order).is_ok(),
        };
        if accepted { Ok(()) } else { Err("the nodes before make no tree".to_owned()) }
    }

    fn finish(self) -> Planted {
        match self {
            Self::Here(planted) => *planted,
            Self::Beside { orders, planted } => {
                drop(orders);
                planted.recv().expect("who plants says what came of it")
            }
        }
    }
}

fn carry_out(loader: &mut Loader, order: Order) -> Result<(), LoadError> {
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
    Ok(())
}

#[cfg(test)]
mod tests;
