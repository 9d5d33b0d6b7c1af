//! Limits, usage and how they are kept.

use super::*;
use crate::tree::quota::{StatsTrack, limits_path, stats_path};

/// Creates what `setquota` creates for `path`.
fn set_quota(run: &mut Run, path: &str, limits: &str) {
    let mut parent = quota::QUOTA_ROOT.to_owned();
    for name in path.split('/').skip(1) {
        parent = format!("{parent}/{name}");
        run.create(&parent, "");
    }
    run.create(&limits_path(path), limits);
    run.create(&stats_path(path), "count=0,bytes=0");
}

fn usage(run: &Run, path: &str) -> (i64, i64) {
    let usage = run.tree.quota_usage(path).unwrap();
    (usage.count(), usage.bytes())
}

#[test]
fn the_usage_is_counted_when_its_node_is_made_and_then_kept() {
    let mut run = Run::new();
    run.create("/a", "12");
    run.create("/a/b", "345");
    set_quota(&mut run, "/a", "count=10,bytes=100");
    assert_eq!(usage(&run, "/a"), (2, 5));
    run.create("/a/c", "6");
    assert_eq!(usage(&run, "/a"), (3, 6));
    run.set("/a/b", "");
    assert_eq!(usage(&run, "/a"), (3, 3));
    run.delete("/a/b");
    assert_eq!(usage(&run, "/a"), (2, 3));
    assert_eq!(run.data(&stats_path("/a")), Some("count=2,bytes=3"));
    assert_eq!(run.stat(&stats_path("/a")).version, 0, "no stat shows it");
    assert_eq!(run.tree.quota_limits("/a").unwrap().count(), 10);
}

#[test]
fn only_the_nearest_quota_is_charged() {
    let mut run = Run::new();
    run.create("/a", "");
    run.create("/a/b", "");
    set_quota(&mut run, "/a", "count=10");
    set_quota(&mut run, "/a/b", "count=10");
    run.create("/a/b/c", "12");
    run.create("/ab", "");
    assert_eq!((usage(&run, "/a"), usage(&run, "/a/b")), ((2, 0), (2, 2)));
    assert_eq!(run.tree.quota_prefix("/a/b/c").as_deref(), Some("/a/b"));
    assert_eq!(run.tree.quota_prefix("/a/x").as_deref(), Some("/a"));
    assert_eq!(run.tree.quota_prefix("/ab"), None);
    assert_eq!(run.tree.quota_prefix("/"), None);
}

#[test]
fn without_limits_there_is_no_quota() {
    let mut run = Run::new();
    run.create("/a", "");
    set_quota(&mut run, "/a", "count=10");
    run.delete(&limits_path("/a"));
    run.create("/a/b", "");
    assert_eq!((usage(&run, "/a"), run.tree.quota_prefix("/a/b")), ((1, 0), None));
}

#[test]
fn the_root_takes_no_quota() {
    let mut run = Run::new();
    run.create(&limits_path(""), "count=1");
    run.create("/a", "");
    assert_eq!(run.tree.quota_prefix("/a"), None);
}

#[test]
fn a_usage_that_is_gone_or_nonsense_stops_nothing() {
    let mut run = Run::new();
    run.create("/a", "");
    set_quota(&mut run, "/a", "count=10");
    run.set(&stats_path("/a"), "a;=,count=x=y,,b=");
    run.create("/a/b", "1");
    assert_eq!(run.data(&stats_path("/a")), Some("count=0,bytes=0=;=-1;b=-1"));
    run.delete(&stats_path("/a"));
    assert_eq!(run.create("/a/c", "1").err, 0);
    assert_eq!(run.tree.quota_usage("/a"), None);
}

#[test]
fn usage_is_counted_anew_when_the_tree_is_loaded() {
    let mut run = Run::new();
    run.create("/a", "12");
    set_quota(&mut run, "/a", "count=10");
    run.set(&stats_path("/a"), "count=99,bytes=99");
    let tree = load(run.tree.options(), &acls(&run.tree), &nodes(&run.tree)).unwrap();
    let counted = tree.quota_usage("/a").unwrap();
    assert_eq!((counted.count(), counted.bytes()), (1, 2));
    assert_eq!(tree.quota_prefix("/a/b").as_deref(), Some("/a"));
}

#[test]
fn blank_components_do_not_count_for_quotas() {
    let mut run = Run::new();
    run.create("/a", "");
    run.create("/a/ ", "");
    run.create("/a/ /b", "");
    set_quota(&mut run, "/a/b", "count=1");
    assert_eq!(run.tree.quota_prefix("/a/ /b/c").as_deref(), Some("/a/b"));
}

#[test]
fn quota_text_is_read_and_written_as_old_parsers_need_it() {
    let text = "count=4,bytes=5=;byteHardLimit=7;countHardLimit=6";
    let track = StatsTrack::parse(text.as_bytes());
    assert_eq!((track.count(), track.bytes()), (4, 5));
    assert_eq!((track.count_hard_limit(), track.byte_hard_limit()), (6, 7));
    assert_eq!(track.to_string(), text);
    let none = StatsTrack::parse(b"");
    assert_eq!((none.count(), none.bytes(), none.count_hard_limit()), (-1, -1, -1));
    assert_eq!(none.to_string(), "count=-1,bytes=-1");
    assert_eq!(StatsTrack::parse(b"bytes=;count=3").bytes(), -1);
    assert_eq!(StatsTrack::parse(&[0xff, b'=', b'1']).to_string(), "count=-1,bytes=-1=;\u{fffd}=1");
}
