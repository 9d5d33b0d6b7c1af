//! From a configuration to a running member of an ensemble.

use std::collections::BTreeMap;
use std::sync::Arc;

use log::warn;

use super::election::{Election, ElectionSettings, ElectionSink};
use super::fatal::Fatal;
use super::inbox::Inbox;
use super::member::{Member, entries};
use super::open_files;
use super::pipeline::Seat;
use super::ports;
use super::quorum_sink::{Backlog, QuorumSink};
use super::start::{
    StartError, io_error, pipeline_settings, restore_options, snapshot_options, snapshot_policy,
};
use crate::config::{Config, PeerType, QuorumConfig, QuorumServer};
use crate::ids::{Millis, Sid};
use crate::net::Clock;
use crate::net::links::{LinkSettings, Links, Port, PortSettings, Strangers};
use crate::peer::ensemble::{self, ConfigText, Ensemble, Loaded};
use crate::peer::{Effect, Event, Now, Server};
use crate::server::auth::Auth;
use crate::server::front::Front;
use crate::server::sessions::LocalSessions;
use crate::storage::{DataDirs, Epochs, Restored};
use crate::tree::DataTree;
use crate::zab::election::vote::Vote;
use crate::zab::election::{cnx, fle, initial::ElectionAddr};
use crate::zab::quorum::{QuorumVerifier, Quorums};
use crate::zab::sync::Options;
use crate::zab::{LearnerType, ServerState};

/// So many commits in half a tick show a leader who makes its quorums: an ensemble with next to nothing to
/// do is not worth the trouble.
const SPARE_AFTER: u32 = 16;

/// What a member stands on.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    pub(super) fatal: Arc<Fatal>,
    pub(super) auth: Arc<Auth>,
    pub(super) front: Arc<Front>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) seat: Arc<Seat>,
    pub(super) dirs: DataDirs,
    pub(super) clock: Clock,
}

/// Starts links and election; what is wanted done first is to look for a leader.
pub(super) fn start(
    ground: Ground<'_>,
    restored: &mut Restored,
) -> Result<(Server, Member, Vec<Effect>), StartError> {
    let config = ground.config;
    let own = own_server(config)?;
    let quorums = quorums(config);
    let epochs = Epochs::load(&ground.dirs, restored.last_zxid)?;
    let backlog = Arc::new(Backlog::default());
    let links = start_links(&ground, own, &backlog)?;
    let election = start_election(&ground, own, &quorums, &links, restored, &epochs)?;
    let snapshots = snapshot_policy(config, ground.clock.wall().unsigned_abs(), restored);
    // The tree is in the front already.
    let tree = std::mem::replace(
        &mut *ground.front.db.write_tree(),
        DataTree::new(restored.tree.options()),
    );
    let database = Loaded {
        tree,
        sessions: std::mem::take(&mut restored.sessions),
        committed: entries(std::mem::take(&mut restored.committed)),
    };
    let parts = ensemble::Parts {
        front: Arc::clone(&ground.front),
        auth: Arc::clone(&ground.auth),
        snapshots,
        quorums,
        epochs: ensemble::Epochs { accepted: epochs.accepted(), current: epochs.current() },
        loaded: database,
    };
    let mut effects = Vec::new();
    let now = Now { mono: ground.clock.now(), wall: ground.clock.wall() };
    let server = Ensemble::new(settings(config, own.sid), parts, now, &mut effects);
    let member = member(ground, own, epochs, (links, backlog), election)?;
    Ok((Server::Member(Box::new(server)), member, effects))
}

pub(super) fn own_server(config: &Config) -> Result<&QuorumServer, StartError> {
    let id = config.quorum.my_id.ok_or_else(|| {
        StartError::Unsupported("myid file is missing, and an ensemble needs one".to_owned())
    })?;
    config.quorum.members.servers.get(&id).ok_or(StartError::NotAMember(id))
}

fn quorums(config: &Config) -> Quorums {
    Quorums::new(Arc::new(QuorumVerifier::new(config.quorum.members.clone())))
}

fn kind(config: &Config) -> LearnerType {
    match config.quorum.peer_type {
        PeerType::Participant => LearnerType::Participant,
        PeerType::Observer => LearnerType::Observer,
    }
}

fn tick(config: &Config) -> Millis {
    config.sessions.tick_time_ms.into()
}

fn count(n: i32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn settings(config: &Config, my_id: Sid) -> ensemble::Settings {
    let quorum = &config.quorum;
    let mut pipeline = pipeline_settings(config);
    pipeline.prep.in_ensemble = true;
    ensemble::Settings {
        my_id,
        kind: kind(config),
        tick_time: tick(config),
        init_limit: quorum.init_limit.into(),
        sync_limit: quorum.sync_limit.into(),
        connect_limit: quorum.connect_to_learner_master_limit.into(),
        pauses: ensemble::Pauses {
            between_calls: quorum.tuning.call_pause_ms.into(),
            observer_calls: quorum.tuning.observer_call_pause_ms,
            observer_looks: quorum.tuning.observer_look_pause_ms,
        },
        initial_zxid: quorum.tuning.initial_zxid,
        ack_logging_frequency: quorum.tuning.ack_logging_frequency.into(),
        max_time_to_wait_for_epoch: quorum.tuning.max_time_to_wait_for_epoch_ms.into(),
        max_concurrent_snap_syncs: count(quorum.tuning.max_concurrent_snap_syncs),
        max_concurrent_diff_syncs: count(quorum.tuning.max_concurrent_diff_syncs),
        max_strangers: open_files::strangers(),
        spare_after: SPARE_AFTER,
        leader_serves: quorum.tuning.leader_serves,
        log_enabled: quorum.sync_enabled || quorum.peer_type == PeerType::Participant,
        sync: Options {
            txn_log: config.storage.snapshot_size_factor >= 0.0,
            force_snapshot: quorum.tuning.force_snapshot_sync,
            ..Options::default()
        },
        committed_limit: count(config.storage.commit_log_count),
        config: ConfigText { text: quorum.members.text(), version: quorum.members.version },
        read_only_mode: config.server.read_only_mode,
        local_sessions: local_sessions(config),
        pipeline,
        faults: ensemble::Faults::default(),
    }
}

fn local_sessions(config: &Config) -> LocalSessions {
    let sessions = &config.sessions;
    match (sessions.local_sessions, sessions.local_session_upgrading) {
        (false, _) => LocalSessions::Off,
        (true, false) => LocalSessions::Only,
        (true, true) => LocalSessions::Upgrading,
    }
}

fn start_links(
    ground: &Ground<'_>,
    own: &QuorumServer,
    backlog: &Arc<Backlog>,
) -> Result<Links, StartError> {
    let config = ground.config;
    let tuning = &config.quorum.tuning;
    let settings = LinkSettings {
        election: PortSettings {
            keep_alive: tuning.tcp_keep_alive,
            unreachable_after: unreachable_after(&config.quorum),
            ..PortSettings::default()
        },
        quorum: PortSettings {
            accepted_nodelay: tuning.leader_nodelay,
            connected_nodelay: tuning.follower_nodelay,
            strangers: Some(Strangers {
                max: open_files::strangers(),
                timeout: Millis::from(config.quorum.init_limit) * tick(config),
            }),
            ..PortSettings::default()
        },
    };
    let links = Links::start(settings, ground.clock).map_err(io_error("cannot start the links"))?;
    links.serve(Port::Quorum, Arc::new(QuorumSink::new(&ground.inbox, &ground.seat, backlog)));
    let addresses = ports::addresses(config, own, |a| a.election_port);
    ports::bind_for_votes(&links, addresses, tuning.election_bind_retry, &ground.fatal)?;
    Ok(links)
}

/// How long an address of a peer that has several may be silent (`asyncValidateIfSocketIsStillReachable`).
/// Which of them is called needs no such check: all are called at the same time.
fn unreachable_after(quorum: &QuorumConfig) -> Option<Millis> {
    let timeout = Millis::from(quorum.multi_address_reachability_timeout_ms);
    let checked = quorum.multi_address && quorum.multi_address_reachability_check;
    (checked && timeout > 0).then_some(timeout)
}

fn start_election(
    ground: &Ground<'_>,
    own: &QuorumServer,
    quorums: &Quorums,
    links: &Links,
    restored: &Restored,
    epochs: &Epochs,
) -> Result<Election, StartError> {
    let config = ground.config;
    let tuning = &config.quorum.tuning;
    let settings = ElectionSettings {
        fle: fle::Settings {
            kind: kind(config),
            min_notification_interval: tuning.min_notification_ms.into(),
            max_notification_interval: tuning.max_notification_ms.into(),
            ..fle::Settings::new(own.sid)
        },
        cnx: cnx::Settings {
            my_id: own.sid,
            addresses: own
                .addresses
                .iter()
                .map(|a| ElectionAddr { host: a.host.clone(), port: a.election_port })
                .collect(),
            multi_address: config.quorum.multi_address,
            greeting_timeout: greeting_timeout(config),
            max_strangers: open_files::strangers(),
            fault_ebcdic: false,
        },
        connect_timeout: tuning.cnx_timeout_ms.max(1).into(),
    };
    let sink = Arc::new(Votes { inbox: Arc::clone(&ground.inbox) });
    let start = (restored.last_zxid, epochs.current());
    Election::start(settings, quorums.clone(), start, links.clone(), ground.clock, sink)
        .map_err(io_error("cannot start the election"))
}

/// `quorumCnxnTimeoutMs`, where it is one (`QuorumPeer.createCnxnManager`).
fn greeting_timeout(config: &Config) -> Millis {
    match config.quorum.tuning.quorum_cnxn_timeout_ms {
        ms @ 1.. => ms.into(),
        _ => tick(config) * Millis::from(config.quorum.sync_limit),
    }
}

fn member(
    ground: Ground<'_>,
    own: &QuorumServer,
    epochs: Epochs,
    (links, backlog): (Links, Arc<Backlog>),
    election: Election,
) -> Result<Member, StartError> {
    let config = ground.config;
    let quorum = &config.quorum;
    let limit = match quorum.connect_to_learner_master_limit {
        0 => quorum.init_limit,
        limit => limit,
    };
    let addresses = quorum.members.servers.values().map(|server| {
        let ports = server.addresses.iter().map(|a| (a.host.clone(), a.quorum_port));
        (server.sid, ports.collect())
    });
    Ok(Member {
        addresses: addresses.collect::<BTreeMap<_, _>>(),
        listen: ports::addresses(config, own, |a| a.quorum_port),
        connect_timeout: Millis::from(limit) * tick(config),
        patience: Millis::from(quorum.init_limit) * tick(config),
        snapshot_size_factor: config.storage.snapshot_size_factor,
        restore: restore_options(config),
        snapshot: snapshot_options(config),
        front: ground.front,
        inbox: ground.inbox,
        clock: ground.clock,
        dirs: ground.dirs,
        epochs,
        links,
        backlog,
        election,
    })
}

/// The election's news, on their way to the server's thread.
struct Votes {
    inbox: Arc<Inbox>,
}

impl ElectionSink for Votes {
    fn decided(&self, vote: Vote, state: ServerState) {
        self.inbox.tell(Event::Elected(vote, state));
    }

    fn voter_looking(&self, sid: Sid, epoch: i64) {
        self.inbox.tell(Event::VoterLooking { sid, epoch });
    }

    fn adopt_config(&self, config: Arc<QuorumVerifier>) {
        warn!(
            "a newer configuration is in force elsewhere, which reconfigEnabled=false forbids: {config}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::config;

    #[test]
    fn who_calls_is_waited_for_as_configured_or_some_ticks() {
        let of =
            |lines: &str| greeting_timeout(&config(&format!("tickTime=500\nsyncLimit=4\n{lines}")));
        assert_eq!((of(""), of("quorumCnxnTimeoutMs=700\n")), (2_000, 700));
        assert_eq!((of("quorumCnxnTimeoutMs=0\n"), of("quorumCnxnTimeoutMs=-1\n")), (2_000, 2_000));
    }
}
