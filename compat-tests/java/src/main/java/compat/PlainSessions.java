package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;

/** Sessions: their timeouts and ends, taking one up again, a chroot. */
final class PlainSessions {
    private static final byte[] EMPTY = {};

    private PlainSessions() {
    }

    static void run(Plain plain, String servers) throws Exception {
        timeouts(servers);
        takenUpAgain(plain, servers);
        closed(plain, servers);
        expired(plain, servers);
        chroot(plain, servers);
    }

    /** The server bounds what a client asks for by 2 and 20 ticks of 2 seconds. */
    private static void timeouts(String servers) throws Exception {
        int[][] askedAndGiven = {{3000, 4000}, {12345, 12345}, {1_000_000, 40000}};
        for (int[] timeout : askedAndGiven) {
            try (Plain other = new Plain(servers, timeout[0])) {
                Check.eq("timeout", timeout[1], other.zk.getSessionTimeout());
            }
        }
    }

    private static void takenUpAgain(Plain plain, String servers) throws Exception {
        // A client would come back, and the two would cut each other off.
        RawSession first = new RawSession(servers, 20000);
        long id = first.id;
        first.createEphemeral("/plain/e");
        try (Plain second = new Plain(servers, 20000, id, first.password)) {
            Check.eq("same session", id, second.zk.getSessionId());
            first.awaitEnd();
            Check.eq("its ephemeral", List.of("/plain/e"), second.zk.getEphemerals());
        }
        Check.eq("closed with its ephemeral", null, plain.zk.exists("/plain/e", false));
        Plain late = new Plain(servers, 20000, id, first.password);
        Check.eq("who comes back learns it", KeeperState.Expired, late.nextState());
        byte[] wrong = first.password.clone();
        wrong[0]++;
        try (Plain other = new Plain(servers, 20000)) {
            byte[] othersWrong = other.zk.getSessionPasswd().clone();
            othersWrong[3]++;
            Plain thief = new Plain(servers, 20000, other.zk.getSessionId(), othersWrong);
            Check.eq("a wrong password", KeeperState.Expired, thief.nextState());
        }
        Plain dead = new Plain(servers, 20000, id, wrong);
        Check.eq("a session that is over", KeeperState.Expired, dead.nextState());
        Check.refused(Code.SESSIONEXPIRED, () -> dead.zk.exists("/plain", false));
    }

    private static void closed(Plain plain, String servers) throws Exception {
        Plain other = new Plain(servers, 20000);
        plain.zk.getChildren("/plain", true);
        other.zk.create("/plain/e", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Check.event(plain.events, EventType.NodeChildrenChanged, "/plain");
        plain.zk.getChildren("/plain", true);
        plain.zk.exists("/plain/e", true);
        other.zk.close();
        Check.event(plain.events, EventType.NodeDeleted, "/plain/e");
        Check.event(plain.events, EventType.NodeChildrenChanged, "/plain");
    }

    /** A client that falls silent: its connection is cut under it and never comes back. */
    private static void expired(Plain plain, String servers) throws Exception {
        long start = System.nanoTime();
        RawSession silent = new RawSession(servers, 8000);
        plain.zk.exists("/plain/e", true);
        silent.createEphemeral("/plain/e");
        Check.event(plain.events, EventType.NodeCreated, "/plain/e");
        plain.zk.exists("/plain/e", true);
        silent.close();
        Check.event(plain.events, EventType.NodeDeleted, "/plain/e");
        long millis = (System.nanoTime() - start) / 1_000_000;
        Check.that(millis >= 7900, "no session expires before its time; this one did after " + millis + " ms");
    }

    private static void chroot(Plain plain, String servers) throws Exception {
        try (Plain other = new Plain(servers + "/plain/root", 20000)) {
            Check.refused(Code.NONODE, () -> other.zk.getChildren("/", false));
            Check.refused(Code.NONODE,
                    () -> other.zk.create("/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
            plain.zk.create("/plain/root", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Check.eq("path", "/x", other.zk.create("/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
            ZooKeeper zk = other.zk;
            zk.exists("/x", true);
            plain.zk.delete("/plain/root/x", -1);
            Check.event(other.events, EventType.NodeDeleted, "/x");
            plain.zk.delete("/plain/root", -1);
        }
    }
}
