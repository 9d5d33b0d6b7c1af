package compat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.I0Itec.zkclient.IZkChildListener;
import org.I0Itec.zkclient.IZkDataListener;
import org.I0Itec.zkclient.ZkClient;
import org.I0Itec.zkclient.exception.ZkBadVersionException;
import org.I0Itec.zkclient.exception.ZkNodeExistsException;
import org.apache.zookeeper.data.Stat;

/** What applications do with ZkClient (as Kafka did), and behind it every other call that it has. */
public final class ZkClientApp {
    private ZkClientApp() {
    }

    public static void main(String[] args) {
        Check.program("ZkClientApp", () -> {
            ZkClient client = new ZkClient(args[0], 20_000, 20_000);
            ZkClient other = new ZkClient(args[0], 20_000, 20_000);
            nodes(client);
            listeners(client, other);
            ephemerals(client, other);
            client.close();
            ZkClientCalls.run(args[0]);
        });
    }

    private static void nodes(ZkClient client) {
        client.createPersistent("/zkclient/a/b", true);
        client.createPersistent("/zkclient/a/c", "data");
        Check.eq("data", "data", client.readData("/zkclient/a/c"));
        Stat stat = new Stat();
        client.writeData("/zkclient/a/c", "more", 0);
        Check.eq("data", "more", client.readData("/zkclient/a/c", stat));
        Check.eq("version", 1, stat.getVersion());
        Check.eq("children", 2, client.countChildren("/zkclient/a"));
        Check.eq("sequential", "/zkclient/s0000000001", client.createPersistentSequential("/zkclient/s", null));
        try {
            client.createPersistent("/zkclient/a");
            throw new AssertionError("created a node that exists");
        } catch (ZkNodeExistsException e) {
            Check.eq("code", "NODEEXISTS", ((org.apache.zookeeper.KeeperException) e.getCause()).code().name());
        }
        try {
            client.writeData("/zkclient/a/c", "x", 7);
            throw new AssertionError("wrote over a wrong version");
        } catch (ZkBadVersionException e) {
            Check.that(client.exists("/zkclient/a/c"), "the node is still there");
        }
        Check.that(client.deleteRecursive("/zkclient/a"), "deleted");
        Check.that(!client.exists("/zkclient/a"), "gone");
    }

    private static void listeners(ZkClient client, ZkClient other) throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        client.subscribeDataChanges("/zkclient/d", new IZkDataListener() {
            @Override
            public void handleDataChange(String path, Object data) {
                seen.add(path + "=" + data);
            }

            @Override
            public void handleDataDeleted(String path) {
                seen.add(path + " deleted");
            }
        });
        other.createPersistent("/zkclient/d", "1");
        next(seen, "/zkclient/d=1");
        other.writeData("/zkclient/d", "2");
        next(seen, "/zkclient/d=2");
        IZkChildListener children = (path, names) -> seen.add(path + " has " + names);
        Check.eq("children", List.of(), client.subscribeChildChanges("/zkclient/d", children));
        other.createPersistent("/zkclient/d/x");
        next(seen, "/zkclient/d has [x]");
        client.unsubscribeChildChanges("/zkclient/d", children);
        other.delete("/zkclient/d/x");
        other.delete("/zkclient/d");
        next(seen, "/zkclient/d deleted");
    }

    private static void ephemerals(ZkClient client, ZkClient other) {
        other.createEphemeral("/zkclient/e", "mine");
        Check.eq("sequential", "/zkclient/e-0000000004", other.createEphemeralSequential("/zkclient/e-", null));
        Check.that(client.exists("/zkclient/e"), "the ephemeral is there");
        other.close();
        Check.that(client.waitUntilExists("/zkclient", TimeUnit.SECONDS, 1), "the parent stays");
        Check.that(!client.exists("/zkclient/e"), "closed with its ephemeral");
    }

    private static void next(BlockingQueue<String> seen, String expected) throws Exception {
        Check.eq("listener", expected, seen.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
}
