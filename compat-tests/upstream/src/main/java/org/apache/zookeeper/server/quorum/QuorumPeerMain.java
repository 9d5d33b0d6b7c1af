package org.apache.zookeeper.server.quorum;

import gamekeeper.upstream.ServerProcess;
import java.io.IOException;
import java.nio.file.Path;

/** Stands in for the main class of Java's server: runs ours on the zoo.cfg that it is given. */
public class QuorumPeerMain {

    /** The member that runs; null for a server alone. */
    protected QuorumPeer quorumPeer;
    private ServerProcess alone;

    /** Returns when the server has ended. */
    protected void initializeAndRun(String[] args) throws IOException {
        MemberConfig config = new MemberConfig(Path.of(args[0]));
        try {
            if (config.isDistributed()) {
                quorumPeer = new QuorumPeer(config);
                quorumPeer.start();
                quorumPeer.join();
            } else {
                alone = ServerProcess.start("server alone", config.file(), ServerProcess.newDirectory());
                alone.awaitEnd();
            }
        } catch (InterruptedException e) {
            close();
        }
    }

    /** Ends what runs. */
    public void close() {
        if (quorumPeer != null) {
            quorumPeer.shutdown();
        }
        if (alone != null) {
            alone.stop();
        }
    }
}
