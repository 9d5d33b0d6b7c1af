//! What people watch a server with, and what only Java, its tests or clients read.

use super::{INT, Key, Kind, LONG, PORT, Range, Scope, key, property};

const ADMIN: &str = "the HTTP admin server comes with a later version";
const JMX: &str = "there is no JMX";
const LOGGING: &str = "the log goes to standard error; the level is set by RUST_LOG";
const TESTS: &str = "it serves the tests of the Java server";
const CLIENTS: &str = "clients read it, a server never does";

/// Behind the last of these an epoch is over.
const COUNTER: Kind = Kind::Long(Range { min: 0, max: 0xffff_fffe, instead: None });

pub(super) const OPERATIONS: &[Key] = &[
    property("admin.enableServer", Kind::Unless("false"), "true")
        .does("AdminServerFactory", "run the HTTP admin server")
        .not_yet(ADMIN),
    property("admin.serverAddress", Kind::Host, "0.0.0.0")
        .does("JettyAdminServer", "address it listens on")
        .not_yet(ADMIN),
    property("admin.serverPort", PORT, "8080")
        .does("JettyAdminServer", "port it listens on")
        .not_yet(ADMIN),
    property("admin.idleTimeout", INT, "30000")
        .unit("ms")
        .does("JettyAdminServer", "idle connections are closed after this")
        .not_yet(ADMIN),
    property("admin.commandURL", Kind::Text, "/commands")
        .does("JettyAdminServer", "path of the commands")
        .not_yet(ADMIN),
    property("admin.httpVersion", INT, "11")
        .does("JettyAdminServer", "a number of Jetty's enumeration")
        .jvm_only("there is no Jetty"),
    property("admin.portUnification", Kind::Bool, "false")
        .does("JettyAdminServer", "HTTP and HTTPS on one port")
        .not_yet(ADMIN),
    property("admin.forceHttps", Kind::Bool, "false")
        .does("JettyAdminServer", "HTTPS alone")
        .not_yet(ADMIN),
    property("admin.needClientAuth", Kind::Bool, "false")
        .does("JettyAdminServer", "ask for certificates")
        .not_yet(ADMIN),
    property("admin.rateLimiterIntervalInMS", LONG, "300000")
        .unit("ms")
        .decimal()
        .does("Commands", "time between two snapshots or restores")
        .not_yet(ADMIN),
    property("admin.snapshot.enabled", Kind::Bool, "true")
        .does("Commands", "the command snapshot is there")
        .not_yet(ADMIN),
    property("admin.restore.enabled", Kind::Bool, "true")
        .does("Commands", "the command restore is there")
        .not_yet(ADMIN),
    property("audit.enable", Kind::Bool, "false").does("ZKAuditProvider", "log who changed what"),
    property("audit.impl.class", Kind::Class, "")
        .does("ZKAuditProvider", "class that writes the audit log")
        .jvm_only("there are no classes to load"),
];

pub(super) const OTHER: &[Key] = &[
    property("jmx.log4j.disable", Kind::Bool, "false")
        .does("ManagedUtil", "no beans for logging")
        .jvm_only(JMX),
    property("jmx.log4j.mbean", Kind::Text, "")
        .does("ManagedUtil", "name of that bean")
        .jvm_only(JMX),
    property("log.dir", Kind::Path, "").does("logback.xml", "directory of logs").jvm_only(LOGGING),
    property("log.file", Kind::Path, "").does("logback.xml", "name of a log").jvm_only(LOGGING),
    property("log.threshold", Kind::Text, "")
        .does("logback.xml", "level of a log")
        .jvm_only(LOGGING),
    property("root.logger", Kind::Text, "").does("log4j", "level and target").jvm_only(LOGGING),
    property("console.threshold", Kind::Text, "")
        .does("logback.xml", "level of the console")
        .jvm_only(LOGGING),
    property("tracelog.*", Kind::Text, "").does("log4j", "the trace log").jvm_only(LOGGING),
    property("auditlog.*", Kind::Text, "").does("log4j", "the audit log").jvm_only(LOGGING),
    key(Scope::Bare, "logback.configurationFile", Kind::Path, "")
        .does("logback", "configuration of logging")
        .jvm_only(LOGGING),
    key(Scope::Bare, "log4j.configuration", Kind::Path, "")
        .does("log4j", "configuration of logging")
        .jvm_only(LOGGING),
    key(Scope::Bare, "com.sun.management.*", Kind::Text, "").does("java", "JMX").jvm_only(JMX),
    key(Scope::Bare, "java.net.*", Kind::Text, "")
        .does("java", "networking of the JVM")
        .jvm_only("there is no JVM"),
    key(Scope::Bare, "java.rmi.server.hostname", Kind::Host, "").does("java", "JMX").jvm_only(JMX),
    key(Scope::Bare, "sun.net.*", Kind::Text, "")
        .does("java", "networking of the JVM")
        .jvm_only("there is no JVM"),
    property("controllerPort", PORT, "").does("ControllerService", "port").not_for_servers(TESTS),
    property("clientPortAddress", Kind::Text, "")
        .does("ControllerService", "client port")
        .not_for_servers(TESTS),
    property("forceSnapshotSync", Kind::Bool, "false")
        .does("LearnerHandler", "every learner gets a snapshot; never in production"),
    property("testingonly.initialZxid", COUNTER, "")
        .decimal()
        .does("Leader", "where an epoch's counter begins, to see it run out; never in production"),
    property("test.*", Kind::Bool, "false")
        .does("ZKDatabase", "gaps between zxids are no error")
        .not_for_servers(TESTS),
    property("clientCnxnSocket", Kind::Class, "").does("ClientCnxn", "").not_for_servers(CLIENTS),
    property("client.secure", Kind::Bool, "false").does("ClientCnxn", "").not_for_servers(CLIENTS),
    property("disableAutoWatchReset", Kind::Bool, "false")
        .does("ClientCnxn", "")
        .not_for_servers(CLIENTS),
    property("request.timeout", LONG, "0").does("ClientCnxn", "").not_for_servers(CLIENTS),
    property("sasl.client*", Kind::Text, "")
        .does("ZooKeeperSaslClient", "")
        .not_for_servers(CLIENTS),
    property("server.principal", Kind::Text, "")
        .does("ZooKeeperSaslClient", "")
        .not_for_servers(CLIENTS),
    property("shuffleDnsResponse", Kind::Bool, "false")
        .does("StaticHostProvider", "")
        .not_for_servers(CLIENTS),
    property("hostProvider.dnsSrvRefreshIntervalSeconds", LONG, "60")
        .does("DnsSrvHostProvider", "")
        .not_for_servers(CLIENTS),
];
