//! A session as the commands use it: paths are checked before they are sent, a call is waited for, and
//! what goes wrong knows its path (Java: the synchronous methods of `ZooKeeper`).

use std::time::Duration;

use jute::data::{Acl, ClientInfo, Stat};

use crate::client::{
    AddWatchMode, Call, Client, CreateMode, Error, KeeperState, Op, OpResult, WatcherType,
};
use crate::op::Code;
use crate::tree::path;

use super::failure::Trouble;

type Result<T> = std::result::Result<T, Trouble>;

/// Data (`None` is null) and stat of a node.
pub(super) type Data = (Option<Vec<u8>>, Stat);

/// How long `sync` may take (`SyncCommand.SYNC_TIMEOUT`).
const SYNC_PATIENCE: Duration = Duration::from_secs(30);

/// A session.
#[derive(Debug)]
pub(super) struct Zk {
    client: Client,
    /// `zookeeper.request.timeout`.
    request_timeout: Option<Duration>,
}

impl Zk {
    pub(super) fn new(client: Client, request_timeout: Option<Duration>) -> Self {
        Self { client, request_timeout }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn is_alive(&self) -> bool {
        use KeeperState::{ConnectedReadOnly, Disconnected, SyncConnected};
        matches!(self.client.state(), Disconnected | SyncConnected | ConnectedReadOnly)
    }

    /// The state as Java's prompt has it (`ZooKeeper.States`).
    pub(super) fn state(&self) -> &'static str {
        match self.client.state() {
            KeeperState::Disconnected => "CONNECTING",
            KeeperState::SyncConnected => "CONNECTED",
            KeeperState::ConnectedReadOnly => "CONNECTEDREADONLY",
            KeeperState::AuthFailed => "AUTH_FAILED",
            KeeperState::Closed | KeeperState::Expired => "CLOSED",
        }
    }

    /// Ends the session, or leaves it to expire where the server cannot be told.
    pub(super) fn close(self) {
        if let Err(e) = self.client.close() {
            log::info!("the session is left to expire: {e}");
        }
    }

    fn wait<T>(&self, call: Call<T>, path: Option<&str>) -> Result<T> {
        let result = match self.request_timeout {
            None => call.wait(),
            Some(patience) => {
                call.wait_for(patience).unwrap_or(Err(Error::Code(Code::RequestTimeout)))
            }
        };
        result.map_err(|e| Trouble::Keeper(e, path.map(str::to_owned)))
    }

    /// Checks the path, then waits for the call that `ask` makes.
    fn at<T>(&self, path: &str, ask: impl FnOnce(&Client) -> Call<T>) -> Result<T> {
        path::validate(path)?;
        self.wait(ask(&self.client), Some(path))
    }

    pub(super) fn create(
        &self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        mode: CreateMode,
    ) -> Result<String> {
        // A number will follow, so the name may be empty so far.
        let numbered = matches!(
            mode,
            CreateMode::PersistentSequential
                | CreateMode::EphemeralSequential
                | CreateMode::PersistentSequentialWithTtl(_)
        );
        path::validate(&if numbered { format!("{path}1") } else { path.to_owned() })?;
        check_acl(acl)?;
        self.wait(self.client.create(path, data, acl, mode), Some(path))
    }

    pub(super) fn delete(&self, path: &str, version: i32) -> Result<()> {
        self.at(path, |client| client.delete(path, version))
    }

    /// The node's stat, if it exists.
    pub(super) fn exists(&self, path: &str, watch: bool) -> Result<Option<Stat>> {
        match self.at(path, |client| client.exists(path, watch)) {
            Ok(stat) => Ok(Some(stat)),
            Err(e) if e.is(Code::NoNode) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) fn get_data(&self, path: &str, watch: bool) -> Result<Data> {
        self.at(path, |client| client.get_data(path, watch))
    }

    pub(super) fn get_config(&self, watch: bool) -> Result<Data> {
        self.wait(self.client.get_config(watch), Some("/zookeeper/config"))
    }

    pub(super) fn set_data(&self, path: &str, data: &[u8], version: i32) -> Result<Stat> {
        self.at(path, |client| client.set_data(path, Some(data), version))
    }

    pub(super) fn get_acl(&self, path: &str) -> Result<(Vec<Acl>, Stat)> {
        self.at(path, |client| client.get_acl(path))
    }

    pub(super) fn set_acl(&self, path: &str, acl: &[Acl], version: i32) -> Result<Stat> {
        path::validate(path)?;
        check_acl(acl)?;
        self.wait(self.client.set_acl(path, acl, version), Some(path))
    }

    /// The children, sorted, and the node's stat.
    pub(super) fn get_children(&self, path: &str, watch: bool) -> Result<(Vec<String>, Stat)> {
        let (mut children, stat) = self.at(path, |client| client.get_children(path, watch))?;
        children.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        Ok((children, stat))
    }

    pub(super) fn get_all_children_number(&self, path: &str) -> Result<i32> {
        self.at(path, |client| client.get_all_children_number(path))
    }

    pub(super) fn get_ephemerals(&self, prefix: &str) -> Result<Vec<String>> {
        path::validate(prefix)?;
        self.wait(self.client.get_ephemerals(prefix), None)
    }

    /// The code that the server answered, 0 for success; `None` if there was no answer in time.
    pub(super) fn sync(&self, path: &str) -> Result<Option<i32>> {
        path::validate(path)?;
        Ok(match self.client.sync(path).wait_for(SYNC_PATIENCE) {
            None => None,
            Some(Ok(())) => Some(0),
            Some(Err(Error::Code(code))) => Some(code.number()),
            Some(Err(Error::UnknownCode(number))) => Some(number),
            Some(Err(e)) => return Err(Trouble::Keeper(e, Some(path.to_owned()))),
        })
    }

    pub(super) fn who_am_i(&self) -> Result<Vec<ClientInfo>> {
        self.wait(self.client.who_am_i(), None)
    }

    pub(super) fn add_watch(&self, path: &str, mode: AddWatchMode) -> Result<()> {
        self.at(path, |client| client.add_watch(path, mode))
    }

    pub(super) fn remove_watches(&self, path: &str, kind: WatcherType, local: bool) -> Result<()> {
        self.at(path, |client| client.remove_watches(path, kind, local))
    }

    pub(super) fn reconfig(
        &self,
        joining: Option<&str>,
        leaving: Option<&str>,
        members: Option<&str>,
        from: i64,
    ) -> Result<Data> {
        self.wait(self.client.reconfig(joining, leaving, members, from), Some(""))
    }

    /// Whether all of a multi was done, once it is.
    pub(super) fn succeeded(&self, multi: Call<Vec<OpResult>>) -> bool {
        let failed = |result: &OpResult| matches!(result, OpResult::Error(err) if *err != 0);
        self.wait(multi, None).is_ok_and(|results| !results.iter().any(failed))
    }

    pub(super) fn multi(&self, ops: &[Op]) -> Call<Vec<OpResult>> {
        self.client.multi(ops)
    }
}

/// The client itself refuses an empty list (`ZooKeeper.validateACL`).
fn check_acl(acl: &[Acl]) -> Result<()> {
    if acl.is_empty() {
        return Err(Trouble::Keeper(Error::Code(Code::InvalidAcl), None));
    }
    Ok(())
}
