package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooKeeper;

/** Watches that stay, on one node and on a whole tree. */
final class PlainPersistentWatches {
    private static final byte[] EMPTY = {};

    private final ZooKeeper zk;

    private PlainPersistentWatches(ZooKeeper zk) {
        this.zk = zk;
    }

    static void run(Plain plain) throws Exception {
        PlainPersistentWatches watches = new PlainPersistentWatches(plain.zk);
        watches.persistent();
        watches.recursive();
        watches.both();
    }

    private void persistent() throws Exception {
        BlockingQueue<WatchedEvent> mine = Plain.queue();
        Watcher watcher = mine::add;
        zk.addWatch("/plain/w", watcher, AddWatchMode.PERSISTENT);
        zk.create("/plain/w", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Check.event(mine, EventType.NodeCreated, "/plain/w");
        for (int i = 0; i < 2; i++) {
            zk.setData("/plain/w", EMPTY, -1);
            Check.event(mine, EventType.NodeDataChanged, "/plain/w");
            zk.create("/plain/w/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Check.event(mine, EventType.NodeChildrenChanged, "/plain/w");
            zk.setData("/plain/w/x", EMPTY, -1);
            zk.delete("/plain/w/x", -1);
            Check.event(mine, EventType.NodeChildrenChanged, "/plain/w");
        }
        zk.delete("/plain/w", -1);
        Check.event(mine, EventType.NodeDeleted, "/plain/w");
        zk.removeWatches("/plain/w", watcher, Watcher.WatcherType.Persistent, false);
        Check.event(mine, EventType.PersistentWatchRemoved, "/plain/w");
        Check.refusedVoid(Code.NOWATCHER,
                () -> zk.removeAllWatches("/plain/w", Watcher.WatcherType.Persistent, false));
        Check.eq("events left over", null, mine.poll());
    }

    private void recursive() throws Exception {
        BlockingQueue<WatchedEvent> mine = Plain.queue();
        CompletableFuture<Integer> result = new CompletableFuture<>();
        zk.addWatch("/plain/w", mine::add, AddWatchMode.PERSISTENT_RECURSIVE,
                (rc, path, ctx) -> result.complete(rc), null);
        Check.eq("addWatch", 0, result.get(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        for (String path : new String[] {"/plain/w", "/plain/w/a", "/plain/w/a/b"}) {
            zk.create(path, EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Check.event(mine, EventType.NodeCreated, path);
        }
        zk.create("/plain/wx", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/plain/wx", -1);
        zk.setData("/plain/w/a/b", EMPTY, -1);
        Check.event(mine, EventType.NodeDataChanged, "/plain/w/a/b");
        zk.delete("/plain/w/a/b", -1);
        Check.event(mine, EventType.NodeDeleted, "/plain/w/a/b");
        zk.removeAllWatches("/plain/w", Watcher.WatcherType.Any, false);
        Check.event(mine, EventType.PersistentWatchRemoved, "/plain/w");
        zk.delete("/plain/w/a", -1);
        Check.eq("events left over", null, mine.poll());
    }

    /** A one-shot watch besides a persistent one: one event of each change, and the one-shot ends. */
    private void both() throws Exception {
        BlockingQueue<WatchedEvent> stays = Plain.queue();
        BlockingQueue<WatchedEvent> once = Plain.queue();
        zk.addWatch("/plain/w", stays::add, AddWatchMode.PERSISTENT);
        zk.getData("/plain/w", once::add, null);
        zk.setData("/plain/w", EMPTY, -1);
        zk.setData("/plain/w", EMPTY, -1);
        Check.event(stays, EventType.NodeDataChanged, "/plain/w");
        Check.event(stays, EventType.NodeDataChanged, "/plain/w");
        Check.event(once, EventType.NodeDataChanged, "/plain/w");
        zk.sync("/plain");
        Check.eq("a second event of a one-shot watch", null, once.poll());
        Check.eq("a third event", null, stays.poll());
        zk.removeAllWatches("/plain/w", Watcher.WatcherType.Any, false);
        zk.delete("/plain/w", -1);
    }
}
