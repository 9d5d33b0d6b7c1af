//! Watch events and changes of the connection, as text that appears beside the commands (Java:
//! `MyWatcher`, `WatchedEvent.toString`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::client::{Event, KeeperState, RemovedWatch};

/// Puts a text with its line ends before the person or program that listens.
pub type Notify = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts to pass on what comes out of `events`, as long as `wanted` is set. The result hangs up
/// once the last event is passed on.
pub(super) fn pass_on(
    events: Receiver<Event>,
    wanted: Arc<AtomicBool>,
    notify: Notify,
) -> Receiver<()> {
    let (running, ended) = sync_channel(0);
    thread::spawn(move || {
        let mut state = KeeperState::SyncConnected;
        for event in events {
            if let Event::State(now) = event {
                state = now;
            }
            if wanted.load(Ordering::Relaxed) {
                notify(&format!("\nWATCHER::\n\n{}\n", text(&event, state)));
            }
        }
        drop(running);
    });
    ended
}

fn text(event: &Event, state: KeeperState) -> String {
    let (kind, path, zxid) = match event {
        Event::State(_) => ("None".to_owned(), "null", -1),
        Event::Watch { kind, path, zxid } => (format!("{kind:?}"), path.as_str(), zxid.0),
        Event::WatchRemoved { what, path } => {
            let kind = match what {
                RemovedWatch::Child => "ChildWatchRemoved",
                RemovedWatch::Data => "DataWatchRemoved",
                RemovedWatch::Persistent => "PersistentWatchRemoved",
            };
            (kind.to_owned(), path.as_str(), -1)
        }
    };
    let state = match event {
        Event::State(_) => state,
        // Only a connection brings watch events, and Java does not say of which kind.
        _ => KeeperState::SyncConnected,
    };
    format!("WatchedEvent state:{state:?} type:{kind} path:{path} zxid: {zxid}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Zxid;
    use crate::tree::EventType;

    #[test]
    fn events_read_as_javas() {
        let state = KeeperState::ConnectedReadOnly;
        assert_eq!(
            text(&Event::State(state), state),
            "WatchedEvent state:ConnectedReadOnly type:None path:null zxid: -1"
        );
        let kind = EventType::NodeDataChanged;
        let watch = Event::Watch { kind, path: "/a".to_owned(), zxid: Zxid(7) };
        assert_eq!(
            text(&watch, state),
            "WatchedEvent state:SyncConnected type:NodeDataChanged path:/a zxid: 7"
        );
    }
}
