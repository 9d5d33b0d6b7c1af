//! What `wchs`, `wchc`, `wchp` and the admin server's `watches*` commands show. As in Java, that is
//! the watches of data (with persistent and recursive ones); those of children never show.

use std::fmt;

use super::WatchManager;
use super::modes::Modes;
use crate::ids::ConnId;

/// How many watches there are (`WatchesSummary`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchesSummary {
    /// Connections that watch, or watched until the last watch fired.
    pub connections: usize,
    /// Paths that are watched.
    pub paths: usize,
    /// Watches.
    pub watches: usize,
}

/// The text of `wchs`, without the last line's end.
impl fmt::Display for WatchesSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} connections watching {} paths", self.connections, self.paths)?;
        write!(f, "Total watches:{}", self.watches)
    }
}

impl WatchManager {
    /// The counts behind `wchs`.
    pub fn summary(&self) -> WatchesSummary {
        WatchesSummary {
            connections: self.table.listed(),
            paths: self.table.data_paths(),
            watches: self.table.data_watches(),
        }
    }

    /// The watched paths by connection, behind `wchc`. A connection whose watches all fired is there
    /// without paths.
    pub fn by_connection(&self) -> impl Iterator<Item = (ConnId, impl Iterator<Item = &str>)> {
        let table = &self.table;
        table.conns.iter().flatten().filter(|conn| conn.is_listed).map(move |conn| {
            let entries = conn.links.iter().map(|link| link.entry());
            let with_data = entries.filter(|&e| table.modes(e).intersects(Modes::DATA));
            (conn.id, with_data.map(move |(path, _)| table.name(path)))
        })
    }

    /// The watching connections by path, behind `wchp`.
    pub fn by_path(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = ConnId>)> {
        let table = &self.table;
        table.paths.iter().flatten().filter(|path| path.data > 0).map(move |path| {
            let with_data = path.watchers.iter().filter(|w| w.modes.intersects(Modes::DATA));
            (&*path.path, with_data.map(move |w| table.conn_id(w.conn)))
        })
    }
}
