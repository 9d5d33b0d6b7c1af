//! Nodes of a snapshot, made ready for the tree without the tree: so that one thread can read and
//! decode a snapshot while another plants what came of it ([`Loader::plant`](super::Loader::plant)).

use jute::data::StatPersisted;

use super::arena::NodeRecord;
use super::ephemeral::{Encodings, EphemeralType};
use super::index::PathHasher;
use super::{LoadError, TreeOptions, digest, path};

/// Makes seedlings for one tree.
#[derive(Debug, Clone)]
pub struct Nursery {
    options: TreeOptions,
    hasher: PathHasher,
}

/// A node that lacks nothing but its parent and its ACL.
#[derive(Debug)]
pub struct Seedling {
    pub(super) record: NodeRecord,
    pub(super) kind: EphemeralType,
}

impl Nursery {
    pub(super) fn new(options: TreeOptions, hasher: PathHasher) -> Self {
        Self { options, hasher }
    }

    /// Makes a node ready; the root's path is the empty string.
    ///
    /// # Errors
    /// If its owner means nothing, or its path has no parent.
    pub fn raise(
        &self,
        path: &str,
        data: Option<&[u8]>,
        stat: StatPersisted,
    ) -> Result<Seedling, LoadError> {
        let kind = self.kind(path, stat.ephemeral_owner)?;
        let name = match path::split(path) {
            Some((_, name)) => name,
            None if path.is_empty() => "",
            None => return Err(LoadError::NoParent { path: path.to_owned() }),
        };
        let mut record = NodeRecord::new(name, data, stat);
        record.hash = self.hasher.hash(path);
        record.content_crc = digest::remembered_crc(self.options.digest, path, data);
        Ok(Seedling { record, kind })
    }

    /// Nobody asks what the root's owner means.
    fn kind(&self, path: &str, owner: i64) -> Result<EphemeralType, LoadError> {
        let TreeOptions { extended_types, emulate_353_ttl, .. } = self.options;
        if path.is_empty() {
            return Ok(EphemeralType::Void);
        }
        EphemeralType::of(owner, Encodings { extended_types, emulate_353_ttl })
            .map_err(|owner| LoadError::Owner { path: path.to_owned(), owner })
    }
}
