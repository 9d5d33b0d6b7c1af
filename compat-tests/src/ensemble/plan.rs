//! What an ensemble is to be: whose servers, which of them observe, what their files say.

use std::path::PathBuf;

use crate::server::Kind;

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whose servers, by member; member 0 is `server.1`.
    pub kinds: Vec<Kind>,
    /// How many of them, from the end, are observers.
    pub observers: usize,
    /// `tickTime` in ms.
    pub tick_ms: u32,
    /// More lines of every `zoo.cfg`.
    pub lines: Vec<(String, String)>,
    /// System properties of every member.
    pub properties: Vec<(String, String)>,
    /// Whether the members reach each other through a [`Network`](super::proxy::Network).
    pub proxied: bool,
    /// Options of the JVM, as `-Xmx1g`; nothing for ours.
    pub jvm: Vec<String>,
    /// Where the members' directories are made; none is the system's place for what is temporary.
    pub dir: Option<PathBuf>,
}

/// What lets many JVMs start beside each other on a small machine.
const SMALL_JVM: [&str; 3] = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

impl Plan {
    /// Voters of these kinds, all other things as most tests want them.
    pub fn new(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            observers: 0,
            tick_ms: 500,
            lines: vec![],
            properties: vec![],
            proxied: false,
            jvm: SMALL_JVM.map(str::to_owned).to_vec(),
            dir: None,
        }
    }

    /// The last `n` members observe.
    #[must_use]
    pub fn observers(mut self, n: usize) -> Self {
        self.observers = n;
        self
    }

    /// One more line for every `zoo.cfg`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.lines.push((key.to_owned(), value.to_owned()));
        self
    }

    /// One more system property, which has no line in `zoo.cfg`.
    #[must_use]
    pub fn with_property(mut self, key: &str, value: &str) -> Self {
        self.properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The members reach each other through proxies.
    #[must_use]
    pub fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// Whether a member observes.
    pub(super) fn is_observer(&self, member: usize) -> bool {
        member + self.observers >= self.kinds.len()
    }
}
