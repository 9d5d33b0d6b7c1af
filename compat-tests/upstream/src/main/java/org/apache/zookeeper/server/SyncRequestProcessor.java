package org.apache.zookeeper.server;

import gamekeeper.upstream.ServerProcess;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Stands in for the class whose static setter says how many transactions come between snapshots. */
public class SyncRequestProcessor {

    private static final int DEFAULT = 100_000;
    private static final Pattern USED = Pattern.compile("snapCount: .*, (\\d+) is used");

    public static void setSnapCount(int count) {
        System.setProperty(ZooKeeperServer.SNAP_COUNT, Integer.toString(count));
    }

    /** What the server that was started last has made of what it was told, if it says so in its log. */
    public static int getSnapCount() {
        Matcher used = USED.matcher(ServerProcess.lastLog());
        return used.find() ? Integer.parseInt(used.group(1)) : Integer.getInteger(ZooKeeperServer.SNAP_COUNT, DEFAULT);
    }
}
