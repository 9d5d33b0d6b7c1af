package gamekeeper.upstream;

import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.ServerCnxn;

/** The nodes as the files have them; the watches as the process tells of them. */
final class ForeignTree extends DataTree {

    private final int port;

    ForeignTree(int port) {
        this.port = port;
    }

    @Override
    public synchronized int getWatchCount() {
        String answer = ServerProcess.word(port, "wchs");
        String count = answer.substring(answer.indexOf("Total watches:") + "Total watches:".length());
        return Integer.parseInt(count.trim());
    }

    /** Its kind of watch is not told, only that there is one. */
    @Override
    public boolean containsWatcher(String path, Watcher.WatcherType type, Watcher watcher) {
        String session = "0x" + Long.toHexString(((ServerCnxn) watcher).getSessionId());
        boolean here = false;
        for (String line : ServerProcess.word(port, "wchp").split("\n")) {
            if (!line.startsWith("\t")) {
                here = line.equals(path);
            } else if (here && line.trim().equals(session)) {
                return true;
            }
        }
        return false;
    }
}
