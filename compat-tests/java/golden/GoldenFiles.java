import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;

/**
 * Fills a running server with one of everything that a log or snapshot can hold. files.sh beside it
 * starts servers of several versions, runs this against them, and keeps their files. A second argument
 * leaves out what servers before 3.5 do not know.
 */
public class GoldenFiles {
    interface Step {
        void run() throws Exception;
    }

    /** A step that the server's version may not know, or that is meant to fail. */
    static void attempt(Step step) throws Exception {
        try {
            step.run();
        } catch (KeeperException e) {
            System.out.println("refused: " + e.code());
        }
    }

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        Watcher watcher = e -> connected.countDown();
        ZooKeeper zk = new ZooKeeper(args[0], 30000, watcher);
        connected.await();
        nodes(zk);
        if (args.length == 1) {
            newerNodes(zk);
        }
        multis(zk);
        // A second session stays open, with an ephemeral, so that snapshots hold sessions.
        CountDownLatch again = new CountDownLatch(1);
        ZooKeeper stays = new ZooKeeper(args[0], 40000, e -> again.countDown());
        again.await();
        stays.create("/ephemeral-2", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        zk.close();
        Runtime.getRuntime().halt(0);
    }

    static void nodes(ZooKeeper zk) throws Exception {
        zk.create("/a", "data".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/a/null", null, Ids.READ_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/a/empty", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        byte[] large = new byte[3000];
        Arrays.fill(large, (byte) 'x');
        zk.create("/a/large", large, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        String name = "/a/\u00e9\u4e2d\u6587";
        zk.create(name, name.getBytes(StandardCharsets.UTF_8), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        List<ACL> acl = Arrays.asList(new ACL(Perms.ALL, new Id("digest", "u:x1nq8J5GOJVPY6zgzhtTtA9izLc=")),
            new ACL(Perms.READ, new Id("ip", "127.0.0.0/8")));
        zk.create("/acl", null, acl, CreateMode.PERSISTENT);
        zk.create("/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        zk.create("/a/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
        zk.setData("/a", "other".getBytes(), -1);
        zk.setACL("/a/empty", Ids.READ_ACL_UNSAFE, -1);
        zk.create("/gone", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.delete("/gone", -1);
        attempt(() -> zk.delete("/missing", -1));
        attempt(() -> zk.create("/zookeeper/quota/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        attempt(() -> zk.create("/zookeeper/quota/a/zookeeper_limits", "count=100,bytes=10000".getBytes(),
            Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        attempt(() -> zk.create("/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0".getBytes(),
            Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
    }

    static void newerNodes(ZooKeeper zk) throws Exception {
        attempt(() -> zk.create("/c", "2".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
            new org.apache.zookeeper.data.Stat()));
        attempt(() -> zk.create("/container", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER));
        attempt(() -> zk.create("/container/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        attempt(() -> zk.create("/ttl", "t".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
            null, 1000000L));
    }

    static void multis(ZooKeeper zk) throws Exception {
        zk.multi(Arrays.asList(Op.create("/m", "1".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.setData("/m", "2".getBytes(), 0), Op.check("/m", 1),
            Op.create("/m/d", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.delete("/m/d", 0)));
        attempt(() -> zk.multi(Arrays.asList(
            Op.create("/n", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.check("/m", 77),
            Op.delete("/m", -1))));
    }
}
