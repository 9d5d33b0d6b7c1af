package org.apache.zookeeper.server;

import gamekeeper.upstream.ServerProcess;
import java.io.IOException;

/**
 * Stands in for the thread that looks for empty containers: the process has one of its own, which runs
 * often where the tests that use this class are run ({@code znode.container.checkIntervalMs}).
 */
public class ContainerManager {

    /** How long the process is given to come round to what is to be deleted. */
    private static final long PATIENCE_MS = 1200;

    private final ZKDatabase database;

    public ContainerManager(ZKDatabase database, RequestProcessor processor, int interval, int perMinute) {
        this(database, processor, interval, perMinute, 0);
    }

    public ContainerManager(ZKDatabase database, RequestProcessor processor, int interval, int perMinute,
        long maxNeverUsed) {
        this.database = database;
    }

    /** What a test says has gone by since the node was touched. */
    protected long getElapsed(DataNode node) {
        return Long.MAX_VALUE;
    }

    /** Waits for the process to have looked, if time has gone by, and lets the database see what it did. */
    public void checkContainers() throws InterruptedException, IOException {
        if (getElapsed(new DataNode()) > 0) {
            ServerProcess.pause(PATIENCE_MS);
        }
        database.clear();
        database.loadDataBase();
    }
}
