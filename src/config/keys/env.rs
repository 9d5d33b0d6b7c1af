//! What the scripts in `bin/` take from the environment, `conf/zookeeper-env.sh` and `conf/java.env`.

use super::{Key, Kind, Scope, key};

const HEAP: &str = "there is no heap to size";
const JMX: &str = "there is no JMX";
const SCRIPTS: &str = "zkServer.sh";

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    key(Scope::Environment, name, Kind::Text, default).does(SCRIPTS, meaning)
}

pub(super) const KEYS: &[Key] = &[
    variable("GAMEKEEPER_BIN", "(found)", "the server's binary"),
    variable("ZOOCFGDIR", "(conf)", "directory of the configuration; --config overrides it"),
    variable("ZOOCFG", "zoo.cfg", "name of the configuration in that directory"),
    variable("ZOO_LOG_DIR", "(logs)", "directory of the file that start writes"),
    variable("ZOO_LOG_FILE", "", "name of Java's log file")
        .jvm_only("start writes one file, zookeeper-USER-server-HOST.out"),
    variable("ZOOPIDFILE", "(dataDir/zookeeper_server.pid)", "file with the process id"),
    variable("ZOO_DATADIR_AUTOCREATE_DISABLE", "", "if set, the data directory must be there"),
    variable("ZOO_NOEXEC", "", "if set, start-foreground runs the server as a child"),
    variable("SERVER_JVMFLAGS", "", "-Dname=value for the server; other flags are named and left"),
    variable("JVMFLAGS", "", "the same, behind SERVER_JVMFLAGS"),
    variable("CLIENT_JVMFLAGS", "", "the same, for zkCli.sh").not_for_servers("clients read it"),
    variable("ZK_SERVER_HEAP", "1000", "heap of the server").jvm_only(HEAP),
    variable("ZK_CLIENT_HEAP", "256", "heap of clients").jvm_only(HEAP),
    variable("ZOOMAIN", "", "main class").jvm_only("there are no classes to load"),
    variable("JAVA_HOME", "", "where Java is").jvm_only("no Java is needed"),
    variable("JMXDISABLE", "", "no JMX").jvm_only(JMX),
    variable("JMXPORT", "", "port of JMX").jvm_only(JMX),
    variable("JMXLOCALONLY", "", "JMX for this machine alone").jvm_only(JMX),
    variable("JMXAUTH", "", "JMX with passwords").jvm_only(JMX),
    variable("JMXSSL", "", "JMX with TLS").jvm_only(JMX),
    variable("JMXLOG4J", "", "JMX beans for logging").jvm_only(JMX),
    variable("JMXHOSTNAME", "", "name JMX goes by").jvm_only(JMX),
];
