//! Random requests: whatever is in flight, the outcome is as if each were applied before the next is
//! prepared; and the codes are those of a model that knows nothing of what is in flight.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::tree::EphemeralType;

/// A step: a request, or everything so far is applied (in the server that batches).
#[derive(Debug, Clone)]
enum Step {
    Ask(Ask),
    Commit,
}

#[derive(Debug, Clone)]
enum Ask {
    One(i64, Write),
    Multi(i64, Vec<Write>),
    Close(i64),
}

#[derive(Debug, Clone)]
enum Write {
    Create { path: String, flags: i32 },
    Delete { path: String, version: i32 },
    Set { path: String, version: i32, len: usize },
    Check { path: String, version: i32 },
    SetAcl { path: String, perms: i32 },
}

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "zookeeper"]), 0..4)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn any_version() -> impl Strategy<Value = i32> {
    prop_oneof![3 => Just(-1), 2 => 0..3i32]
}

fn any_part() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (any_path(), prop::sample::select(vec![0, 0, 0, 1, 2, 3, 4]))
            .prop_map(|(path, flags)| Write::Create { path, flags }),
        2 => (any_path(), any_version()).prop_map(|(path, version)| Write::Delete { path, version }),
        2 => (any_path(), any_version(), 0..9usize)
            .prop_map(|(path, version, len)| Write::Set { path, version, len }),
        1 => (any_path(), any_version()).prop_map(|(path, version)| Write::Check { path, version }),
    ]
}

fn any_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        9 => any_part().prop_filter("check is no request", |w| !matches!(w, Write::Check { .. })),
        1 => (any_path(), prop::sample::select(vec![31, 31, 27, 23, 29]))
            .prop_map(|(path, perms)| Write::SetAcl { path, perms }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let session = || SESSION..=SESSION + 1;
    prop_oneof![
        8 => (session(), any_write()).prop_map(|(s, w)| Step::Ask(Ask::One(s, w))),
        3 => (session(), prop::collection::vec(any_part(), 0..6))
            .prop_map(|(s, parts)| Step::Ask(Ask::Multi(s, parts))),
        1 => session().prop_map(|s| Step::Ask(Ask::Close(s))),
        2 => Just(Step::Commit),
    ]
}

impl Write {
    fn request(&self, session: i64) -> Request {
        let req = match self {
            Self::Create { path, flags } => create(path, *flags),
            Self::Delete { path, version } => delete(path, *version),
            Self::Set { path, version, len } => set_data(path, &vec![b'x'; *len], *version),
            Self::Check { path, version } => check(path, *version),
            Self::SetAcl { path, perms } => set_acl(path, &[world(*perms)], -1),
        };
        Request { session: SessionId(session), ..req }
    }
}

impl Ask {
    fn request(&self) -> Request {
        match self {
            Self::One(session, write) => write.request(*session),
            Self::Multi(session, parts) => {
                let parts: Vec<_> = parts.iter().map(|p| p.request(*session)).collect();
                Request { session: SessionId(*session), ..multi(&parts) }
            }
            Self::Close(session) => close_session(*session),
        }
    }
}

/// A node of the model.
#[derive(Debug, Clone)]
struct Plain {
    version: i32,
    creates: i32,
    perms: i32,
    owner: i64,
}

/// The rules written down once more, over a map of paths.
#[derive(Debug, Clone)]
struct Model {
    nodes: BTreeMap<String, Plain>,
    closed: Vec<i64>,
}

fn parent_path(path: &str) -> String {
    match path.rsplit_once('/').unwrap() {
        ("", _) => "/".to_owned(),
        (parent, _) => parent.to_owned(),
    }
}

impl Model {
    fn new() -> Self {
        let plain = |perms| Plain { version: 0, creates: 0, perms, owner: 0 };
        let mut nodes: BTreeMap<_, _> =
            ["/", "/zookeeper"].map(|p| (p.to_owned(), plain(31))).into();
        nodes.insert("/zookeeper/quota".to_owned(), plain(31));
        nodes.insert("/zookeeper/config".to_owned(), plain(1));
        Self { nodes, closed: Vec::new() }
    }

    fn has_children(&self, path: &str) -> bool {
        self.nodes.keys().any(|p| p != "/" && p != path && parent_path(p) == *path)
    }

    fn find(&mut self, path: &str, perm: i32) -> Result<&mut Plain, Code> {
        let node = self.nodes.get_mut(path).ok_or(Code::NoNode)?;
        if node.perms & perm == 0 { Err(Code::NoAuth) } else { Ok(node) }
    }

    fn ask(&mut self, ask: &Ask) -> Option<Code> {
        match ask {
            Ask::One(session, write) => self.write(*session, write).err(),
            Ask::Multi(session, parts) => {
                let before = self.clone();
                let error = parts.iter().find_map(|part| self.part(*session, part).err());
                if error.is_some() {
                    *self = before;
                }
                error
            }
            Ask::Close(session) => {
                self.closed.push(*session);
                self.nodes.retain(|_, node| node.owner != *session);
                None
            }
        }
    }

    /// In a multi the flags of a create decide its op code.
    fn part(&mut self, session: i64, part: &Write) -> Result<(), Code> {
        match part {
            Write::Create { path, flags: 4 } => {
                self.write(session, part)?;
                self.nodes.get_mut(path).unwrap().owner = i64::MIN;
                Ok(())
            }
            _ => self.write(session, part),
        }
    }

    fn write(&mut self, session: i64, write: &Write) -> Result<(), Code> {
        if self.closed.contains(&session) {
            return Err(Code::SessionExpired);
        }
        let version_is = |node: &Plain, version: i32| {
            if version == -1 || version == node.version { Ok(()) } else { Err(Code::BadVersion) }
        };
        match write {
            Write::Create { path, flags } => {
                let parent = self.find(&parent_path(path), 4)?.clone();
                let path = if flags & 2 != 0 {
                    format!("{path}{:010}", parent.creates)
                } else {
                    path.clone()
                };
                if self.nodes.contains_key(&path) {
                    return Err(Code::NodeExists);
                }
                if parent.owner > 0 {
                    return Err(Code::NoChildrenForEphemerals);
                }
                self.nodes.get_mut(&parent_path(&path)).unwrap().creates += 1;
                let owner = if flags & 1 != 0 { session } else { 0 };
                self.nodes.insert(path, Plain { version: 0, creates: 0, perms: 31, owner });
            }
            Write::Delete { path, version } => {
                if path == "/" || path == "/zookeeper" {
                    return Err(Code::BadArguments);
                }
                self.find(&parent_path(path), 8)?;
                version_is(self.nodes.get(path).ok_or(Code::NoNode)?, *version)?;
                if self.has_children(path) {
                    return Err(Code::NotEmpty);
                }
                self.nodes.remove(path);
            }
            Write::Set { path, version, .. } => {
                let node = self.find(path, 2)?;
                version_is(node, *version)?;
                node.version += 1;
            }
            Write::Check { path, version } => version_is(self.find(path, 1)?, *version)?,
            Write::SetAcl { path, perms } => self.find(path, 16)?.perms = *perms,
        }
        Ok(())
    }
}

fn snapshot(tree: &DataTree) -> Vec<(String, jute::data::StatPersisted, Vec<u8>, usize)> {
    let mut found = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(path) = pending.pop() {
        let node = tree.node(&path).unwrap();
        pending.extend(node.children().map(|name| format!("{path}/{name}")));
        let data = node.data().unwrap_or_default().to_vec();
        found.push((path, node.stat_persisted().clone(), data, node.acl().len()));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn batches_agree_with_one_at_a_time_and_with_a_model(
        steps in prop::collection::vec(any_step(), 1..120),
    ) {
        let (mut batched, mut single, mut model) = (Server::new(), Server::new(), Model::new());
        for step in &steps {
            let Step::Ask(ask) = step else {
                batched.commit();
                prop_assert_eq!(batched.tree.digest(), single.tree.digest());
                continue;
            };
            let req = ask.request();
            let expected = model.ask(ask);
            let prepared = batched.prepare(&req);
            prop_assert_eq!(prepared.error, expected, "{:?}", ask);
            let alone = single.prepare(&req);
            prop_assert_eq!(alone.error, expected);
            let digest = |p: &Prepared| p.record.as_ref().and_then(|r| r.digest.clone());
            prop_assert_eq!(digest(&prepared), digest(&alone));
            single.commit();
        }
        batched.commit();
        prop_assert_eq!(snapshot(&batched.tree), snapshot(&single.tree));
        let mut paths: Vec<_> = model.nodes.keys().map(|p| p.trim_end_matches('/')).collect();
        paths.sort_unstable();
        let found: Vec<_> = snapshot(&single.tree);
        prop_assert_eq!(found.iter().map(|n| &*n.0).collect::<Vec<_>>(), paths);
        for (path, node) in &model.nodes {
            let kind = single.tree.node(path).unwrap().ephemeral_type();
            prop_assert_eq!(kind == EphemeralType::Normal, node.owner > 0, "{}", path);
        }
    }
}
