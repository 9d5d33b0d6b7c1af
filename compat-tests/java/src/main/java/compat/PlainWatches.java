package compat;

import static org.apache.zookeeper.ZooDefs.Ids.ANYONE_ID_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;

/** One-shot watches: what triggers them, once, before the reply; and their removal. */
final class PlainWatches {
    private static final byte[] EMPTY = {};

    private final ZooKeeper zk;
    private final BlockingQueue<WatchedEvent> events;

    private PlainWatches(Plain plain) {
        zk = plain.zk;
        events = plain.events;
    }

    static void run(Plain plain) throws Exception {
        PlainWatches watches = new PlainWatches(plain);
        watches.triggers();
        watches.once();
        watches.beforeTheReply();
        watches.withoutPermission();
        watches.removed();
        Check.eq("events left over", null, plain.events.poll());
    }

    private void triggers() throws Exception {
        zk.exists("/plain/w", true);
        zk.create("/plain/w", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Check.event(events, EventType.NodeCreated, "/plain/w");
        zk.exists("/plain/w", true);
        zk.setData("/plain/w", EMPTY, -1);
        Check.event(events, EventType.NodeDataChanged, "/plain/w");
        zk.getData("/plain/w", true, null);
        zk.setACL("/plain/w", OPEN_ACL_UNSAFE, -1);
        long zxid = zk.setData("/plain/w", EMPTY, -1).getMzxid();
        WatchedEvent event = events.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS);
        Check.eq("an ACL triggers nothing", EventType.NodeDataChanged, event.getType());
        Check.eq("zxid of the event", zxid, event.getZxid());
        zk.getChildren("/plain/w", true);
        zk.create("/plain/w/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Check.event(events, EventType.NodeChildrenChanged, "/plain/w");
        zk.getChildren("/plain/w", true);
        zk.getChildren("/plain/w/x", true);
        zk.getData("/plain/w/x", true, null);
        zk.delete("/plain/w/x", -1);
        Check.event(events, EventType.NodeDeleted, "/plain/w/x");
        Check.event(events, EventType.NodeChildrenChanged, "/plain/w");
        zk.getConfig(true, null);
    }

    private void once() throws Exception {
        BlockingQueue<WatchedEvent> one = Plain.queue();
        Watcher watcher = one::add;
        zk.getData("/plain/w", watcher, null);
        zk.getData("/plain/w", watcher, null);
        zk.exists("/plain/w", watcher);
        zk.setData("/plain/w", EMPTY, -1);
        zk.setData("/plain/w", EMPTY, -1);
        Check.event(one, EventType.NodeDataChanged, "/plain/w");
        zk.sync("/plain/w");
        Check.eq("a second event", null, one.poll());
    }

    /** The event of a change is delivered before the reply of any request behind the change. */
    private void beforeTheReply() throws Exception {
        for (int i = 0; i < 100; i++) {
            CompletableFuture<Boolean> seen = new CompletableFuture<>();
            BlockingQueue<WatchedEvent> mine = Plain.queue();
            zk.getData("/plain/w", mine::add, null);
            zk.setData("/plain/w", EMPTY, -1, (rc, path, ctx, stat) -> seen.complete(!mine.isEmpty()), null);
            Check.that(seen.get(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "the event precedes the reply");
        }
    }

    /** Whoever may not read the node is not told of it. */
    private void withoutPermission() throws Exception {
        zk.create("/plain/hidden", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.getData("/plain/hidden", true, null);
        zk.setACL("/plain/hidden", Arrays.asList(new ACL(Perms.ALL & ~Perms.READ, ANYONE_ID_UNSAFE)), -1);
        zk.setData("/plain/hidden", EMPTY, -1);
        zk.setACL("/plain/hidden", OPEN_ACL_UNSAFE, -1);
        Check.eq("an event without READ", null, events.poll());
        zk.setData("/plain/hidden", EMPTY, -1);
        zk.sync("/plain/hidden");
        Check.eq("the watch is gone all the same", null, events.poll());
        zk.delete("/plain/hidden", -1);
    }

    private void removed() throws Exception {
        BlockingQueue<WatchedEvent> mine = Plain.queue();
        Watcher watcher = mine::add;
        zk.getData("/plain/w", watcher, null);
        zk.getChildren("/plain/w", watcher);
        Check.refusedVoid(Code.NOWATCHER,
                () -> zk.removeWatches("/plain/none", watcher, Watcher.WatcherType.Any, false));
        zk.removeWatches("/plain/w", watcher, Watcher.WatcherType.Data, false);
        Check.event(mine, EventType.DataWatchRemoved, "/plain/w");
        zk.setData("/plain/w", EMPTY, -1);
        zk.removeAllWatches("/plain/w", Watcher.WatcherType.Children, false);
        Check.event(mine, EventType.ChildWatchRemoved, "/plain/w");
        zk.create("/plain/w/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/plain/w/x", -1);
        Check.eq("events of removed watches", null, mine.poll());
        CompletableFuture<Integer> result = new CompletableFuture<>();
        zk.exists("/plain/w", watcher);
        zk.removeWatches("/plain/w", watcher, Watcher.WatcherType.Any, false,
                (rc, path, ctx) -> result.complete(rc), null);
        Check.eq("removed", 0, result.get(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        Check.event(mine, EventType.DataWatchRemoved, "/plain/w");
        zk.delete("/plain/w", -1);
    }
}
