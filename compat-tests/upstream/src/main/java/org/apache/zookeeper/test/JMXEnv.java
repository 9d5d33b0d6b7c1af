package org.apache.zookeeper.test;

import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import org.apache.zookeeper.server.quorum.QuorumPeer;

/** There is no JMX in a foreign process: what can be learnt in another way is, the rest is taken to be there. */
public class JMXEnv {

    private static final Pattern MEMBER = Pattern.compile("ReplicatedServer_id(\\d+)");

    public static void setUp() {
    }

    public static void tearDown() {
    }

    public static MBeanServerConnection conn() {
        throw new UnsupportedOperationException("no JMX");
    }

    public static Set<ObjectName> ensureAll(String... names) {
        QuorumPeer.lookAtAll();
        return new HashSet<>();
    }

    public static Set<ObjectName> ensureOnly(String... names) {
        return new HashSet<>();
    }

    public static void ensureNone(String... names) {
    }

    public static Set<ObjectName> ensureParent(String... names) {
        return new HashSet<>();
    }

    public static Object ensureBeanAttribute(String name, String attribute) {
        Matcher member = MEMBER.matcher(name);
        if (attribute.equals("ElectionTimeTaken") && member.find()) {
            return QuorumPeer.electionTimeTaken(Long.parseLong(member.group(1)));
        }
        return "";
    }

    public static void dump() {
    }
}
