//! What written values mean, and how wrong ones are answered.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::config::{Compression, Running, Whitelist};

#[test]
fn defaults_are_javas() {
    let config = with("");
    assert_eq!(config.storage.data_log_dir, PathBuf::from("/data"));
    assert_eq!(config.storage.snap_count, 100_000);
    assert_eq!(config.storage.pre_alloc_bytes, 64 << 20);
    assert_eq!(config.storage.snap_size_limit_bytes, 4 << 30);
    assert!(config.storage.txn_log_size_limit_bytes < 0);
    assert!(config.storage.force_sync && config.storage.datadir_autocreate);
    assert!(config.storage.db_autocreate && !config.storage.trust_empty_snapshot);
    assert_eq!(config.storage.snapshot_compression, Compression::None);
    assert_eq!(config.storage.purge_retain_count, 3);
    assert_eq!(config.storage.purge_interval_hours, 0);
    assert_eq!(config.sessions.tick_time_ms, 3000);
    assert_eq!(config.sessions.min_timeout_ms, 6000);
    assert_eq!(config.sessions.max_timeout_ms, 60_000);
    assert_eq!(config.net.max_client_cnxns, 60);
    assert_eq!(config.net.listen_backlog, None);
    assert_eq!(config.net.jute_max_buffer, 0xfffff);
    assert_eq!(config.net.jute_max_buffer_extra, 0xfffff);
    assert_eq!(config.net.selector_threads, None);
    assert_eq!(config.net.client.as_ref().map(|a| a.port), Some(2181));
    assert_eq!(config.server.global_outstanding_limit, 100_000);
    assert_eq!(config.server.four_letter_words, Whitelist::Only(vec!["srvr".to_owned()]));
    assert_eq!(config.throttle.large_request_max_bytes, 100 << 20);
    assert_eq!(config.throttle.connection.drop_increase, 0.02);
    assert!(!config.quorum.is_distributed());
}

#[test]
fn properties_come_from_zoo_cfg_and_the_command_line() {
    let bare = [("jute.maxbuffer", "0x1000"), ("fsync.warningthresholdms", "20")];
    let config = read(MINIMAL, &bare).expect("taken");
    assert_eq!(config.net.jute_max_buffer, 4096);
    assert_eq!(config.net.jute_max_buffer_extra, 4096);
    assert_eq!(config.storage.fsync_warning_threshold_ms, 20);
    let both = [("zookeeper.snapCount", "10"), ("zookeeper.maxCnxns", "5")];
    let config = read(&format!("{MINIMAL}snapCount=20\n"), &both).expect("taken");
    assert_eq!(config.storage.snap_count, 20, "zoo.cfg overrides -D");
    assert_eq!(config.net.max_cnxns, 5);
    let twice = [("fsync.warningthresholdms", "20"), ("zookeeper.fsync.warningthresholdms", "30")];
    let config = read(MINIMAL, &twice).expect("taken");
    assert_eq!(config.storage.fsync_warning_threshold_ms, 30, "the prefixed name goes first");
}

#[test]
fn numbers_of_properties_are_decoded_and_bad_ones_passed_over() {
    assert_eq!(with("maxCnxns=0x10").net.max_cnxns, 16);
    assert_eq!(with("maxCnxns=010").net.max_cnxns, 8);
    assert_eq!(with("preAllocSize=010").storage.pre_alloc_bytes, 10 * 1024);
    let config = with("maxCnxns=many\nflushDelay=\nsnapshotSizeFactor=some");
    assert_eq!(config.net.max_cnxns, 0);
    assert_eq!(said_of(&config, "maxCnxns"), ["\"many\" is not a whole number, \"0\" is used"]);
    assert_eq!(said_of(&config, "flushDelay").len(), 1);
    assert_eq!(config.storage.snapshot_size_factor, 0.33);
    let huge = with("maxCnxns=99999999999\npreAllocSize=9223372036854775807");
    assert_eq!(huge.net.max_cnxns, 0);
    assert_eq!(huge.storage.pre_alloc_bytes, i64::MAX);
}

#[test]
fn each_learner_can_be_given_a_snapshot() {
    let forced = |text| with(text).quorum.tuning.force_snapshot_sync;
    assert!(!forced("") && forced("forceSnapshotSync=true"));
}

#[test]
fn limits_are_kept() {
    let config = with(
        "snapCount=1\ncommitLogCount=3\nautopurge.snapRetainCount=1\njute.maxbuffer.extrasize=5\n\
         largeRequestMaxBytes=0\nlargeRequestThreshold=-7\nsnapshotSizeFactor=1.5\n\
         connection_throttle_weight_enabled=true\nconnection_throttle_tokens=10\n\
         connection_throttle_global_session_weight=0\nconnection_throttle_local_session_weight=4\n",
    );
    assert_eq!(config.storage.snap_count, 2);
    assert_eq!(config.storage.commit_log_count, 500);
    assert_eq!(config.storage.purge_retain_count, 3);
    assert_eq!(config.net.jute_max_buffer_extra, 1024);
    assert_eq!(config.throttle.large_request_max_bytes, 100 << 20);
    assert_eq!(config.throttle.large_request_threshold, -1);
    assert_eq!(config.storage.snapshot_size_factor, 0.33);
    assert_eq!(config.throttle.connection.global_session_weight, 4);
    assert_eq!(config.throttle.connection.renew_session_weight, 4);
    assert_eq!(config.throttle.connection.tokens, 40);
    assert_eq!(said_of(&config, "snapCount"), ["1 is not a whole number of at least 2, 2 is used"]);
}

#[test]
fn switches_follow_their_own_words() {
    for (line, want) in [
        ("forceSync=no", false),
        ("forceSync=NO", true),
        ("forceSync=false", true),
        ("forceSync=yes", true),
    ] {
        assert_eq!(with(line).storage.force_sync, want, "{line}");
    }
    assert_eq!(said_of(&with("forceSync=false"), "forceSync").len(), 1);
    assert!(with("skipACL=yes").auth.skip_acl);
    assert!(!with("skipACL=true").auth.skip_acl);
    assert!(with("extendedTypesEnabled=TRUE").tree.extended_types);
    assert!(!with("digest.enabled=on").tree.digest);
    assert_eq!(said_of(&with("digest.enabled=on"), "digest.enabled").len(), 1);
}

#[test]
fn words_choose() {
    for (line, want) in [
        ("snapshot.compression.method=gz", Compression::Gzip),
        ("snapshot.compression.method=Snappy", Compression::Snappy),
        ("snapshot.compression.method=zip", Compression::None),
        ("snapshot.compression.method=", Compression::None),
    ] {
        assert_eq!(with(line).storage.snapshot_compression, want, "{line}");
    }
    let words = |line: &str| with(line).server.four_letter_words;
    assert_eq!(words("4lw.commands.whitelist=*"), Whitelist::All);
    let some = words("4lw.commands.whitelist=stat, ruok ,,mntr");
    assert!(["stat", "ruok", "mntr", "srvr"].iter().all(|word| some.allows(word)));
    assert!(!some.allows("conf"));
    let read_only = read(MINIMAL, &[("readonlymode.enabled", "true")]).expect("taken");
    assert!(read_only.server.four_letter_words.allows("isro"));
}

#[test]
fn schemes_come_with_their_classes() {
    let config = with(
        "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
         authProvider.x=com.example.Own\n\
         authProvider.d=org.apache.zookeeper.server.auth.DigestAuthenticationProvider\n\
         DigestAuthenticationProvider.enabled=false\nensembleAuthName=a, b\n\
         enforce.auth.enabled=true\nenforce.auth.schemes=digest, ip",
    );
    assert!(config.auth.digest_enabled);
    assert!(config.auth.enforce_auth);
    assert_eq!(config.auth.enforce_auth_schemes, ["digest", "ip"]);
    assert_eq!(config.auth.ensemble_auth_names, None);
    assert_eq!(
        said_of(&config, "zookeeper.authProvider.x"),
        ["com.example.Own cannot be loaded, its scheme is not available"]
    );
    assert_eq!(said_of(&config, "zookeeper.authProvider.1").len(), 1);
    let sasl = with("sessionRequireClientSASLAuth=true\nenforce.auth.schemes=ip");
    assert_eq!(sasl.auth.enforce_auth_schemes, ["sasl"]);
}

#[test]
fn the_client_port_has_an_address() {
    let address = |lines: &str| with(lines).net.client.expect("a port").socket_addr().to_string();
    assert_eq!(address(""), "0.0.0.0:2181");
    assert_eq!(address("clientPortAddress=127.0.0.1"), "127.0.0.1:2181");
    assert_eq!(address("clientPortAddress=localhost\nclientPort=0"), "127.0.0.1:0");
    assert_eq!(address("clientPortAddress=::1"), "[::1]:2181");
    assert_eq!(read("dataDir=/data", &[]).expect("no port at all").net.client, None);
    let secure = with("secureClientPort=2281").net.secure_client.expect("a port");
    assert_eq!(secure.socket_addr().to_string(), "0.0.0.0:2281");
}

#[test]
fn wrong_values_are_refused_with_key_value_and_what_was_expected() {
    for (lines, message) in [
        ("tickTime=0", "tickTime is not set"),
        ("tickTime=2s", "tickTime=2s: expected a whole number"),
        ("tickTime=0x10", "tickTime=0x10: expected a whole number"),
        (
            "tickTime=-5\nminSessionTimeout=1\nmaxSessionTimeout=2",
            "tickTime=-5: expected more than 0",
        ),
        ("clientPort=70000", "clientPort=70000: expected a whole number from 0 to 65535"),
        ("maxClientCnxns=", "maxClientCnxns=: expected a whole number"),
        ("dataDir=", "dataDir=: expected a path"),
        ("standaloneEnabled=yes", "standaloneEnabled=yes: expected 'true' or 'false'"),
        ("peerType=leader", "peerType=leader: expected 'participant' or 'observer'"),
        ("electionAlg=2", "Invalid electionAlg value. Only 3 is supported."),
        (
            "minSessionTimeout=5\nmaxSessionTimeout=4",
            "minSessionTimeout must not be larger than maxSessionTimeout: 5 ms is larger than 4 ms",
        ),
        (
            "clientPortAddress=nowhere",
            "clientPortAddress=nowhere: expected a host with an address: unknown host",
        ),
        (
            "secureClientPortAddress=::1",
            "secureClientPortAddress is set but secureClientPort is not set",
        ),
        (
            "nio.numSelectorThreads=0",
            "nio.numSelectorThreads=0: expected a whole number of at least 1",
        ),
        (
            "connection_throttle_drop_increase=x",
            "connection_throttle_drop_increase=x: expected a fraction like 0.5",
        ),
        (
            "quorum.auth.serverRequireSasl=true",
            "quorum.auth.enableSasl is disabled, so cannot enable quorum.auth.serverRequireSasl",
        ),
        (
            "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=true",
            "quorum.auth.learnerRequireSasl is disabled, so cannot enable \
             quorum.auth.serverRequireSasl",
        ),
        (
            "metricsProvider.className=com.example.Own",
            "metricsProvider.className=com.example.Own: metrics provider class was not found",
        ),
    ] {
        assert_eq!(refusal(lines), message, "{lines:?}");
    }
    let no_dir = read("clientPort=2181", &[]).expect_err("no directory");
    assert_eq!(no_dir.to_string(), "Error processing /conf/zoo.cfg: dataDir is not set");
    assert_eq!(no_dir.exit_code().value(), 2);
    assert_eq!(no_dir.headline(), "Invalid config, exiting abnormally");
    let no_port = read("dataDir=/data\nclientPortAddress=::1", &[]).expect_err("no port");
    assert!(no_port.to_string().ends_with("clientPortAddress is set but clientPort is not set"));
}

#[test]
fn relative_directories_are_mentioned() {
    let config = read("dataDir=data\ndataLogDir=./log\n", &[]).expect("taken");
    assert_eq!(
        said_of(&config, "dataDir"),
        ["data is relative. Prepend ./ to indicate that you're sure!"]
    );
    assert!(said_of(&config, "dataLogDir").is_empty());
}

#[test]
fn conf_shows_the_running_configuration() {
    let running = Running {
        client_port: Some(2181),
        secure_client_port: None,
        data_dir_size: 7,
        data_log_size: 9,
        membership: true,
    };
    let config = with("dataLogDir=logs");
    assert_eq!(
        config.conf_text(running, std::path::Path::new("/work")),
        "clientPort=2181\nsecureClientPort=-1\ndataDir=/data/version-2\ndataDirSize=7\n\
         dataLogDir=/work/logs/version-2\ndataLogSize=9\ntickTime=3000\nmaxClientCnxns=60\n\
         minSessionTimeout=6000\nmaxSessionTimeout=60000\nclientPortListenBacklog=-1\nserverId=0\n"
    );
}

/// A configuration that has something of everything.
const RICH: &str = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/var/lib/zookeeper\n\
    dataLogDir=/var/log/zookeeper\nclientPort=2181\nclientPortAddress=127.0.0.1\n\
    secureClientPort=2281\nserver.1=a:2888:3888\nserver.2=[::1]:2888:3888:observer;2181\n\
    server.3=c:1:2|d:3:4:participant;127.0.0.1:2182\ngroup.1=1:3\nweight.1=2\n\
    standaloneEnabled=false\nreconfigEnabled=true\npeerType=observer\nsnapCount=0x10\n\
    4lw.commands.whitelist=stat, ruok\nautopurge.purgeInterval=1 \nfoo\\u0041 : \\\n  bar\n\
    metricsProvider.httpPort=7000\nsnapshotSizeFactor=0.5d\nversion=1f\n";

proptest! {
    #[test]
    fn a_damaged_file_is_read_or_refused(
        changes in proptest::collection::vec((0..RICH.len(), any::<u8>(), 0..3_u8), 0..12),
    ) {
        let mut bytes = RICH.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.min(bytes.len() - 1);
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(mut written) = Written::of_file("/conf/zoo.cfg", bytes.clone()) {
            written.my_id = Some(b"1\n".to_vec());
            written.properties.set("zookeeper.multiAddress.enabled", "true");
            if let Ok(config) = Config::interpret(&written, &resolve) {
                let _ = config.quorum.members.text();
            }
            let path = "/conf/zoo.cfg.dynamic.1f".to_owned();
            written.dynamic = Some(crate::config::DynamicFile { path, text: bytes });
            let _ = Config::interpret(&written, &resolve);
        }
    }
}

#[test]
fn an_address_may_name_its_interface_or_stand_in_brackets() {
    let found = crate::config::resolve("0:0:0:0:0:0:0:1%lo").unwrap();
    assert_eq!(found.to_string(), "::1");
    assert_eq!(crate::config::resolve("[::1]").unwrap().to_string(), "::1");
}
