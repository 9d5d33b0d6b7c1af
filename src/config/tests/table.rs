//! The table against what is read: no key is silently ignored.

use std::collections::BTreeSet;

use super::*;
use crate::config::keys::{self, Key, Kind, Scope, Support};
use crate::config::values::Values;

/// Rows that are read as a family, not by name.
const MEMBERS: [&str; 3] = ["server.*", "group*", "weight*"];

#[test]
fn every_honoured_key_is_read() {
    let written = written(MINIMAL, &[]);
    let mut values = Values::new(&written);
    Config::read(&mut values, &written, &resolve).expect("minimal");
    let missed: Vec<&str> = keys::all()
        .filter(|key| key.support == Support::Honoured && key.scope != Scope::Environment)
        .map(|key| key.name)
        .filter(|name| !values.asked.contains(name) && !MEMBERS.contains(name))
        .collect();
    assert!(missed.is_empty(), "the table calls them honoured, nothing reads them: {missed:?}");
}

/// Keys without an effect that are read all the same: to be refused, to be held against others as Java
/// does, or to be shown by the word `conf`.
const READ_ONLY: [&str; 17] = [
    "IPAuthenticationProvider.usexforwardedfor",
    "metricsProvider.className",
    "observerMasterPort",
    "oraclePath",
    "portUnification",
    "quorum.auth.enableSasl",
    "quorum.auth.kerberos.servicePrincipal",
    "quorum.auth.learner.saslLoginContext",
    "quorum.auth.learnerRequireSasl",
    "quorum.auth.server.saslLoginContext",
    "quorum.auth.serverRequireSasl",
    "quorum.cnxn.threads.size",
    "reconfigEnabled",
    "secureClientPort",
    "secureClientPortAddress",
    "sslQuorum",
    "sslQuorumReloadCertFiles",
];

#[test]
fn no_key_that_is_heeded_is_called_without_effect() {
    let written = written(MINIMAL, &[]);
    let mut values = Values::new(&written);
    Config::read(&mut values, &written, &resolve).expect("minimal");
    let read: Vec<&str> = keys::all()
        .filter(|key| matches!(key.support, Support::NotYet(_) | Support::JvmOnly(_)))
        .map(|key| key.name)
        .filter(|name| values.asked.contains(name) && !READ_ONLY.contains(name))
        .collect();
    assert!(
        read.is_empty(),
        "the table says that they have no effect, and they are read: {read:?}"
    );
}

#[test]
fn every_other_key_is_warned_about_with_its_reason() {
    for key in keys::all().filter(|key| key.scope != Scope::Environment) {
        let (Support::JvmOnly(why) | Support::NotYet(why) | Support::NotForServers(why)) =
            key.support
        else {
            continue;
        };
        let name = key.name.replace('*', "x");
        let value = unusual_value(key);
        let (config, name) = match key.scope {
            Scope::Bare => (read(MINIMAL, &[(name.as_str(), value)]), name),
            Scope::Property | Scope::PropertyOrBare if keys::in_file(&name).is_some() => {
                let property = format!("zookeeper.{name}");
                (read(MINIMAL, &[(property.as_str(), value)]), property)
            }
            _ => (read(&format!("{MINIMAL}{name}={value}\n{}", needs(&name)), &[]), name),
        };
        let config = config.unwrap_or_else(|e| panic!("{name}={value}: {e}"));
        let said = said_of(&config, &name);
        assert!(said.iter().any(|text| text.contains(why)), "{name}={value}: {said:?}");
    }
}

/// A value that asks for something.
fn unusual_value(key: &Key) -> &'static str {
    match key.kind {
        Kind::Bool if key.default == "true" => "false",
        Kind::Bool => "true",
        Kind::Unless("no") => "no",
        Kind::Int(_) | Kind::Long(_) => "4321",
        Kind::Real | Kind::StrictReal => "0.125",
        Kind::Word(words) => words[0],
        Kind::Host => "127.0.0.1",
        _ if key.name == "metricsProvider.className" => {
            "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
        }
        _ => "/some/thing",
    }
}

/// What else a key needs to stand in a file.
fn needs(name: &str) -> &'static str {
    match name {
        "secureClientPortAddress" => "secureClientPort=2182\n",
        "quorum.auth.serverRequireSasl" => {
            "quorum.auth.enableSasl=true\nquorum.auth.learnerRequireSasl=true\n"
        }
        "quorum.auth.learnerRequireSasl" => "quorum.auth.enableSasl=true\n",
        _ => "",
    }
}

#[test]
fn a_plain_configuration_gives_no_warning() {
    let sample = include_str!("../../../conf/zoo_sample.cfg");
    let config = read(sample, &[]).expect("the sample");
    assert_eq!(config.warnings, []);
    assert_eq!(config.sessions.tick_time_ms, 2000);
    let defaults: String = keys::all()
        .filter(|key| !key.default.starts_with('(') && !key.default.is_empty())
        .filter(|key| matches!(key.scope, Scope::File | Scope::Property | Scope::FileOrProperty))
        .filter(|key| !key.name.ends_with('*') && !key.name.starts_with("secureClient"))
        .filter(|key| keys::in_file(key.name) == Some(key) || key.scope == Scope::Property)
        .map(|key| format!("{}={}\n", key.name, key.default))
        .collect();
    let config = with(&defaults);
    assert_eq!(config.warnings, []);
    let mut plain = with("");
    plain.net.client = config.net.client.clone();
    plain.net.worker_threads = config.net.worker_threads;
    plain.initial_text.clone_from(&config.initial_text);
    plain.properties = config.properties.clone();
    assert_eq!(config, plain, "written defaults mean what unwritten ones mean");
}

#[test]
fn names_are_unique_where_they_are_looked_up() {
    let mut seen = BTreeSet::new();
    for key in keys::all() {
        let place = match key.scope {
            Scope::File | Scope::FileOrProperty => "file",
            Scope::Property | Scope::PropertyOrBare => "property",
            Scope::Bare => "bare",
            Scope::Environment => "environment",
        };
        assert!(seen.insert((place, key.name)), "{} stands twice", key.name);
        assert!(!key.class.is_empty(), "{} acts nowhere", key.name);
    }
}

#[test]
fn misnamed_keys_point_to_rows() {
    for (wrong, right) in keys::MISNAMED {
        assert!(keys::prefixed(right).is_some(), "{right}");
        assert!(keys::prefixed(wrong).is_none() && keys::in_file(wrong).is_none(), "{wrong}");
        assert_eq!(
            said_of(&with(&format!("{wrong}=1")), wrong),
            [format!("nothing reads it by this name; write {right}")]
        );
    }
}

#[test]
fn the_listing_names_every_key() {
    let text = crate::config::list_keys();
    for key in keys::all() {
        assert!(text.contains(key.name), "{}", key.name);
    }
}

#[test]
fn what_is_not_heeded_is_said_by_name() {
    let config = read(
        &format!(
            "{MINIMAL}jute.maxbuffer=4000000\nzookeeper.snapCount=5\nSnapCount=5\nmyOwn=1\n\
             zookeeper.own=2\n"
        ),
        &[
            ("zookeeper.tickTime", "1"),
            ("zookeeper.jute.maxbuffer", "1"),
            ("snapCount", "7"),
            ("zookeeper.nothing", "1"),
            ("some.tag", "1"),
            ("com.sun.management.jmxremote", ""),
        ],
    )
    .expect("taken");
    for (key, text) in [
        (
            "jute.maxbuffer",
            "zoo.cfg makes it the property zookeeper.jute.maxbuffer, which nothing reads; give it as \
             -Djute.maxbuffer=4000000",
        ),
        (
            "zookeeper.snapCount",
            "zoo.cfg takes keys without the prefix, nothing reads zookeeper.zookeeper.snapCount; \
             write snapCount",
        ),
        ("SnapCount", "nothing reads it by this name; write snapCount"),
        (
            "myOwn",
            "not a key of ZooKeeper; kept as the property zookeeper.myOwn, which nothing reads",
        ),
        ("zookeeper.tickTime", "nothing reads it as a property; tickTime belongs into zoo.cfg"),
        (
            "zookeeper.jute.maxbuffer",
            "nothing reads it with the prefix; give it as -Djute.maxbuffer=1",
        ),
        ("snapCount", "nothing reads it without its prefix; give it as -Dzookeeper.snapCount"),
        ("zookeeper.nothing", "not a property of ZooKeeper, nothing reads it"),
        ("com.sun.management.jmxremote", "ignored: there is no JMX"),
    ] {
        assert_eq!(said_of(&config, key), [text], "{key}");
    }
    assert!(said_of(&config, "some.tag").is_empty());
    assert_eq!(config.net.jute_max_buffer, 1_048_575);
    assert_eq!(config.storage.snap_count, 100_000);
    assert_eq!(config.properties.get("zookeeper.zookeeper.own"), Some("2"));
}
