use std::borrow::Cow;

use jute::data::{Acl, Id, StatPersisted};

use super::*;
use crate::runtime::start_thread;

/// On the thread that hands over, and on one of its own.
fn plantings() -> [Planting; 2] {
    let options = TreeOptions { extended_types: true, ..TreeOptions::default() };
    [None, Some(start_thread as StartThread)]
        .map(|threads| Planting::start(options, threads).unwrap())
}

fn node(path: &str) -> Item<'_> {
    let stat = StatPersisted::default();
    Item::Node { path: Cow::Borrowed(path), data: Some(path.as_bytes()), acl: 5, stat }
}

#[test]
fn all_batches_are_planted_in_their_order() {
    let acl = Acl { perms: 1, id: Id { scheme: None, id: None } };
    for mut planting in plantings() {
        planting.take(Item::Session(SessionId(3), 4000)).unwrap();
        planting.take(Item::Acl(5, SharedAcl::from([acl.clone()]))).unwrap();
        let mut paths = vec![String::new()];
        for i in 0..BATCH * WAITING * 2 {
            paths.push(format!("{}/{i}", paths[i / 3]));
        }
        paths.iter().for_each(|path| planting.take(node(path)).unwrap());
        planting.take(Item::End).unwrap();
        let (loader, sessions) = planting.finish().unwrap();
        assert_eq!(sessions, HashMap::from([(SessionId(3), 4000)]));
        let tree = loader.finish().unwrap();
        assert_eq!(tree.node_count(), paths.len() + 1);
        for path in &paths[1..] {
            let found = tree.node(path).unwrap();
            assert_eq!(
                (found.data(), &found.acl()[..]),
                (Some(path.as_bytes()), &[acl.clone()][..])
            );
        }
    }
}

#[test]
fn what_cannot_be_planted_ends_the_taking() {
    for mut planting in plantings() {
        planting.take(node("")).unwrap();
        planting.take(node("/a/b")).unwrap();
        while planting.take(node("/c")).is_ok() {}
        let error = planting.finish().err();
        assert_eq!(error, Some(LoadError::NoParent { path: "/a/b".to_owned() }));
    }
}

#[test]
fn an_owner_that_means_nothing_is_refused_at_once() {
    for mut planting in plantings() {
        let owner = 0xff00_0100_0000_0001_u64 as i64;
        let stat = StatPersisted { ephemeral_owner: owner, ..StatPersisted::default() };
        let item = Item::Node { path: Cow::Borrowed("/t"), data: None, acl: -1, stat };
        let error = planting.take(item).unwrap_err();
        assert_eq!(error, "Invalid ephemeralOwner. [ff00010000000001] of path /t");
        assert!(planting.finish().is_ok(), "nothing is wrong with what was planted");
    }
}
