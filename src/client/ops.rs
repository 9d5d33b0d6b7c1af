//! Every operation of the protocol, as methods of [`Client`]. Each sends its request and returns the
//! call; paths are the client's, within its chroot.

use jute::data::{Acl, ClientInfo, Stat};
use jute::proto::{
    AddWatchRequest, CheckWatchesRequest, Create2Response, CreateRequest, CreateResponse,
    CreateTTLRequest, DeleteRequest, GetACLRequest, GetACLResponse, GetAllChildrenNumberRequest,
    GetChildren2Response, GetChildrenRequest, GetDataRequest, GetDataResponse,
    GetEphemeralsRequest, GetEphemeralsResponse, ReconfigRequest, RemoveWatchesRequest,
    SetACLRequest, SetDataRequest, SyncRequest, WhoAmIResponse,
};
use jute::{Reader, Record, to_bytes};

use crate::op::op;

use super::multi::{self, Op, OpResult};
use super::shared::{Call, Phase, WatchChange, put_auth};
use super::watches::Kind;
use super::{Client, Error};

/// What kind of node to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CreateMode {
    /// Stays.
    Persistent,
    /// Goes with its session.
    Ephemeral,
    /// Stays; its name gets a number.
    PersistentSequential,
    /// Goes with its session; its name gets a number.
    EphemeralSequential,
    /// Goes some time after its last child.
    Container,
    /// Goes when it has had no children and no change for this many milliseconds.
    PersistentWithTtl(i64),
    /// As [`CreateMode::PersistentWithTtl`]; its name gets a number.
    PersistentSequentialWithTtl(i64),
}

impl CreateMode {
    /// The number on the wire (`CreateMode.toFlag`).
    pub fn flags(self) -> i32 {
        match self {
            Self::Persistent => 0,
            Self::Ephemeral => 1,
            Self::PersistentSequential => 2,
            Self::EphemeralSequential => 3,
            Self::Container => 4,
            Self::PersistentWithTtl(_) => 5,
            Self::PersistentSequentialWithTtl(_) => 6,
        }
    }

    /// Op code and body of a create; `plain` is the op of a node that is neither container nor TTL.
    pub(super) fn request(
        self,
        plain: i32,
        path: String,
        data: Option<&[u8]>,
        acl: &[Acl],
    ) -> (i32, Vec<u8>) {
        let (path, data, acl) = (Some(path), data.map(<[u8]>::to_vec), Some(acl.to_vec()));
        let flags = self.flags();
        match self {
            Self::PersistentWithTtl(ttl) | Self::PersistentSequentialWithTtl(ttl) => {
                (op::CREATE_TTL, to_bytes(&CreateTTLRequest { path, data, acl, flags, ttl }))
            }
            Self::Container => {
                (op::CREATE_CONTAINER, to_bytes(&CreateRequest { path, data, acl, flags }))
            }
            _ => (plain, to_bytes(&CreateRequest { path, data, acl, flags })),
        }
    }
}

/// How long and how far a watch watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum AddWatchMode {
    /// The node's data and children, until it is removed.
    Persistent = 0,
    /// All nodes from this one down, until it is removed.
    PersistentRecursive = 1,
}

/// Which watches to remove or to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum WatcherType {
    /// Those of `getChildren`.
    Children = 1,
    /// Those of `getData` and `exists`.
    Data = 2,
    /// All of them.
    Any = 3,
    /// Those of [`AddWatchMode::Persistent`].
    Persistent = 4,
    /// Those of [`AddWatchMode::PersistentRecursive`].
    PersistentRecursive = 5,
}

fn names(list: Option<Vec<Option<String>>>) -> Vec<String> {
    list.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect()
}

fn whole<T: Record>(r: &mut Reader<'_>) -> Result<T, Error> {
    Ok(T::read(r)?)
}

impl Client {
    /// Sends `auth` now and on each connection to come. There is no reply to wait for: a refusal ends
    /// the session as `AuthFailed`.
    pub fn add_auth(&self, scheme: &str, auth: &[u8]) {
        let mut state = self.shared.lock();
        state.auth.push((scheme.to_owned(), auth.to_vec()));
        if matches!(state.phase, Phase::Connected { .. }) {
            put_auth(&mut state.output, scheme, auth);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Creates a node; the result is its path.
    pub fn create(
        &self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        mode: CreateMode,
    ) -> Call<String> {
        let (kind, body) = mode.request(op::CREATE, self.path(path), data, acl);
        let servers = self.shared.options.servers.clone();
        self.call(kind, &body, WatchChange::None, move |r| {
            Ok(servers.to_client(CreateResponse::read(r)?.path.unwrap_or_default()))
        })
    }

    /// Creates a node; the result is its path and its stat.
    pub fn create2(
        &self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        mode: CreateMode,
    ) -> Call<(String, Stat)> {
        let (kind, body) = mode.request(op::CREATE2, self.path(path), data, acl);
        let servers = self.shared.options.servers.clone();
        self.call(kind, &body, WatchChange::None, move |r| {
            let reply = Create2Response::read(r)?;
            Ok((servers.to_client(reply.path.unwrap_or_default()), reply.stat))
        })
    }

    /// Deletes a node of this version; -1 for any.
    pub fn delete(&self, path: &str, version: i32) -> Call<()> {
        self.submit(op::DELETE, to_bytes(&DeleteRequest { path: Some(self.path(path)), version }))
    }

    /// A node's stat, `NoNode` if there is none. The watch waits for its coming, too.
    pub fn exists(&self, path: &str, watch: bool) -> Call<Stat> {
        let path = self.path(path);
        let body = to_bytes(&GetDataRequest { path: Some(path.clone()), watch });
        let change = if watch { WatchChange::Exists(path) } else { WatchChange::None };
        self.call(op::EXISTS, &body, change, whole)
    }

    /// A node's data (`None` is null) and stat.
    pub fn get_data(&self, path: &str, watch: bool) -> Call<(Option<Vec<u8>>, Stat)> {
        self.get_data_at(self.path(path), watch)
    }

    /// The ensemble's configuration, the same under every chroot.
    pub fn get_config(&self, watch: bool) -> Call<(Option<Vec<u8>>, Stat)> {
        self.get_data_at("/zookeeper/config".to_owned(), watch)
    }

    fn get_data_at(&self, path: String, watch: bool) -> Call<(Option<Vec<u8>>, Stat)> {
        let body = to_bytes(&GetDataRequest { path: Some(path.clone()), watch });
        self.call(op::GET_DATA, &body, watch_if(watch, Kind::Data, path), |r| {
            let reply = GetDataResponse::read(r)?;
            Ok((reply.data, reply.stat))
        })
    }

    /// Sets the data of a node of this version; -1 for any.
    pub fn set_data(&self, path: &str, data: Option<&[u8]>, version: i32) -> Call<Stat> {
        let (path, data) = (Some(self.path(path)), data.map(<[u8]>::to_vec));
        let body = to_bytes(&SetDataRequest { path, data, version });
        self.call(op::SET_DATA, &body, WatchChange::None, whole)
    }

    /// A node's access control list and stat.
    pub fn get_acl(&self, path: &str) -> Call<(Vec<Acl>, Stat)> {
        let body = to_bytes(&GetACLRequest { path: Some(self.path(path)) });
        self.call(op::GET_ACL, &body, WatchChange::None, |r| {
            let reply = GetACLResponse::read(r)?;
            Ok((reply.acl.unwrap_or_default(), reply.stat))
        })
    }

    /// Sets the access control list of a node of this `aversion`; -1 for any.
    pub fn set_acl(&self, path: &str, acl: &[Acl], version: i32) -> Call<Stat> {
        let (path, acl) = (Some(self.path(path)), Some(acl.to_vec()));
        let body = to_bytes(&SetACLRequest { path, acl, version });
        self.call(op::SET_ACL, &body, WatchChange::None, whole)
    }

    /// A node's children, in no order, and its stat.
    pub fn get_children(&self, path: &str, watch: bool) -> Call<(Vec<String>, Stat)> {
        let path = self.path(path);
        let body = to_bytes(&GetChildrenRequest { path: Some(path.clone()), watch });
        self.call(op::GET_CHILDREN2, &body, watch_if(watch, Kind::Child, path), |r| {
            let reply = GetChildren2Response::read(r)?;
            Ok((names(reply.children), reply.stat))
        })
    }

    /// How many nodes there are below this one.
    pub fn get_all_children_number(&self, path: &str) -> Call<i32> {
        let body = to_bytes(&GetAllChildrenNumberRequest { path: Some(self.path(path)) });
        self.call(op::GET_ALL_CHILDREN_NUMBER, &body, WatchChange::None, whole)
    }

    /// This session's ephemerals whose path begins with `prefix`, both as the server names them (as
    /// in Java, the chroot plays no part).
    pub fn get_ephemerals(&self, prefix: &str) -> Call<Vec<String>> {
        let body = to_bytes(&GetEphemeralsRequest { prefix_path: Some(prefix.to_owned()) });
        self.call(op::GET_EPHEMERALS, &body, WatchChange::None, |r| {
            Ok(names(GetEphemeralsResponse::read(r)?.ephemerals))
        })
    }

    /// Waits until the server has caught up with what the leader had committed.
    pub fn sync(&self, path: &str) -> Call<()> {
        self.submit(op::SYNC, to_bytes(&SyncRequest { path: Some(self.path(path)) }))
    }

    /// Who the server takes this client for.
    pub fn who_am_i(&self) -> Call<Vec<ClientInfo>> {
        self.call(op::WHO_AM_I, &[], WatchChange::None, |r| {
            Ok(WhoAmIResponse::read(r)?.client_info.unwrap_or_default())
        })
    }

    /// All of the writes, or none. A multi that failed has an [`OpResult::Error`] for each part, the
    /// reason at the part that was the cause.
    pub fn multi(&self, ops: &[Op]) -> Call<Vec<OpResult>> {
        self.multi_call(op::MULTI, ops)
    }

    /// Many reads ([`Op::GetData`], [`Op::GetChildren`]) of one state; each fails by itself.
    pub fn multi_read(&self, ops: &[Op]) -> Call<Vec<OpResult>> {
        self.multi_call(op::MULTI_READ, ops)
    }

    fn multi_call(&self, kind: i32, ops: &[Op]) -> Call<Vec<OpResult>> {
        let servers = self.shared.options.servers.clone();
        let body = multi::encode(ops, &servers);
        self.call(kind, &body, WatchChange::None, move |r| multi::decode(r, &servers))
    }

    /// Sets a watch that stays.
    pub fn add_watch(&self, path: &str, mode: AddWatchMode) -> Call<()> {
        let path = self.path(path);
        let body = to_bytes(&AddWatchRequest { path: Some(path.clone()), mode: mode as i32 });
        self.call(op::ADD_WATCH, &body, WatchChange::Add(mode.into(), path), |_| Ok(()))
    }

    /// `NoWatcher` if the server has no such watch of this client.
    pub fn check_watches(&self, path: &str, kind: WatcherType) -> Call<()> {
        let request = CheckWatchesRequest { path: Some(self.path(path)), kind: kind as i32 };
        self.submit(op::CHECK_WATCHES, to_bytes(&request))
    }

    /// Removes watches; if `local`, on the client's side even where the server cannot be told.
    pub fn remove_watches(&self, path: &str, kind: WatcherType, local: bool) -> Call<()> {
        let path = self.path(path);
        let body = to_bytes(&RemoveWatchesRequest { path: Some(path.clone()), kind: kind as i32 });
        self.call(op::REMOVE_WATCHES, &body, WatchChange::Remove { kind, path, local }, |_| Ok(()))
    }

    /// Changes the ensemble: servers that join and leave, or all the members anew; only from the
    /// configuration `from`, -1 for any. The result is the new configuration.
    pub fn reconfig(
        &self,
        joining: Option<&str>,
        leaving: Option<&str>,
        members: Option<&str>,
        from: i64,
    ) -> Call<(Option<Vec<u8>>, Stat)> {
        let request = ReconfigRequest {
            joining_servers: joining.map(str::to_owned),
            leaving_servers: leaving.map(str::to_owned),
            new_members: members.map(str::to_owned),
            cur_config_id: from,
        };
        self.call(op::RECONFIG, &to_bytes(&request), WatchChange::None, |r| {
            let reply = GetDataResponse::read(r)?;
            Ok((reply.data, reply.stat))
        })
    }

    /// Sends any request, for what has no method here; the result is the reply's body.
    pub fn raw(&self, kind: i32, body: &[u8]) -> Call<Vec<u8>> {
        self.call(kind, body, WatchChange::None, |r| Ok(r.remaining().to_vec()))
    }

    fn path(&self, path: &str) -> String {
        self.shared.options.servers.to_server(path)
    }

    /// A request whose reply has no body.
    pub(super) fn submit(&self, kind: i32, body: Vec<u8>) -> Call<()> {
        self.call(kind, &body, WatchChange::None, |_| Ok(()))
    }

    fn call<T>(
        &self,
        kind: i32,
        body: &[u8],
        watch: WatchChange,
        decode: impl FnOnce(&mut Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Call<T> {
        self.shared.submit(kind, body, watch, Box::new(decode))
    }
}

fn watch_if(watch: bool, kind: Kind, path: String) -> WatchChange {
    if watch { WatchChange::Add(kind, path) } else { WatchChange::None }
}
