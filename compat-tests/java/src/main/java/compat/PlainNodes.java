package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.Stat;

/** Nodes of all kinds, their data, versions, stats and names. */
final class PlainNodes {
    private static final byte[] EMPTY = {};

    private final ZooKeeper zk;

    private PlainNodes(ZooKeeper zk) {
        this.zk = zk;
    }

    static void run(Plain plain, String servers) throws Exception {
        PlainNodes nodes = new PlainNodes(plain.zk);
        nodes.data();
        nodes.stats();
        nodes.names();
        nodes.sequences();
        nodes.ephemerals();
        nodes.containersAndTtls();
        nodes.refusals();
        nodes.config(servers);
    }

    private void data() throws Exception {
        Check.eq("path", "/plain/d", zk.create("/plain/d", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Check.eq("null data", null, zk.getData("/plain/d", false, null));
        zk.setData("/plain/d", EMPTY, 0);
        Check.eq("empty data", EMPTY, zk.getData("/plain/d", false, null));
        byte[] big = new byte[1000 * 1000];
        Arrays.fill(big, (byte) 7);
        zk.setData("/plain/d", big, 1);
        Stat stat = new Stat();
        Check.eq("a megabyte", big, zk.getData("/plain/d", false, stat));
        Check.eq("its length", big.length, stat.getDataLength());
        Check.eq("its version", 2, stat.getVersion());
        zk.setData("/plain/d", null, -1);
        Check.eq("null data again", null, zk.getData("/plain/d", false, stat));
        Check.eq("length of null", 0, stat.getDataLength());
        zk.delete("/plain/d", 3);
    }

    private void stats() throws Exception {
        Stat made = new Stat();
        zk.create("/plain/s", Plain.bytes("12"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, made);
        Check.eq("czxid is mzxid", made.getCzxid(), made.getMzxid());
        Check.eq("czxid is pzxid", made.getCzxid(), made.getPzxid());
        Check.eq("ctime is mtime", made.getCtime(), made.getMtime());
        Check.that(Math.abs(made.getCtime() - System.currentTimeMillis()) < 600_000, "ctime is of now");
        Check.eq("versions", "0 0 0", made.getVersion() + " " + made.getCversion() + " " + made.getAversion());
        Stat set = zk.setData("/plain/s", Plain.bytes("123"), -1);
        Check.eq("mzxid", made.getCzxid() + 1, set.getMzxid());
        Check.eq("czxid stays", made.getCzxid(), set.getCzxid());
        zk.create("/plain/s/a", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/plain/s/b", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/plain/s/a", 0);
        Stat parent = zk.exists("/plain/s", false);
        Check.eq("children", 1, parent.getNumChildren());
        Check.eq("cversion counts creates and deletes", 3, parent.getCversion());
        Check.eq("pzxid is that of the delete", set.getMzxid() + 3, parent.getPzxid());
        Check.eq("mzxid stays", set.getMzxid(), parent.getMzxid());
        Check.eq("nodes below", 1, zk.getAllChildrenNumber("/plain/s"));
        Stat listed = new Stat();
        Check.eq("children", List.of("b"), zk.getChildren("/plain/s", false, listed));
        Check.eq("stat of getChildren2", parent, listed);
        Check.eq("exists of what is not there", null, zk.exists("/plain/none", false));
        zk.delete("/plain/s/b", -1);
        zk.delete("/plain/s", -1);
    }

    private void names() throws Exception {
        for (String name : List.of("\u00e4\u00f6", "\u4e2d\u6587", "a b", "...", "-", "a\u00a0b")) {
            String path = "/plain/" + name;
            zk.create(path, EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Check.that(zk.getChildren("/plain", false).contains(name), "listed: " + name);
            zk.delete(path, 0);
        }
    }

    private void sequences() throws Exception {
        zk.create("/plain/q", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        for (int i = 0; i < 3; i++) {
            Check.eq("sequential", String.format("/plain/q/n-%010d", i),
                    zk.create("/plain/q/n-", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        }
        zk.delete("/plain/q/n-0000000002", -1);
        Check.eq("a number is not given again", "/plain/q/0000000003",
                zk.create("/plain/q/", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL));
        zk.create("/plain/q/other", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Check.eq("every create counts", "/plain/q/t0000000005",
                zk.create("/plain/q/t", EMPTY, OPEN_ACL_UNSAFE,
                        CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, new Stat(), 60_000));
        Check.eq("children", new TreeSet<>(List.of("n-0000000000", "n-0000000001", "0000000003", "other",
                "t0000000005")), new TreeSet<>(zk.getChildren("/plain/q", false)));
        for (String child : zk.getChildren("/plain/q", false)) {
            zk.delete("/plain/q/" + child, -1);
        }
        zk.delete("/plain/q", -1);
    }

    private void ephemerals() throws Exception {
        Stat stat = new Stat();
        zk.create("/plain/e1", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, stat);
        Check.eq("owner", zk.getSessionId(), stat.getEphemeralOwner());
        zk.create("/plain/e2", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Check.refused(Code.NOCHILDRENFOREPHEMERALS,
                () -> zk.create("/plain/e1/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Check.eq("ephemerals", new TreeSet<>(List.of("/plain/e1", "/plain/e2")),
                new TreeSet<>(zk.getEphemerals()));
        Check.eq("ephemerals by prefix", List.of("/plain/e2"), zk.getEphemerals("/plain/e2"));
        zk.delete("/plain/e1", -1);
        zk.delete("/plain/e2", -1);
        Check.eq("no ephemerals", List.of(), zk.getEphemerals());
    }

    private void containersAndTtls() throws Exception {
        Stat stat = new Stat();
        zk.create("/plain/c", EMPTY, OPEN_ACL_UNSAFE, CreateMode.CONTAINER, stat);
        Check.eq("a container has no owner", 0L, stat.getEphemeralOwner());
        zk.create("/plain/c/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/plain/c/x", -1);
        zk.delete("/plain/c", -1);
        zk.create("/plain/t", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 3_600_000);
        Check.eq("a TTL node has no owner", 0L, stat.getEphemeralOwner());
        zk.create("/plain/t/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/plain/t/x", -1);
        zk.delete("/plain/t", -1);
    }

    private void refusals() throws Exception {
        zk.create("/plain/r", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/plain/r/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Check.refused(Code.NODEEXISTS,
                () -> zk.create("/plain/r", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Check.refused(Code.NONODE,
                () -> zk.create("/plain/none/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Check.refused(Code.NONODE, () -> zk.getData("/plain/none", false, null));
        Check.refused(Code.NONODE, () -> zk.setData("/plain/none", EMPTY, -1));
        Check.refused(Code.NONODE, () -> zk.getChildren("/plain/none", false));
        Check.refused(Code.NONODE, () -> zk.getACL("/plain/none", null));
        Check.refused(Code.NONODE, () -> zk.setACL("/plain/none", OPEN_ACL_UNSAFE, -1));
        Check.refused(Code.NONODE, () -> zk.getAllChildrenNumber("/plain/none"));
        Check.refusedVoid(Code.NONODE, () -> zk.delete("/plain/none", -1));
        Check.refusedVoid(Code.NOTEMPTY, () -> zk.delete("/plain/r", -1));
        Check.refusedVoid(Code.BADVERSION, () -> zk.delete("/plain/r/x", 5));
        Check.refused(Code.BADVERSION, () -> zk.setData("/plain/r", EMPTY, 5));
        Check.refusedVoid(Code.BADARGUMENTS, () -> zk.delete("/zookeeper", -1));
        Check.refusedVoid(Code.BADARGUMENTS, () -> zk.delete("/zookeeper/quota", -1));
        zk.delete("/plain/r/x", -1);
        zk.delete("/plain/r", -1);
    }

    private void config(String servers) throws Exception {
        zk.sync("/plain");
        zk.getConfig(false, new Stat());
        Check.eq("system nodes", new TreeSet<>(List.of("config", "quota")),
                new TreeSet<>(zk.getChildren("/zookeeper", false)));
        int below = zk.getAllChildrenNumber("/");
        Check.that(below >= 3, "nodes below the root, found " + below);
        try (ZooKeeperAdmin admin = new ZooKeeperAdmin(servers, 20000, event -> { })) {
            Check.refused(Code.RECONFIGDISABLED, () -> admin.reconfigure(null, null,
                    "server.1=127.0.0.1:1:2;127.0.0.1:3", -1, new Stat()));
        }
    }
}
