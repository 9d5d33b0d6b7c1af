package org.apache.zookeeper.server;

import gamekeeper.upstream.ForeignDatabase;
import gamekeeper.upstream.ForeignMetrics;
import gamekeeper.upstream.ServerProcess;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.quorum.BufferStats;

/** Stands in for Java's server: keeps what a test tells it until the process is started with it. */
public class ZooKeeperServer implements SessionTracker.SessionExpirer {

    public static final int DEFAULT_TICK_TIME = 3000;
    public static final int intBufferStartingSizeBytes = 1024;
    public static final String SNAP_COUNT = "zookeeper.snapCount";
    public static final String SKIP_ACL = "zookeeper.skipACL";
    public static final String ENABLE_EAGER_ACL_CHECK = "zookeeper.enableEagerACLCheck";
    public static final String DIGEST_ENABLED = "zookeeper.digest.enabled";
    private static final String CLOSE_SESSION_TXN = "zookeeper.closeSessionTxn.enabled";
    private static final String LAST_PROCESSED = "zookeeper.serializeLastProcessedZxid.enabled";

    /** What a server can be doing. */
    protected enum State {
        INITIAL, RUNNING, SHUTDOWN, ERROR
    }

    private final File snapDir;
    private final File logDir;
    private final int tickTime;
    private int minSessionTimeout = -1;
    private int maxSessionTimeout = -1;
    private ServerCnxnFactory factory;
    /** What takes requests is in the process. */
    protected RequestProcessor firstProcessor;
    private int port;
    private long serverId;
    private ZKDatabase database;

    public ZooKeeperServer() {
        this(null, null, DEFAULT_TICK_TIME);
    }

    public ZooKeeperServer(File snapDir, File logDir, int tickTime) {
        this.snapDir = snapDir;
        this.logDir = logDir;
        this.tickTime = tickTime;
    }

    /** The lines of zoo.cfg that say what this object was told. */
    List<String> zooCfg() {
        List<String> lines = new ArrayList<>();
        lines.add("dataDir=" + snapDir.getAbsolutePath());
        lines.add("dataLogDir=" + logDir.getAbsolutePath());
        lines.add("tickTime=" + tickTime);
        lines.add("minSessionTimeout=" + minSessionTimeout);
        lines.add("maxSessionTimeout=" + maxSessionTimeout);
        return lines;
    }

    public void setServerCnxnFactory(ServerCnxnFactory factory) {
        this.factory = factory;
    }

    public ServerCnxnFactory getServerCnxnFactory() {
        return factory;
    }

    /** A server alone gives out session ids of server 1; a process cannot be told another. */
    public void setCreateSessionTrackerServerId(int id) {
    }

    public void shutdown() {
        shutdown(false);
    }

    public void shutdown(boolean fullyShutDown) {
        if (factory != null) {
            factory.shutdown();
        }
    }

    public boolean isRunning() {
        return factory != null && factory.isRunning();
    }

    /** The server of a process that runs already, as a member of an ensemble does. */
    public ZooKeeperServer(File snapDir, File logDir, int tickTime, int port, long serverId) {
        this(snapDir, logDir, tickTime);
        this.port = port;
        this.serverId = serverId;
    }

    /** A view of the process's files; null where there are none. */
    public synchronized ZKDatabase getZKDatabase() {
        if (database == null && snapDir != null && snapDir.exists() && logDir.exists()) {
            database = new ForeignDatabase(getTxnLogFactory(), port());
        }
        if (database != null && !(database instanceof ForeignDatabase)) {
            reload(database);
        }
        return database;
    }

    private static void reload(ZKDatabase database) {
        try {
            database.clear();
            database.loadDataBase();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the server's files", e);
        }
    }

    /** From now on a database of the test's is what reads the files. */
    public synchronized void setZKDatabase(ZKDatabase database) {
        this.database = database;
    }

    private int port() {
        return factory != null ? factory.getLocalPort() : port;
    }

    /** Whether a server starts on these files; it is not left running. */
    public void startdata() throws IOException, InterruptedException {
        ServerCnxnFactory once = ServerCnxnFactory.createFactory(0, -1);
        once.startup(this);
        once.shutdown();
        factory = null;
    }

    /** Java's snapshot of what the process's files hold. */
    public File takeSnapshot() throws IOException {
        ((ForeignDatabase) getZKDatabase()).save();
        return getTxnLogFactory().findMostRecentSnapshot();
    }

    /** Only a member of an ensemble tells of its sessions. */
    public SessionTracker getSessionTracker() {
        throw new UnsupportedOperationException("sessions are in another process");
    }

    /** The sizes of replies as the process tells of them. */
    public ServerStats serverStats() {
        return new ServerStats(null) {
            @Override
            public BufferStats getClientResponseStats() {
                return new BufferStats() {
                    @Override
                    public synchronized int getLastBufferSize() {
                        return (int) ForeignMetrics.counter("last_client_response_size");
                    }
                };
            }
        };
    }

    public long getZxid() {
        String answer = ServerProcess.word(port(), "srvr");
        int at = answer.indexOf("Zxid: 0x") + "Zxid: 0x".length();
        return Long.parseUnsignedLong(answer.substring(at, answer.indexOf('\n', at)), 16);
    }

    /** The requests that the process has taken in and not answered. */
    public int getInProcess() {
        String answer = ServerProcess.word(port(), "srvr");
        int at = answer.indexOf("Outstanding: ") + "Outstanding: ".length();
        return Integer.parseInt(answer.substring(at, answer.indexOf('\n', at)));
    }

    public FileTxnSnapLog getTxnLogFactory() {
        try {
            return new FileTxnSnapLog(logDir, snapDir);
        } catch (IOException e) {
            throw new IllegalStateException("cannot open " + logDir + " and " + snapDir, e);
        }
    }

    public int getTickTime() {
        return tickTime;
    }

    public void setMinSessionTimeout(int millis) {
        minSessionTimeout = millis;
        restart();
    }

    private void restart() {
        if (factory != null) {
            factory.restart();
        }
    }

    public int getMinSessionTimeout() {
        return minSessionTimeout == -1 ? tickTime * 2 : minSessionTimeout;
    }

    public void setMaxSessionTimeout(int millis) {
        maxSessionTimeout = millis;
        restart();
    }

    public int getMaxSessionTimeout() {
        return maxSessionTimeout == -1 ? tickTime * 20 : maxSessionTimeout;
    }

    @Override
    public void expire(SessionTracker.Session session) {
        throw new UnsupportedOperationException("sessions are in another process");
    }

    @Override
    public long getServerId() {
        return serverId;
    }

    public static boolean isDigestEnabled() {
        return on(DIGEST_ENABLED);
    }

    public static void setDigestEnabled(boolean enabled) {
        System.setProperty(DIGEST_ENABLED, Boolean.toString(enabled));
    }

    public static boolean isCloseSessionTxnEnabled() {
        return on(CLOSE_SESSION_TXN);
    }

    public static void setCloseSessionTxnEnabled(boolean enabled) {
        System.setProperty(CLOSE_SESSION_TXN, Boolean.toString(enabled));
    }

    public static boolean isSerializeLastProcessedZxidEnabled() {
        return on(LAST_PROCESSED);
    }

    public static void setSerializeLastProcessedZxidEnabled(boolean enabled) {
        System.setProperty(LAST_PROCESSED, Boolean.toString(enabled));
    }

    public static boolean isEnableEagerACLCheck() {
        return Boolean.getBoolean(ENABLE_EAGER_ACL_CHECK);
    }

    public static void setEnableEagerACLCheck(boolean enabled) {
        System.setProperty(ENABLE_EAGER_ACL_CHECK, Boolean.toString(enabled));
    }

    private static boolean on(String property) {
        return Boolean.parseBoolean(System.getProperty(property, "true"));
    }
}
