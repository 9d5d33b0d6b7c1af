package org.apache.zookeeper.server.embedded;

import gamekeeper.upstream.ServerProcess;
import java.util.ArrayList;
import java.util.List;

/** Tells of the embedded servers that run what their four-letter words tell, where Java's would ask JMX. */
public final class ZookeeperServeInfo {

    private ZookeeperServeInfo() {
    }

    /** All of them together: of several, the leader is the one that counts. */
    public static final class ServerInfo {

        private boolean leader;
        private boolean alone;
        private final List<String> peers = new ArrayList<>();

        public boolean isLeader() {
            return leader;
        }

        public boolean isStandaloneMode() {
            return alone;
        }

        /** The lines of the configuration that name them. */
        public List<String> getPeers() {
            return peers;
        }
    }

    /** Java's name of a bean says which kind of server is meant; only that kind runs. */
    public static ServerInfo getStatus(String beanName) {
        ServerInfo info = new ServerInfo();
        for (int port : ServerProcess.portsInUse()) {
            String answer = ServerProcess.word(port, "srvr");
            info.alone |= answer.contains("Mode: standalone");
            if (answer.contains("Mode: standalone") || answer.contains("Mode: leader")) {
                info.leader = true;
                ServerProcess.word(port, "conf").lines().filter(line -> line.startsWith("server."))
                    .forEach(info.peers::add);
            }
        }
        return info;
    }
}
