//! Who a client is and what it may do: authentication schemes, ACL checks, ACL fix-up, and the
//! demand for authentication. Java: `ProviderRegistry`, `ZooKeeperServer.checkACL`,
//! `PrepRequestProcessor.fixupACL`, `AuthenticationHelper`, `AuthUtil`.
//!
//! Schemes: `world` and `auth` are built into the rules, `super` is an id without a provider, `ip`
//! and `digest` are providers, and so is `key` where it is configured. `ensemble` says where a client
//! meant to come, not who it is: no ACL has it. Any other scheme has no provider: it is refused where
//! a client brings it, and matches nobody where a stored ACL has it.

mod digest;
mod fixup;
mod ip;
mod key;
mod order;

use std::fmt;
use std::net::IpAddr;

use jute::data::{Acl, ClientInfo, Id, SharedAcl, open_acl};

use crate::config::AuthConfig;
use crate::op::Code;

use digest::Digest;

pub(super) use order::sort_as_java;

/// Permissions of an ACL entry, as bits (`ZooDefs.Perms`).
pub mod perms {
    /// Read data, list children, be told of changes.
    pub const READ: i32 = 1;
    /// Set data.
    pub const WRITE: i32 = 2;
    /// Create children.
    pub const CREATE: i32 = 4;
    /// Delete children.
    pub const DELETE: i32 = 8;
    /// Set the ACL.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
    /// Their letters, in the order in which they are shown.
    pub const LETTERS: [(char, i32); 5] =
        [('c', CREATE), ('d', DELETE), ('r', READ), ('w', WRITE), ('a', ADMIN)];

    /// The letters of `perms` (`ZKUtil.getPermString`).
    pub fn letters(perms: i32) -> String {
        LETTERS.iter().filter(|(_, bit)| perms & bit != 0).map(|(letter, _)| letter).collect()
    }
}

/// The rules of who may do what, as configured. Shared by all threads.
#[derive(Debug)]
pub struct Auth {
    skip_acl: bool,
    /// None where `DigestAuthenticationProvider.enabled=false`.
    digest: Option<Digest>,
    /// Whether the scheme `key` is configured.
    key: bool,
    /// The names that the scheme `ensemble` accepts, if it is configured; an empty list accepts all.
    ensemble: Option<Vec<String>>,
    /// Clients must have an id of one of these schemes; none where nothing is enforced.
    enforced: Option<Vec<String>>,
}

/// Why the configuration of authentication cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// `DigestAuthenticationProvider.digestAlg` names no algorithm that there is.
    UnknownDigestAlgorithm(String),
    /// `enforce.auth.enabled` without `enforce.auth.schemes`.
    NoSchemeToEnforce,
    /// `enforce.auth.schemes` names a scheme that has no provider.
    UnknownScheme(String),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDigestAlgorithm(name) => {
                write!(f, "don't support this ACL digest algorithm: {name}")
            }
            Self::NoSchemeToEnforce => write!(
                f,
                "zookeeper.enforce.auth.enabled is true zookeeper.enforce.auth.schemes must be configured."
            ),
            Self::UnknownScheme(scheme) => {
                write!(f, "Authentication scheme {scheme} is not available.")
            }
        }
    }
}

impl std::error::Error for AuthError {}

/// A scheme that can tell clients apart.
enum Provider<'a> {
    Ip,
    Digest(&'a Digest),
    Key,
}

impl Provider<'_> {
    /// Whether having an id of this scheme took a proof, so that `auth` expands to it.
    fn is_authenticated(&self) -> bool {
        matches!(self, Self::Digest(_) | Self::Key)
    }

    /// Whether an ACL may name this id.
    fn is_valid(&self, id: &str) -> bool {
        match self {
            Self::Ip => ip::is_valid(id),
            Self::Digest(_) => digest::is_valid(id),
            Self::Key => true,
        }
    }

    /// Whether the client's `id` is one that the ACL's `expr` means.
    fn matches(&self, id: &str, expr: &str) -> bool {
        match self {
            Self::Ip => ip::matches(id, expr),
            Self::Digest(_) => digest::matches(id, expr),
            Self::Key => id == expr,
        }
    }

    fn user_name<'i>(&self, id: &'i str) -> &'i str {
        match self {
            Self::Ip | Self::Key => id,
            Self::Digest(_) => digest::user_name(id),
        }
    }
}

impl Auth {
    /// The rules that `config` asks for.
    ///
    /// # Errors
    /// If it names an algorithm or a scheme that there is not.
    pub fn new(config: &AuthConfig) -> Result<Self, AuthError> {
        let digest = Digest::new(&config.digest_algorithm, config.super_digest.clone())?;
        let auth = Self {
            skip_acl: config.skip_acl,
            digest: config.digest_enabled.then_some(digest),
            key: config.key_scheme,
            ensemble: config.ensemble_auth_names.clone(),
            enforced: config.enforce_auth.then(|| config.enforce_auth_schemes.clone()),
        };
        if let Some(schemes) = &auth.enforced {
            if schemes.is_empty() {
                return Err(AuthError::NoSchemeToEnforce);
            }
            if let Some(unknown) = schemes.iter().find(|s| auth.provider(Some(s)).is_none()) {
                return Err(AuthError::UnknownScheme(unknown.clone()));
            }
        }
        Ok(auth)
    }

    fn provider(&self, scheme: Option<&str>) -> Option<Provider<'_>> {
        match scheme? {
            "ip" => Some(Provider::Ip),
            "digest" => self.digest.as_ref().map(Provider::Digest),
            "key" => self.key.then_some(Provider::Key),
            _ => None,
        }
    }

    /// What a client is by having connected: its address.
    pub fn connect_ids(addr: IpAddr) -> Vec<Id> {
        vec![Id { scheme: Some("ip".to_owned()), id: Some(ip::host_address(addr)) }]
    }

    /// The names of this ensemble, if `scheme` is the one that asks for them. An empty list is any name.
    pub fn ensemble_names(&self, scheme: Option<&str>) -> Option<&[String]> {
        self.ensemble.as_deref().filter(|_| scheme == Some("ensemble"))
    }

    /// Takes a client's `auth` packet and returns the ids that it gains. `key` is the data of the node
    /// `/key`, if there is any, for the scheme of that name.
    ///
    /// # Errors
    /// [`Code::AuthFailed`] if the scheme has no provider or the proof is none; the connection is
    /// then closed after the reply.
    pub fn authenticate(
        &self,
        scheme: Option<&str>,
        proof: Option<&[u8]>,
        addr: IpAddr,
        key: Option<&[u8]>,
    ) -> Result<Vec<Id>, Code> {
        match (self.provider(scheme), proof) {
            (Some(Provider::Key), proof) => key::ids(proof, key),
            (Some(Provider::Ip), _) => Ok(Self::connect_ids(addr)),
            (Some(Provider::Digest(digest)), Some(proof)) => Ok(digest.ids(proof)),
            (Some(Provider::Digest(_)), None) | (None, _) => Err(Code::AuthFailed),
        }
    }

    /// Whether a client that has proved to be `ids` may send requests other than `auth` and `sasl`
    /// (`enforce.auth.enabled`). If not, it gets [`Code::SessionClosedRequireSaslAuth`] with zxid 0
    /// and is closed.
    pub fn may_send(&self, ids: &[Id]) -> bool {
        self.enforced.as_ref().is_none_or(|schemes| {
            ids.iter().filter_map(|id| id.scheme.as_ref()).any(|scheme| schemes.contains(scheme))
        })
    }

    /// Whether `ids` have one of the permissions `perm` by the list `acl`. An empty list allows
    /// everything.
    ///
    /// # Errors
    /// [`Code::NoAuth`] if not.
    pub fn check_acl(&self, acl: &[Acl], perm: i32, ids: &[Id]) -> Result<(), Code> {
        let allowed = self.skip_acl
            || acl.is_empty()
            || acl.iter().any(|a| a.perms & perm != 0 && is_world_anyone(&a.id))
            || ids.iter().any(|id| id.scheme.as_deref() == Some("super"))
            || acl.iter().any(|a| a.perms & perm != 0 && self.is_one_of(ids, &a.id));
        if allowed { Ok(()) } else { Err(Code::NoAuth) }
    }

    /// Whether one of `ids` is what the ACL's `wanted` means.
    fn is_one_of(&self, ids: &[Id], wanted: &Id) -> bool {
        let (Some(provider), Some(expr)) =
            (self.provider(wanted.scheme.as_deref()), wanted.id.as_deref())
        else {
            return false;
        };
        ids.iter()
            .filter(|id| id.scheme == wanted.scheme)
            .filter_map(|id| id.id.as_deref())
            .any(|id| provider.matches(id, expr))
    }

    /// The list that a node gets for which a client who is `ids` asked for `acl`: without
    /// duplicates, and with the client's own ids in the place of the scheme `auth`.
    ///
    /// # Errors
    /// [`Code::InvalidAcl`] if the list is null or empty, names a scheme without a provider or an id
    /// that the scheme does not allow, or says `auth` where the client has no authenticated id.
    /// [`Code::MarshallingError`] if an id is null where the scheme must look at it.
    pub fn fixup_acl(&self, acl: Option<&SharedAcl>, ids: &[Id]) -> Result<SharedAcl, Code> {
        match acl {
            Some(acl) if SharedAcl::ptr_eq(acl, open_acl()) => Ok(SharedAcl::clone(acl)),
            Some(acl) if !acl.is_empty() => fixup::fixup(self, acl, ids),
            _ => Err(Code::InvalidAcl),
        }
    }

    /// The name behind an id, for logs and `whoAmI`; none if the scheme has no provider
    /// (`AuthUtil.getUser`).
    pub fn user<'i>(&self, id: &'i Id) -> Option<&'i str> {
        Some(self.provider(id.scheme.as_deref())?.user_name(id.id.as_deref()?))
    }

    /// The names behind the ids, joined by commas, for logs; none if there is no name
    /// (`AuthUtil.getUsers`).
    pub fn users(&self, ids: &[Id]) -> Option<String> {
        let names: Vec<_> =
            ids.iter().filter_map(|id| self.user(id)).filter(|n| !n.trim().is_empty()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// What `whoAmI` answers (`AuthUtil.getClientInfos`).
    pub fn client_infos(&self, ids: &[Id]) -> Vec<ClientInfo> {
        let info = |id: &Id| ClientInfo {
            auth_scheme: id.scheme.clone(),
            user: Some(self.user(id).unwrap_or_default().to_owned()),
        };
        ids.iter().map(info).collect()
    }
}

fn is_world_anyone(id: &Id) -> bool {
    id.scheme.as_deref() == Some("world") && id.id.as_deref() == Some("anyone")
}

/// The list as `getACL` shows it to whoever lacks ADMIN: digests are hidden.
pub fn mask_acl(acl: &[Acl]) -> Vec<Acl> {
    let mask = |a: &Acl| match (a.id.scheme.as_deref(), a.id.id.as_deref()) {
        (Some("digest"), Some(id)) => {
            let id = Id { scheme: a.id.scheme.clone(), id: Some(digest::mask(id)) };
            Acl { perms: a.perms, id }
        }
        _ => a.clone(),
    };
    acl.iter().map(mask).collect()
}

#[cfg(test)]
mod tests;
