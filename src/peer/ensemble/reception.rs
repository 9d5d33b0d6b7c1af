//! A snapshot as it comes from the leader: the body of a snapshot file, then a signature.

use std::collections::HashMap;

use jute::{Limits, Reader};

use super::replica::Loaded;
use crate::ids::{SessionId, Zxid};
use crate::storage::snapshot::body::{BodyParser, Item};
use crate::tree::{Loader, TreeOptions};
use crate::zab::packet::PacketReader;

/// What a leader writes behind a snapshot (`LearnerHandler`).
pub const SIGNATURE: &str = "BenWasHere";

/// Length of the signature's field: an int and its letters.
const SIGNATURE_LEN: usize = 4 + SIGNATURE.len();

/// A snapshot that is being received.
#[derive(Debug)]
pub(super) struct Reception {
    zxid: Zxid,
    parser: BodyParser,
    loader: Loader,
    sessions: HashMap<SessionId, i32>,
    body_done: bool,
}

impl Reception {
    pub(super) fn new(zxid: Zxid, options: TreeOptions, limits: Limits) -> Self {
        Self {
            zxid,
            parser: BodyParser::new(limits),
            loader: Loader::new(options),
            sessions: HashMap::new(),
            body_done: false,
        }
    }

    /// Takes what has arrived; true when all of it is there.
    ///
    /// # Errors
    /// Why the bytes are no snapshot.
    pub(super) fn take(&mut self, reader: &mut PacketReader) -> Result<bool, String> {
        while !self.body_done {
            let Some((item, used)) =
                self.parser.next(reader.unread()).map_err(|e| e.to_string())?
            else {
                return Ok(false);
            };
            self.body_done = item == Item::End;
            self.take_item(item)?;
            reader.skip(used);
        }
        let bytes = reader.unread();
        if bytes.len() < SIGNATURE_LEN {
            return Ok(false);
        }
        let signature = Reader::new(bytes).str().map_err(|e| e.to_string())?;
        if signature.as_deref() != Some(SIGNATURE) {
            return Err(format!("the snapshot ends with {signature:?} instead of its signature"));
        }
        reader.skip(SIGNATURE_LEN);
        Ok(true)
    }

    fn take_item(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Session(id, timeout) => {
                self.sessions.insert(id, timeout);
            }
            Item::Acl(index, acl) => self.loader.acl(index, acl),
            Item::Node { path, data, acl, stat } => {
                self.loader.node(&path, data, acl, stat).map_err(|e| e.to_string())?;
            }
            Item::End => {}
        }
        Ok(())
    }

    /// The database.
    ///
    /// # Errors
    /// Why the nodes make no tree.
    pub(super) fn finish(self) -> Result<Loaded, String> {
        let mut tree = self.loader.finish().map_err(|e| e.to_string())?;
        tree.set_last_processed_zxid(self.zxid);
        tree.set_fuzzy(true);
        Ok(Loaded { tree, sessions: self.sessions, committed: Vec::new() })
    }
}
