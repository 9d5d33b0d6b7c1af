//! The table of keys: every name that `zoo.cfg`, `-D` or the scripts' environment may hold, what its
//! value must look like, where it acts, and how far this version goes with it. [`super::Config`]
//! reads its values through this table, and the warnings about what is not honoured come from it, so
//! that no key is silently ignored.

mod auth;
mod cluster;
mod env;
mod file;
mod misc;
mod server;
mod throttle;
mod tls;

/// Where a key may be written, and by which name Java finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Known to zoo.cfg alone.
    File,
    /// The system property `zookeeper.<name>`. Any key that zoo.cfg does not know becomes such a
    /// property, so it may stand there by its bare name; the file overrides `-D`.
    Property,
    /// A system property without the prefix: zoo.cfg cannot set it.
    Bare,
    /// `zookeeper.<name>`, or else `<name>` (`ConfigUtils.getPropertyBackwardCompatibleWay`).
    PropertyOrBare,
    /// zoo.cfg, or else the system property `zookeeper.<name>`.
    FileOrProperty,
    /// An environment variable of the scripts.
    Environment,
}

/// What is done with a key on this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does here what it does in Java.
    Honoured,
    /// It tunes or names a part of the Java server that has no counterpart here.
    JvmOnly(&'static str),
    /// It will be honoured; until then it does nothing.
    NotYet(&'static str),
    /// It serves Java's own tests, or clients, never a server in use.
    NotForServers(&'static str),
}

/// A range of whole numbers, and what becomes of a number outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The smallest number.
    pub min: i64,
    /// The largest number.
    pub max: i64,
    /// What is used in place of a number outside; None: the start is refused.
    pub instead: Option<i64>,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number of 32 bits.
    Int(Range),
    /// A whole number of 64 bits.
    Long(Range),
    /// A fraction.
    Real,
    /// A fraction; anything else refuses the start even where other properties fall back.
    StrictReal,
    /// `true` or `false`. In zoo.cfg anything else is refused; of a property, anything but `true`
    /// is false.
    Bool,
    /// On unless the value is this word (`no`, `false`).
    Unless(&'static str),
    /// Off unless the value is this word (`yes`).
    Only(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// A file or directory.
    Path,
    /// A host name or literal address.
    Host,
    /// The name of a Java class.
    Class,
    /// `host:port:port[:role][;[host:]port]`
    ServerSpec,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The name as in zoo.cfg, or the property's where zoo.cfg has none. A trailing `*` stands for
    /// any rest.
    pub name: &'static str,
    /// Where it may be written.
    pub scope: Scope,
    /// What its value must look like.
    pub kind: Kind,
    /// The value where none is written; empty: there is none. In parentheses: how it is derived.
    pub default: &'static str,
    /// What it counts in; empty where it does not count.
    pub unit: &'static str,
    /// The class that acts on it in Java.
    pub class: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Must its number be decimal? Java takes hexadecimal and octal for most properties.
    pub decimal: bool,
    /// How far this version goes with it.
    pub support: Support,
}

const ANY: Range = Range { min: i64::MIN, max: i64::MAX, instead: None };

const INT: Kind = Kind::Int(ANY);
const LONG: Kind = Kind::Long(ANY);
const PORT: Kind = Kind::Int(Range { min: 0, max: 65535, instead: None });

/// A whole number of at least `min`, with what a smaller one is replaced by.
const fn at_least(min: i64, instead: i64) -> Kind {
    Kind::Int(Range { min, max: i64::MAX, instead: Some(instead) })
}

const fn key(scope: Scope, name: &'static str, kind: Kind, default: &'static str) -> Key {
    let support = Support::Honoured;
    let decimal = matches!(scope, Scope::File | Scope::FileOrProperty);
    Key { name, scope, kind, default, unit: "", class: "", meaning: "", decimal, support }
}

const fn file(name: &'static str, kind: Kind, default: &'static str) -> Key {
    key(Scope::File, name, kind, default)
}

const fn property(name: &'static str, kind: Kind, default: &'static str) -> Key {
    key(Scope::Property, name, kind, default)
}

impl Key {
    const fn does(mut self, class: &'static str, meaning: &'static str) -> Self {
        self.class = class;
        self.meaning = meaning;
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn decimal(mut self) -> Self {
        self.decimal = true;
        self
    }

    const fn jvm_only(mut self, why: &'static str) -> Self {
        self.support = Support::JvmOnly(why);
        self
    }

    const fn not_yet(mut self, why: &'static str) -> Self {
        self.support = Support::NotYet(why);
        self
    }

    const fn not_for_servers(mut self, why: &'static str) -> Self {
        self.support = Support::NotForServers(why);
        self
    }

    /// Does this row stand for a key of this name?
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => self.name == name,
        }
    }

    /// The system property it is read from; None for what only zoo.cfg or the environment has.
    pub fn property(&self) -> Option<String> {
        match self.scope {
            Scope::Property | Scope::PropertyOrBare | Scope::FileOrProperty => {
                Some(format!("zookeeper.{}", self.name))
            }
            Scope::Bare => Some(self.name.to_owned()),
            Scope::File | Scope::Environment => None,
        }
    }

    /// Is it one of the keys that zoo.cfg keeps to itself, rather than make a property of?
    pub fn in_file(&self) -> bool {
        matches!(self.scope, Scope::File | Scope::FileOrProperty)
    }

    /// Can a property `zookeeper.<name>` set it?
    pub fn prefixed(&self) -> bool {
        matches!(self.scope, Scope::Property | Scope::PropertyOrBare | Scope::FileOrProperty)
    }

    /// Can a property of its bare name set it?
    pub fn bare(&self) -> bool {
        matches!(self.scope, Scope::Bare | Scope::PropertyOrBare)
    }
}

/// A part of the table.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// What the keys in it are about.
    pub title: &'static str,
    /// The keys.
    pub keys: &'static [Key],
}

/// The whole table.
pub const SECTIONS: [Section; 12] = [
    Section { title: "zoo.cfg", keys: file::SERVER },
    Section { title: "Ensemble members and limits", keys: file::ENSEMBLE },
    Section { title: "Storage", keys: server::STORAGE },
    Section { title: "Connections and requests", keys: server::REQUESTS },
    Section { title: "Watches, statistics, containers", keys: server::STATE },
    Section { title: "Throttling", keys: throttle::KEYS },
    Section { title: "Ensemble protocol", keys: cluster::KEYS },
    Section { title: "Authentication and authorization", keys: auth::KEYS },
    Section { title: "TLS", keys: tls::KEYS },
    Section { title: "Admin server, audit, metrics", keys: misc::OPERATIONS },
    Section { title: "Java, logging, tests, clients", keys: misc::OTHER },
    Section { title: "Environment of the scripts", keys: env::KEYS },
];

/// All keys, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The row that zoo.cfg keeps for itself under this name. An exact name goes before a stem.
pub fn in_file(name: &str) -> Option<&'static Key> {
    find(name, Key::in_file)
}

/// The row that the property `zookeeper.<name>` sets.
pub fn prefixed(name: &str) -> Option<&'static Key> {
    find(name, Key::prefixed)
}

/// The row that the property of this bare name sets.
pub fn bare(name: &str) -> Option<&'static Key> {
    find(name, Key::bare)
}

fn find(name: &str, scope: impl Fn(&Key) -> bool) -> Option<&'static Key> {
    let candidates = || all().filter(|key| scope(key));
    candidates().find(|key| key.name == name).or_else(|| candidates().find(|key| key.matches(name)))
}

/// Names that the documentation gives for zoo.cfg and that nothing reads, with what works.
pub const MISNAMED: [(&str, &str); 17] = [
    ("connectionMaxTokens", "connection_throttle_tokens"),
    ("connectionTokenFillTime", "connection_throttle_fill_time"),
    ("connectionTokenFillCount", "connection_throttle_fill_count"),
    ("connectionFreezeTime", "connection_throttle_freeze_time"),
    ("connectionDropIncrease", "connection_throttle_drop_increase"),
    ("connectionDropDecrease", "connection_throttle_drop_decrease"),
    ("connectionDecreaseRatio", "connection_throttle_decrease_ratio"),
    ("requestThrottleLimit", "request_throttle_max_requests"),
    ("requestThrottleStallTime", "request_throttle_stall_time"),
    ("requestThrottleDropStale", "request_throttle_drop_stale"),
    ("requestStaleLatencyCheck", "request_stale_latency_check"),
    ("requestStaleConnectionCheck", "request_stale_connection_check"),
    ("throttledOpWaitTime", "throttled_op_wait_time"),
    ("advancedFlowControlEnabled", "netty.advancedFlowControl.enabled"),
    ("outstandingHandshake.limit", "netty.server.outstandingHandshake.limit"),
    ("maxConcurrentSnapSyncs", "leader.maxConcurrentSnapSyncs"),
    ("maxTimeToWaitForEpoch", "leader.maxTimeToWaitForEpoch"),
];
