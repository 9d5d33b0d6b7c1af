//! A node's data or ACL is set; and the node of the ensemble's configuration, which each server sets
//! for itself.

use jute::data::{SharedAcl, StatPersisted};

use super::arena::{NodeId, ROOT};
use super::{CONFIG_NODE, DataTree, EventSink, EventType, acl_cache, data_len, digest};
use crate::ids::{Millis, Zxid};
use crate::op::Code;

/// New data for a node.
pub(super) struct NewData<'a> {
    pub(super) path: &'a str,
    pub(super) data: Option<&'a [u8]>,
    pub(super) version: i32,
    pub(super) zxid: Zxid,
    pub(super) time: Millis,
}

impl DataTree {
    /// `setData`.
    pub(super) fn set_data<S: EventSink>(
        &mut self,
        new: &NewData<'_>,
        sink: &mut S,
    ) -> Result<NodeId, Code> {
        let id = self.find(new.path).ok_or(Code::NoNode)?;
        let grown = data_len(new.data) - self.arena[id].data_len() as i64;
        self.write_data(id, new.path, new.data, |stat| {
            stat.mtime = new.time;
            stat.mzxid = new.zxid.0;
            stat.version = new.version;
        });
        self.charge_quota(new.path, grown, 0);
        self.size.cached += grown;
        sink.on_write(new.path, data_len(new.data) as usize);
        let acl = self.acls.get(self.arena[id].acl);
        sink.on_event(EventType::NodeDataChanged, new.path, acl, new.zxid);
        Ok(id)
    }

    /// Sets data and stat at once, so that the digest is computed once.
    pub(super) fn write_data(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        change: impl FnOnce(&mut StatPersisted),
    ) {
        let grown = data_len(data) - self.arena[id].data_len() as i64;
        let crc = if self.digests.enabled && !digest::is_excluded(path) {
            digest::content_crc(path, data)
        } else {
            0
        };
        self.change(id, path, |node| {
            node.set_data(data);
            node.content_crc = crc;
            change(&mut node.stat);
        });
        self.size.exact += if id == ROOT { 2 * grown } else { grown };
    }

    /// `setACL`. The old one is let go first: if this node was the last to have it, it goes, and the
    /// same list gets a new index.
    pub(super) fn set_acl(
        &mut self,
        path: &str,
        acl: Option<&SharedAcl>,
        aversion: i32,
    ) -> Result<NodeId, Code> {
        let id = self.find(path).ok_or(Code::NoNode)?;
        self.acls.remove_usage(self.arena[id].acl);
        let slot = self.acls.convert(acl);
        self.change(id, path, |node| {
            node.stat.aversion = aversion;
            node.acl = slot;
        });
        Ok(id)
    }

    /// Makes the configuration's node if a snapshot from before 3.5 left it out. All may read it, and
    /// only the super user may change that (ZOOKEEPER-2014).
    pub fn ensure_config_node(&mut self) {
        if let Some(id) = self.plant_empty(CONFIG_NODE) {
            let all_may_read = SharedAcl::from([acl_cache::anyone(1)]);
            self.arena[id].acl = self.acls.convert(Some(&all_may_read));
            self.arena[id].stat.aversion = -1;
        }
    }

    /// One of the server's own nodes, unless it is there or its parent is not.
    pub(super) fn plant_empty(&mut self, path: &str) -> Option<NodeId> {
        let place = self.place(path)?;
        let is_new = self.find_at(&place).is_none();
        is_new.then(|| self.plant(&place, Some(b""), acl_cache::OPEN, StatPersisted::default()))
    }

    /// Shows the configuration `config` of version `version` in its node
    /// (`ZKDatabase.initConfigInZKDatabase`): the version stands in mzxid. `now` is wall time.
    pub fn set_config<S: EventSink>(
        &mut self,
        config: &[u8],
        version: i64,
        now: Millis,
        sink: &mut S,
    ) {
        self.ensure_config_node();
        let new = NewData {
            path: CONFIG_NODE,
            data: Some(config),
            version: -1,
            zxid: Zxid(version),
            time: now,
        };
        if self.set_data(&new, sink).is_err() {
            log::error!("no node {CONFIG_NODE} to show the configuration in, for want of a parent");
        }
    }
}
