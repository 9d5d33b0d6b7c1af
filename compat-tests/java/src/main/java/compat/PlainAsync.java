package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** The asynchronous forms, many at once: callbacks come in the order of the calls. */
final class PlainAsync {
    private static final byte[] EMPTY = {};

    private final ZooKeeper zk;
    private final BlockingQueue<String> results = new LinkedBlockingQueue<>();
    private final List<String> expected = new ArrayList<>();

    private PlainAsync(ZooKeeper zk) {
        this.zk = zk;
    }

    static void run(Plain plain) throws Exception {
        PlainAsync async = new PlainAsync(plain.zk);
        async.writes();
        async.reads();
        async.last();
        async.compare();
        async.pipeline();
    }

    private void got(int rc, String what) {
        results.add(rc + " " + what);
    }

    private void expect(String... lines) {
        expected.addAll(List.of(lines));
    }

    private void writes() {
        zk.create("/plain/a", Plain.bytes("x"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                (rc, path, ctx, name) -> got(rc, "create " + path + " " + ctx + " " + name), "ctx");
        zk.create("/plain/a/b", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
                (rc, path, ctx, name, stat) -> got(rc, "create2 " + name + " " + stat.getVersion()), null);
        zk.create("/plain/a/t", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                (rc, path, ctx, name, stat) -> got(rc, "createTTL " + name), null, 60_000);
        zk.create("/plain/a", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                (rc, path, ctx, name) -> got(rc, "create " + name), null);
        zk.setData("/plain/a", Plain.bytes("yy"), 0,
                (rc, path, ctx, stat) -> got(rc, "setData " + stat.getVersion()), null);
        zk.setData("/plain/a", Plain.bytes("yy"), 0,
                (rc, path, ctx, stat) -> got(rc, "setData " + stat), null);
        zk.setACL("/plain/a/t", READ_ACL_UNSAFE, 0,
                (rc, path, ctx, stat) -> got(rc, "setACL " + stat.getAversion()), null);
        zk.sync("/plain/a", (rc, path, ctx) -> got(rc, "sync " + path), null);
        expect("0 create /plain/a ctx /plain/a", "0 create2 /plain/a/b0000000000 0",
                "0 createTTL /plain/a/t", "-110 create null", "0 setData 1", "-103 setData null",
                "0 setACL 1", "0 sync /plain/a");
    }

    private void reads() {
        zk.exists("/plain/a", false, (rc, path, ctx, stat) -> got(rc, "exists " + stat.getVersion()), null);
        zk.exists("/plain/none", false, (rc, path, ctx, stat) -> got(rc, "exists " + stat), null);
        zk.getData("/plain/a", false,
                (rc, path, ctx, data, stat) -> got(rc, "getData " + new String(data)), null);
        zk.getACL("/plain/a/t", new Stat(),
                (rc, path, ctx, acl, stat) -> got(rc, "getACL " + acl.equals(READ_ACL_UNSAFE)), null);
        zk.getChildren("/plain/a", false,
                (rc, path, ctx, children) -> got(rc, "getChildren " + children.size()), null);
        zk.getChildren("/plain/a", false,
                (rc, path, ctx, children, stat) -> got(rc, "getChildren2 " + stat.getNumChildren()), null);
        zk.getAllChildrenNumber("/plain/a", (rc, path, ctx, number) -> got(rc, "number " + number), null);
        zk.getEphemerals((rc, ctx, paths) -> got(rc, "ephemerals " + paths), null);
        zk.getEphemerals("/plain", (rc, ctx, paths) -> got(rc, "ephemerals " + paths), null);
        zk.getConfig(false, (rc, path, ctx, data, stat) -> got(rc, "config " + path), null);
        expect("0 exists 1", "-101 exists null", "0 getData yy", "0 getACL true", "0 getChildren 2",
                "0 getChildren2 2", "0 number 2", "0 ephemerals []", "0 ephemerals []",
                "0 config /zookeeper/config");
    }

    private void last() {
        zk.delete("/plain/a", -1, (rc, path, ctx) -> got(rc, "delete " + path), null);
        zk.delete("/plain/a/t", -1, (rc, path, ctx) -> got(rc, "delete " + path), null);
        zk.delete("/plain/a/b0000000000", 0, (rc, path, ctx) -> got(rc, "delete " + path), null);
        zk.delete("/plain/a", 1, (rc, path, ctx) -> got(rc, "delete " + path), null);
        expect("-111 delete /plain/a", "0 delete /plain/a/t", "0 delete /plain/a/b0000000000",
                "0 delete /plain/a");
    }

    private void compare() throws Exception {
        for (String line : expected) {
            Check.eq("callback", line, results.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        }
    }

    /** Writes and reads in turn: each read sees the write before it. */
    private void pipeline() throws Exception {
        zk.create("/plain/p", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        for (int i = 0; i < 500; i++) {
            byte[] value = Plain.bytes("v" + i);
            zk.setData("/plain/p", value, i, (rc, path, ctx, stat) -> got(rc, "set"), null);
            zk.getData("/plain/p", false,
                    (rc, path, ctx, data, stat) -> got(rc, new String(data) + " " + stat.getVersion()), null);
        }
        for (int i = 0; i < 500; i++) {
            Check.eq("write", "0 set", results.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
            Check.eq("read", "0 v" + i + " " + (i + 1),
                    results.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        }
        zk.delete("/plain/p", 500);
    }
}
