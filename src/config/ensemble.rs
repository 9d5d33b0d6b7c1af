//! What the configuration says on the ensemble, and the rules that Java holds it to
//! (`QuorumPeerConfig.setupQuorumPeerConfig`).

use std::path::PathBuf;

use super::error::ConfigError;
use super::interpret::Resolve;
use super::java;
use super::membership::Reading;
use super::quorum::{HostPort, Membership, PeerType, QuorumConfig, QuorumSasl, QuorumTuning};
use super::settings::ListenAddress;
use super::values::Values;
use super::written::{self, DynamicFile, Written};
use crate::ids::Sid;

type Result<T> = std::result::Result<T, ConfigError>;

/// What stands for no id in Java: in the file `myid`, too.
const UNSET_SERVERID: Sid = Sid(-1);

/// Reads and checks everything about the ensemble. The client address of this server's own line, if
/// it has one, replaces what the static file says.
pub(super) fn quorum(
    values: &mut Values<'_>,
    written: &Written,
    client: &mut Option<ListenAddress>,
    resolve: Resolve<'_>,
) -> Result<QuorumConfig> {
    check_members_are_apart(values, written)?;
    let mut quorum = limits_and_switches(values)?;
    let reading = Reading {
        multi_address: multi_address_property(values),
        ignore_groups: quorum.oracle_path.is_some(),
    };
    match &written.dynamic {
        None => {
            let members = Membership::parse(&written.entries, reading);
            quorum.members = members.map_err(|message| values.error(message))?;
        }
        Some(dynamic) => {
            quorum.members = dynamic_members(dynamic, reading)?;
            quorum.last_seen = next_members(values, written, reading)?;
        }
    }
    check_members(values, &quorum)?;
    let my_id = written.my_id.as_deref().map(|text| my_id(values, text)).transpose()?;
    quorum.my_id = my_id.filter(|id| *id != UNSET_SERVERID);
    settle_client_address(values, &mut quorum, client, resolve)?;
    settle_peer_type(values, &mut quorum);
    check_limits(values, &quorum)?;
    Ok(quorum)
}

fn tuning(values: &mut Values<'_>) -> Result<QuorumTuning> {
    Ok(QuorumTuning {
        leader_serves: values.flag("leaderServes")?,
        leader_nodelay: values.flag("leader.nodelay")?,
        follower_nodelay: values.flag("follower.nodelay")?,
        cnx_timeout_ms: values.int("cnxTimeout")?,
        quorum_cnxn_timeout_ms: values.int("quorumCnxnTimeoutMs")?,
        election_bind_retry: values.int("electionPortBindRetry")?,
        tcp_keep_alive: values.flag("tcpKeepAlive")?,
        min_notification_ms: values.int("fastleader.minNotificationInterval")?,
        max_notification_ms: values.int("fastleader.maxNotificationInterval")?,
        max_time_to_wait_for_epoch_ms: values.int("leader.maxTimeToWaitForEpoch")?,
        max_concurrent_snap_syncs: values.int("leader.maxConcurrentSnapSyncs")?,
        max_concurrent_diff_syncs: values.int("leader.maxConcurrentDiffSyncs")?,
        call_pause_ms: values.int("leaderConnectDelayDuringRetryMs")?,
        observer_call_pause_ms: values.long("observer.reconnectDelayMs")?,
        observer_look_pause_ms: values.long("observer.election.DelayMs")?,
        ack_logging_frequency: values.int("leader.ackLoggingFrequency")?,
        force_snapshot_sync: values.flag("forceSnapshotSync")?,
        initial_zxid: values.long_if_set("testingonly.initialZxid")?,
    })
}

fn limits_and_switches(values: &mut Values<'_>) -> Result<QuorumConfig> {
    if values.int("electionAlg")? != 3 {
        return Err(values.error("Invalid electionAlg value. Only 3 is supported."));
    }
    let peer_type = PeerType::parse(&values.word("peerType")?).map_err(|e| values.error(e))?;
    let sync_enabled = values.flag("syncEnabled")?;
    Ok(QuorumConfig {
        my_id: None,
        members: Membership::default(),
        last_seen: None,
        dynamic_file: values.text_if_set("dynamicConfigFile").map(PathBuf::from),
        standalone_enabled: values.flag("standaloneEnabled")?,
        reconfig_enabled: values.flag("reconfigEnabled")?,
        init_limit: values.int("initLimit")?,
        sync_limit: values.int("syncLimit")?,
        connect_to_learner_master_limit: values.int("connectToLearnerMasterLimit")?,
        peer_type,
        observer_master_port: observer_master_port(values)?,
        sync_enabled: values.flag_if_set("observer.syncEnabled")?.unwrap_or(sync_enabled),
        listen_on_all_ips: values.flag("quorumListenOnAllIPs")?,
        ssl_quorum: values.flag("sslQuorum")?,
        port_unification: values.flag("portUnification")?,
        ssl_reload_cert_files: values.flag("sslQuorumReloadCertFiles")?,
        multi_address: values.flag("multiAddress.enabled")?,
        multi_address_reachability_check: values.flag("multiAddress.reachabilityCheckEnabled")?,
        multi_address_reachability_timeout_ms: values
            .int("multiAddress.reachabilityCheckTimeoutMs")?,
        oracle_path: values.text_if_set("oraclePath").map(PathBuf::from),
        sasl: sasl(values)?,
        cnxn_threads: values.int("quorum.cnxn.threads.size")?,
        tuning: tuning(values)?,
    })
}

fn observer_master_port(values: &mut Values<'_>) -> Result<Option<u16>> {
    let port = values.int("observerMasterPort")?;
    if port > i32::from(u16::MAX) {
        values.warn("observerMasterPort", format!("{port} is no port, no observers are served"));
    }
    Ok(u16::try_from(port).ok().filter(|&port| port != 0))
}

fn sasl(values: &mut Values<'_>) -> Result<QuorumSasl> {
    const ENABLE: &str = "quorum.auth.enableSasl";
    const SERVER: &str = "quorum.auth.serverRequireSasl";
    const LEARNER: &str = "quorum.auth.learnerRequireSasl";
    let sasl = QuorumSasl {
        enabled: values.flag(ENABLE)?,
        server_required: values.flag(SERVER)?,
        learner_required: values.flag(LEARNER)?,
        learner_login_context: values.text("quorum.auth.learner.saslLoginContext"),
        server_login_context: values.text("quorum.auth.server.saslLoginContext"),
        service_principal: values.text("quorum.auth.kerberos.servicePrincipal"),
    };
    for (on, wanted, needs) in [
        (sasl.enabled, (sasl.server_required, SERVER), ENABLE),
        (sasl.enabled, (sasl.learner_required, LEARNER), ENABLE),
        (sasl.learner_required, (sasl.server_required, SERVER), LEARNER),
    ] {
        if wanted.0 && !on {
            let wanted = wanted.1;
            return Err(values.error(format!("{needs} is disabled, so cannot enable {wanted}")));
        }
    }
    Ok(sasl)
}

/// Java asks the property alone when it reads server lines, whatever zoo.cfg says.
fn multi_address_property(values: &Values<'_>) -> bool {
    let value = values.properties().get("zookeeper.multiAddress.enabled");
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// With a dynamic file, zoo.cfg itself must not list members.
fn check_members_are_apart(values: &Values<'_>, written: &Written) -> Result<()> {
    if written.entries.get("dynamicConfigFile").is_none() {
        return Ok(());
    }
    match written.entries.iter().map(|(key, _)| java::trim(key)).find(|key| lists_members(key)) {
        Some(key) => {
            Err(values.error(format!("parameter: {key} must be in a separate dynamic config file")))
        }
        None => Ok(()),
    }
}

pub(super) fn lists_members(key: &str) -> bool {
    ["server.", "group", "weight"].iter().any(|stem| key.starts_with(stem))
}

/// A dynamic file holds members and nothing else; its version is at the end of its name
/// (`QuorumPeerConfig.parse`, `parseDynamicConfig`).
fn dynamic_members(dynamic: &DynamicFile, reading: Reading) -> Result<Membership> {
    let blame = |message: String| ConfigError::file(&dynamic.path, message);
    let mut entries = written::parse(&dynamic.text).map_err(blame)?;
    if entries.get("version").is_some() {
        return Err(blame("dynamic file shouldn't have version inside".to_owned()));
    }
    if let Some((key, _)) = entries.iter().find(|(key, _)| !lists_members(java::trim(key))) {
        return Err(blame(format!("Unrecognised parameter: {key}")));
    }
    if let Some(version) = version_of(&dynamic.path) {
        entries.set("version", format!("{version:x}"));
    }
    Membership::parse(&entries, reading).map_err(blame)
}

/// `zoo.cfg.dynamic.1001` is version 0x1001; a name without a hexadecimal end has none.
fn version_of(path: &str) -> Option<i64> {
    let (_, end) = path.rsplit_once('.')?;
    java::parse_radix(end, 16)
}

/// What a reconfiguration that was under way proposed. A file that cannot be read is passed over.
fn next_members(
    values: &mut Values<'_>,
    written: &Written,
    reading: Reading,
) -> Result<Option<Membership>> {
    let Some(text) = &written.next else { return Ok(None) };
    let entries = written::parse(text).map_err(|message| values.error(message))?;
    let reading = Reading { ignore_groups: false, ..reading };
    let members = Membership::parse(&entries, reading);
    members.map(Some).map_err(|message| values.error(message))
}

fn check_members(values: &mut Values<'_>, quorum: &QuorumConfig) -> Result<()> {
    if let Some(fault) = quorum.members.fault(quorum.standalone_enabled) {
        return Err(values.error(fault));
    }
    match quorum.members.voting().count() {
        0 => {}
        // HBase writes one server line for a standalone server.
        1 if quorum.standalone_enabled => {
            values.warn("server", "Invalid configuration, only one server specified (ignoring)");
        }
        1 | 2 => {
            let what = "No server failure will be tolerated. You need at least 3 servers.";
            values.warn("server", what);
        }
        voters if voters.is_multiple_of(2) => {
            let what = "Non-optimal configuration, consider an odd number of servers.";
            values.warn("server", what);
        }
        _ => {}
    }
    Ok(())
}

/// The first line of the file `myid`, to the letter.
fn my_id(values: &Values<'_>, text: &[u8]) -> Result<Sid> {
    let text = String::from_utf8_lossy(text);
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let number = java::parse_long(line);
    number.map(Sid).ok_or_else(|| values.error(format!("serverid {line} is not a number")))
}

/// The client address of this server's line and that of the static file must agree; where only one
/// of them is there it holds for both.
fn settle_client_address(
    values: &Values<'_>,
    quorum: &mut QuorumConfig,
    client: &mut Option<ListenAddress>,
    resolve: Resolve<'_>,
) -> Result<()> {
    let Some(my_id) = quorum.my_id else { return Ok(()) };
    let Some(own) = quorum.members.servers.get_mut(&my_id) else { return Ok(()) };
    let Some(listed) = own.client.clone() else {
        own.client = client.as_ref().map(|client| HostPort {
            host: client.host.clone().unwrap_or_else(|| "0.0.0.0".to_owned()),
            port: client.port,
        });
        own.client_from_static = true;
        return Ok(());
    };
    let ip = resolve(&listed.host).map_err(|e| {
        values.error(format!("server.{my_id}: client host {} has no address: {e}", listed.host))
    })?;
    if let Some(stated) = client {
        let differs =
            stated.port != listed.port || (!stated.ip.is_unspecified() && stated.ip != ip);
        if differs {
            return Err(values.error(format!(
                "client address for this server (id = {my_id}) in static config file is {} is \
                 different from client address found in dynamic file: {}:{}",
                stated.socket_addr(),
                listed.host,
                listed.port
            )));
        }
    }
    *client = Some(ListenAddress { host: Some(listed.host), ip, port: listed.port });
    Ok(())
}

fn settle_peer_type(values: &mut Values<'_>, quorum: &mut QuorumConfig) {
    let own = quorum.my_id.and_then(|id| quorum.members.servers.get(&id));
    let listed = own.map(|own| own.peer_type).unwrap_or_default();
    if listed != quorum.peer_type {
        values.warn(
            "peerType",
            format!(
                "Peer type from servers list ({}) doesn't match peerType ({}). Defaulting to \
                 servers list.",
                listed.name().to_uppercase(),
                quorum.peer_type.name().to_uppercase()
            ),
        );
        quorum.peer_type = listed;
    }
}

/// What only an ensemble needs (`QuorumPeerConfig.checkValidity`).
fn check_limits(values: &Values<'_>, quorum: &QuorumConfig) -> Result<()> {
    if !quorum.is_distributed() {
        return Ok(());
    }
    if quorum.init_limit == 0 {
        return Err(values.error("initLimit is not set"));
    }
    if quorum.sync_limit == 0 {
        return Err(values.error("syncLimit is not set"));
    }
    if quorum.my_id.is_none() {
        return Err(values.error("myid file is missing"));
    }
    Ok(())
}
