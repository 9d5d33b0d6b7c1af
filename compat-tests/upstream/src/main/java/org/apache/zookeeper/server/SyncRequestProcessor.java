package org.apache.zookeeper.server;

/** Stands in for the class whose static setter says how many transactions come between snapshots. */
public class SyncRequestProcessor {

    private static final int DEFAULT = 100_000;

    public static void setSnapCount(int count) {
        System.setProperty(ZooKeeperServer.SNAP_COUNT, Integer.toString(count));
    }

    public static int getSnapCount() {
        return Integer.getInteger(ZooKeeperServer.SNAP_COUNT, DEFAULT);
    }
}
