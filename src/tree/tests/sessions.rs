//! Ephemerals and the end of their sessions.

use super::*;
use crate::ids::SessionId;

fn close(run: &mut Run, session: i64, txn: &Txn) {
    run.events();
    run.apply_as(session, op::CLOSE_SESSION, txn);
}

#[test]
fn an_ephemeral_belongs_to_its_session() {
    let mut run = Run::new();
    run.create_ephemeral(3, "/e");
    run.create_ephemeral(4, "/f");
    assert_eq!(run.ephemerals(3), ["/e"]);
    assert_eq!((run.tree.ephemerals_count(), run.stat("/e").ephemeral_owner), (2, 3));
    assert_eq!(run.tree.node("/e").unwrap().stat().ephemeral_owner, 3);
}

#[test]
fn a_session_that_lost_its_ephemerals_is_listed_until_it_is_closed() {
    let mut run = Run::new();
    run.create_ephemeral(3, "/e");
    run.delete("/e");
    assert_eq!(run.tree.ephemeral_sessions().collect::<Vec<_>>(), [SessionId(3)]);
    close(&mut run, 3, &Txn::CloseSession(None));
    assert_eq!(run.tree.ephemeral_sessions().count(), 0);
}

#[test]
fn a_close_deletes_what_it_names_in_its_order() {
    let mut run = Run::new();
    for path in ["/a", "/b", "/c"] {
        run.create_ephemeral(3, path);
    }
    close(&mut run, 3, &close_txn(&["/c", "/a", "/b"]));
    let deleted: Vec<String> = run.events().into_iter().step_by(2).collect();
    assert_eq!(deleted, ["deleted /c anyone", "deleted /a anyone", "deleted /b anyone"]);
    assert_eq!((run.tree.ephemerals_count(), run.stat("/").pzxid), (0, 4));
}

#[test]
fn a_close_without_a_list_deletes_what_the_session_owns() {
    let mut run = Run::new();
    run.create_ephemeral(3, "/a");
    run.create_ephemeral(3, "/b");
    run.create_ephemeral(4, "/c");
    close(&mut run, 3, &Txn::CloseSession(None));
    assert_eq!((run.tree.node_count(), run.events().len()), (6, 4));
    close(&mut run, 4, &Txn::CloseSession(Some(CloseSessionTxn::default())));
    assert_eq!(run.tree.node_count(), 5);
}

#[test]
fn a_close_deletes_also_what_its_list_lacks() {
    let mut run = Run::new();
    run.create_ephemeral(3, "/a");
    run.create_ephemeral(3, "/b");
    close(&mut run, 3, &close_txn(&["/a"]));
    assert_eq!(run.tree.node_count(), 5);
}

#[test]
fn in_replay_a_close_deletes_by_name_whoever_owns_the_node_by_now() {
    let mut run = Run::new();
    run.create_ephemeral(4, "/a");
    close(&mut run, 3, &close_txn(&["/a", "/gone"]));
    assert_eq!((run.tree.ephemerals_count(), run.tree.node_count()), (0, 5));
}

#[test]
fn the_sink_hears_of_each_node_that_goes_with_its_session() {
    #[derive(Default)]
    struct Audit(Vec<(i64, String, bool)>);
    impl EventSink for Audit {
        fn on_event(&mut self, _: EventType, _: &str, _: &SharedAcl, _: Zxid) {}
        fn on_session_delete(&mut self, session: SessionId, path: &str, deleted: bool) {
            self.0.push((session.0, path.to_owned(), deleted));
        }
    }
    let mut run = Run::new();
    run.create_ephemeral(3, "/a");
    let header = TxnHeader { client_id: 3, zxid: 9, kind: op::CLOSE_SESSION, ..Default::default() };
    let mut audit = Audit::default();
    run.tree.apply(&header, &close_txn(&["/b", "/a"]), &mut audit);
    assert_eq!(audit.0, [(3, "/b".to_owned(), false), (3, "/a".to_owned(), true)]);
}
