use super::*;

fn z(text: &str) -> Zxid {
    let (epoch, counter) = text.split_once('.').unwrap();
    Zxid::new(epoch.parse().unwrap(), counter.parse().unwrap())
}

fn show(zxid: Zxid) -> String {
    format!("{}.{}", zxid.epoch(), zxid.counter())
}

fn entries(list: &str) -> Vec<Entry> {
    let entry = |text| Entry { zxid: z(text), record: [].as_slice().into() };
    list.split_whitespace().map(entry).collect()
}

fn history(committed: &str, last_processed: &str) -> History {
    let mut history = History::default();
    for entry in entries(committed) {
        history.last_processed = entry.zxid;
        history.committed.add(entry).unwrap();
    }
    match z(last_processed) {
        zxid if is_new_epoch(zxid) => history.begin_epoch(zxid),
        zxid => history.last_processed = zxid,
    }
    history
}

fn plan_text(plan: &SyncPlan) -> String {
    let op = match plan.op {
        SyncOp::Diff(zxid) => format!("DIFF {}", show(zxid)),
        SyncOp::Trunc(zxid) => format!("TRUNC {}", show(zxid)),
        SyncOp::Snap(zxid) => format!("SNAP {}", show(zxid)),
    };
    let sent: Vec<String> = plan.proposals.iter().map(|e| show(e.zxid)).collect();
    format!("{op} [{}] up to {}", sent.join(" "), show(plan.sent_up_to))
}

/// Each row: committed log | last processed | peer | log on disk ("-": may not be read) | plan.
fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|r| !r.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [committed, last, peer, log, expected] = cells[..] else { panic!("{row}") };
        let history = history(committed, last);
        let options = Options { txn_log: log != "-", ..Options::default() };
        let plan = match decide(&history, z(peer), options) {
            Decision::Plan(plan) => plan,
            Decision::ReadTxnLog => plan_with_txn_log(&history, z(peer), options, &entries(log)),
        };
        assert_eq!(plan_text(&plan), expected, "{row}");
    }
}

#[test]
fn the_choice_of_the_sync() {
    check(
        "
        1.5 1.6 1.7     | 1.7 | 1.7 |                 | DIFF 1.7 [] up to 1.7
        1.5 1.6 1.7     | 1.7 | 1.5 |                 | DIFF 1.7 [1.6 1.7] up to 1.7
        1.5 1.6 1.7     | 1.7 | 1.9 |                 | TRUNC 1.7 [] up to 1.7
        1.5 1.6 1.7     | 1.7 | 2.1 |                 | TRUNC 1.7 [] up to 1.7
        1.5 1.6 1.7     | 2.0 | 2.0 |                 | DIFF 2.0 [] up to 2.0
        1.5 1.6 1.7     | 2.0 | 1.9 |                 | TRUNC 1.7 [] up to 1.7
        1.5 1.6 1.7     | 2.0 | 1.7 |                 | DIFF 1.7 [] up to 1.7
        1.5 1.6 3.1 3.2 | 3.2 | 1.6 |                 | DIFF 3.2 [3.1 3.2] up to 3.2
        1.5 1.6 3.1 3.2 | 3.2 | 1.8 |                 | SNAP 3.2 [] up to 3.2
        1.5 1.6 3.1 3.2 | 3.2 | 2.0 |                 | DIFF 3.2 [3.1 3.2] up to 3.2
        1.5 1.6 3.1 3.2 | 3.2 | 2.4 |                 | SNAP 3.2 [] up to 3.2
        1.5 1.6 3.1 3.2 | 3.2 | 3.0 |                 | DIFF 3.2 [3.1 3.2] up to 3.2
        1.5 1.6 1.7     | 1.7 | 2.0 |                 | SNAP 1.7 [] up to 1.7
        ",
    );
}

/// A snapshot of an earlier leader stands in the place of what is missing in the log: neither a TRUNC
/// to what is before the hole nor a DIFF across it may be sent.
#[test]
fn nothing_is_sent_across_a_hole_in_the_log() {
    check(
        "
        3.8 3.9 | 3.9 | 3.1 | 1.4 1.5 3.2 3.3 3.4 3.5 3.6 3.7 3.8 | SNAP 3.9 [] up to 3.9
        3.8 3.9 | 3.9 | 1.5 | 1.5 3.2 3.3 3.4 3.5 3.6 3.7 3.8     | SNAP 3.9 [] up to 3.9
        3.8 3.9 | 3.9 | 3.2 | 3.2 3.3 3.5 3.6 3.7 3.8             | SNAP 3.9 [] up to 3.9
        ",
    );
}

#[test]
fn a_learner_further_behind_is_synced_from_the_log() {
    check(
        "
        1.5 1.6 1.7 | 1.7 | 1.2 | 1.1 1.2 1.3 1.4 1.5 1.6 | DIFF 1.7 [1.3 1.4 1.5 1.6 1.7] up to 1.7
        1.5 1.6 1.7 | 1.7 | 1.2 | 1.2 1.3 1.4 1.5         | DIFF 1.7 [1.3 1.4 1.5 1.6 1.7] up to 1.7
        1.5 1.6 1.7 | 1.7 | 1.2 | 1.2 1.3                 | SNAP 1.7 [] up to 1.7
        1.5 1.6 1.7 | 1.7 | 1.2 | 1.3 1.4 1.5             | SNAP 1.7 [] up to 1.7
        1.5 1.6 1.7 | 1.7 | 1.2 |                         | SNAP 1.7 [] up to 1.7
        1.5 1.6 1.7 | 1.7 | 1.2 | -                       | SNAP 1.7 [] up to 1.7
        3.5 3.6     | 3.6 | 2.3 | 2.1 2.2 2.4 3.1 3.5     | SNAP 3.6 [] up to 3.6
        3.5 3.6     | 3.6 | 2.3 | 2.1 2.2 3.1 3.5         | SNAP 3.6 [] up to 3.6
        3.2 3.3     | 3.3 | 2.0 | 1.9 3.1 3.2             | DIFF 3.3 [3.1 3.2 3.3] up to 3.3
        ",
    );
}

#[test]
fn an_empty_committed_log_stands_for_the_tree() {
    check(
        "
          | 1.7 | 1.7 |                 | DIFF 1.7 [] up to 1.7
          | 1.7 | 1.9 |                 | TRUNC 1.7 [] up to 1.7
          | 1.7 | 1.5 | 1.5 1.6 1.7     | DIFF 1.7 [1.6 1.7] up to 1.7
          | 1.7 | 1.5 |                 | SNAP 1.7 [] up to 1.7
          | 0.0 | 0.0 |                 | DIFF 0.0 [] up to 0.0
          | 1.0 | 0.0 |                 | SNAP 1.0 [] up to 1.0
        ",
    );
}

#[test]
fn a_committed_log_that_ends_before_the_tree_cuts_nothing() {
    check(
        "
        1.5 1.6 | 1.9 | 1.8 |  | SNAP 1.9 [] up to 1.9
        1.5 1.6 | 1.9 | 1.5 |  | SNAP 1.9 [] up to 1.9
        1.5 1.6 | 1.9 | 1.9 |  | DIFF 1.9 [] up to 1.9
        ",
    );
    let mut history = history("0.1", "1.9");
    history.begin_epoch(z("2.0"));
    let Decision::Plan(plan) = decide(&history, z("1.8"), Options::default()) else { panic!() };
    assert_eq!(plan_text(&plan), "SNAP 2.0 [] up to 2.0");
}

#[test]
fn a_snapshot_can_be_forced() {
    let options = Options { force_snapshot: true, ..Options::default() };
    let Decision::Plan(plan) = decide(&history("1.5", "1.5"), z("1.5"), options) else { panic!() };
    assert_eq!(plan_text(&plan), "SNAP 1.5 [] up to 1.5");
}

#[test]
fn memory_that_moved_on_while_the_log_was_read_decides_anew() {
    let now_in_sync = history("1.5 1.6", "1.6");
    let plan = plan_with_txn_log(&now_in_sync, z("1.6"), Options::default(), &[]);
    assert_eq!(plan_text(&plan), "DIFF 1.6 [] up to 1.6");
}

#[test]
fn the_committed_log_has_no_holes_and_a_limit() {
    let mut log = CommittedLog::new(2);
    for e in entries("1.1 1.2 1.2 1.1 3.1") {
        log.add(e).unwrap();
    }
    assert_eq!((log.min(), log.max()), (Some(z("1.2")), Some(z("3.1"))));
    let hole = log.add(entries("3.3").remove(0)).unwrap_err();
    assert!(hole.to_string().contains("0x300000003 is not the next proposal of 0x300000001"));
    log.clear();
    assert_eq!(log.max(), None);
}
