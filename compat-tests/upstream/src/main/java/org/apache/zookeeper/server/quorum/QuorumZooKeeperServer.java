package org.apache.zookeeper.server.quorum;

import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import gamekeeper.upstream.ServerProcess;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.SessionTracker;
import org.apache.zookeeper.server.ZooKeeperServer;

/** Stands in for the server that a member of an ensemble is while there is a leader. */
public class QuorumZooKeeperServer extends ZooKeeperServer {

    private final int port;

    QuorumZooKeeperServer(File snapDir, File logDir, int tickTime, int port, long serverId) {
        super(snapDir, logDir, tickTime, port, serverId);
        this.port = port;
    }

    /** The connections as the word cons tells of them. */
    @Override
    public ServerCnxnFactory getServerCnxnFactory() {
        try {
            ServerCnxnFactory factory = ServerCnxnFactory.createFactory();
            factory.configure(new InetSocketAddress(port), 0);
            return factory;
        } catch (IOException e) {
            throw new UncheckedIOException("no connections of port " + port, e);
        }
    }

    /** The sessions as the word dump tells of them. */
    @Override
    public SessionTracker getSessionTracker() {
        UpgradeableSessionTracker tracker = mock(UpgradeableSessionTracker.class);
        when(tracker.isTrackingSession(anyLong())).thenAnswer(asked -> isIn("Session", asked.getArgument(0)));
        when(tracker.isGlobalSession(anyLong())).thenAnswer(asked -> isIn("Global Session", asked.getArgument(0)));
        return tracker;
    }

    /** Whether a session stands between a heading that begins like this and the ephemeral nodes. */
    private boolean isIn(String heading, long session) {
        String dump = ServerProcess.word(port, "dump");
        int from = dump.indexOf(heading);
        int to = dump.indexOf("ephemeral nodes dump");
        return from >= 0 && to > from
            && dump.substring(from, to).lines().anyMatch(line -> line.trim().split("\\s")[0]
                .equals("0x" + Long.toHexString(session)));
    }

    public Request checkUpgradeSession(Request request) {
        throw new UnsupportedOperationException("requests are in another process");
    }
}
