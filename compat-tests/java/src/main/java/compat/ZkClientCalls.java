package compat;

import static org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.I0Itec.zkclient.ContentWatcher;
import org.I0Itec.zkclient.DistributedQueue;
import org.I0Itec.zkclient.IZkDataListener;
import org.I0Itec.zkclient.IZkStateListener;
import org.I0Itec.zkclient.ZkClient;
import org.I0Itec.zkclient.ZkConnection;
import org.I0Itec.zkclient.exception.ZkException;
import org.I0Itec.zkclient.exception.ZkNoNodeException;
import org.I0Itec.zkclient.serialize.BytesPushThroughSerializer;
import org.I0Itec.zkclient.util.ZkPathUtil;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** The calls of ZkClient that {@link ZkClientApp} does not come to: together they are all that it has. */
final class ZkClientCalls {
    private static final String ROOT = "/zkcalls";

    private ZkClientCalls() {
    }

    static void run(String servers) throws Exception {
        // One of its constructors for each client; the others only fill in what these say.
        ZkClient bytes = new ZkClient(new ZkConnection(servers, 20_000), 20_000,
                new BytesPushThroughSerializer(), 20_000);
        ZkClient other = new ZkClient(servers, 20_000, 20_000, new BytesPushThroughSerializer());
        bytes.createPersistent(ROOT);
        creates(bytes);
        reads(bytes);
        writes(bytes);
        lists(bytes, other);
        multi(bytes);
        watched(bytes, other);
        states(servers);
        recipes(servers);
        connection(servers);
        bytes.close();
        other.close();
    }

    private static void creates(ZkClient client) {
        byte[] data = Plain.bytes("x");
        client.createPersistent(ROOT + "/acl/x", true, OPEN_ACL_UNSAFE);
        client.createPersistent(ROOT + "/p", data, OPEN_ACL_UNSAFE);
        Check.eq("sequential", ROOT + "/ps0000000002",
                client.createPersistentSequential(ROOT + "/ps", data, OPEN_ACL_UNSAFE));
        client.createEphemeral(ROOT + "/e");
        client.createEphemeral(ROOT + "/ea", OPEN_ACL_UNSAFE);
        client.createEphemeral(ROOT + "/ed", data, OPEN_ACL_UNSAFE);
        Check.eq("sequential", ROOT + "/es0000000006",
                client.createEphemeralSequential(ROOT + "/es", data, OPEN_ACL_UNSAFE));
        Check.eq("create", ROOT + "/c", client.create(ROOT + "/c", data, CreateMode.PERSISTENT));
        Check.eq("container", ROOT + "/box", client.create(ROOT + "/box", data, CreateMode.CONTAINER));
        Check.eq("create", ROOT + "/ca",
                client.create(ROOT + "/ca", data, READ_ACL_UNSAFE, CreateMode.EPHEMERAL));
    }

    private static void reads(ZkClient client) throws Exception {
        List<String> names = new ArrayList<>(client.getChildren(ROOT));
        Collections.sort(names);
        Check.eq("children", List.of("acl", "box", "c", "ca", "e", "ea", "ed", "es0000000006", "p",
                "ps0000000002"), names);
        Check.eq("their number", names.size(), client.countChildren(ROOT));
        Check.eq("of nothing", 0, client.countChildren(ROOT + "/none"));
        Check.eq("null if there is none", null, client.readData(ROOT + "/none", true));
        try {
            client.readData(ROOT + "/none");
            throw new AssertionError("read what is not there");
        } catch (ZkNoNodeException e) {
            Check.eq("created", -1L, client.getCreationTime(ROOT + "/none"));
        }
        long age = System.currentTimeMillis() - client.getCreationTime(ROOT);
        Check.that(age >= 0 && age < 600_000, "made a moment ago: " + age);
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        client.showFolders(shown);
        Check.that(shown.toString(StandardCharsets.UTF_8).contains("'-+zkcalls"), "shown: " + shown);
        Check.that(ZkPathUtil.toString(client).contains("zkcalls"), "shown as text");
        Check.eq("leading zeros", "007", ZkPathUtil.leadingZeros(7, 3));
    }

    private static void writes(ZkClient client) {
        Stat stat = client.writeDataReturnStat(ROOT + "/p", Plain.bytes("one"), 0);
        Check.eq("version", 1, stat.getVersion());
        client.<byte[]>updateDataSerialized(ROOT + "/p", old -> Plain.bytes(new String(old) + " two"));
        Check.eq("updated", Plain.bytes("one two"), client.readData(ROOT + "/p"));
        Check.that(!client.delete(ROOT + "/none"), "nothing to delete");
        Check.that(!client.delete(ROOT + "/none", 3), "nothing to delete");
        Check.that(client.delete(ROOT + "/c", 0), "deleted");
    }

    private static void lists(ZkClient client, ZkClient other) throws Exception {
        client.addAuthInfo("digest", Plain.bytes("user:secret"));
        client.createPersistent(ROOT + "/own", Plain.bytes("mine"), CREATOR_ALL_ACL);
        try {
            other.readData(ROOT + "/own");
            throw new AssertionError("read what is another's");
        } catch (ZkException e) {
            Check.eq("code", Code.NOAUTH, ((org.apache.zookeeper.KeeperException) e.getCause()).code());
        }
        other.addAuthInfo("digest", Plain.bytes("user:secret"));
        Check.eq("the same user", Plain.bytes("mine"), other.readData(ROOT + "/own"));
        List<ACL> list = Arrays.asList(new ACL(Perms.ALL, new Id("ip", "127.0.0.1")));
        client.setAcl(ROOT + "/p", list);
        Map.Entry<List<ACL>, Stat> found = client.getAcl(ROOT + "/p");
        Check.eq("acl", list, found.getKey());
        Check.eq("aversion", 1, found.getValue().getAversion());
    }

    private static void multi(ZkClient client) {
        List<OpResult> results = client.multi(List.of(
                Op.create(ROOT + "/m", Plain.bytes("1"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.setData(ROOT + "/m", Plain.bytes("2"), 0), Op.check(ROOT + "/m", 1),
                Op.delete(ROOT + "/m", 1)));
        Check.eq("results", 4, results.size());
        try {
            client.multi(List.of(Op.delete(ROOT + "/none", -1)));
            throw new AssertionError("deleted nothing");
        } catch (ZkNoNodeException e) {
            Check.that(!client.exists(ROOT + "/m"), "made and deleted");
        }
    }

    private static void watched(ZkClient client, ZkClient other) throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        IZkDataListener listener = new IZkDataListener() {
            @Override
            public void handleDataChange(String path, Object data) {
                seen.add(new String((byte[]) data, StandardCharsets.UTF_8));
            }

            @Override
            public void handleDataDeleted(String path) {
                seen.add("deleted");
            }
        };
        client.subscribeDataChanges(ROOT + "/w", listener);
        Check.eq("listeners", 1, client.numberOfListeners());
        client.watchForData(ROOT + "/w");
        Check.eq("no children of nothing", null, client.watchForChilds(ROOT + "/w"));
        other.createPersistent(ROOT + "/w", Plain.bytes("1"));
        Check.eq("event", "1", seen.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        Check.eq("children", List.of(), client.watchForChilds(ROOT + "/w"));
        Check.that(client.waitUntilExists(ROOT + "/w", TimeUnit.SECONDS, Check.PATIENCE_SECONDS), "is there");
        client.unsubscribeDataChanges(ROOT + "/w", listener);
        client.unsubscribeAll();
        Check.eq("listeners", 0, client.numberOfListeners());
        other.writeData(ROOT + "/w", Plain.bytes("2"));
        Check.eq("retried", "2", new String(client.retryUntilConnected(() -> client.<byte[]>readData(ROOT + "/w")),
                StandardCharsets.UTF_8));
        Check.that(seen.isEmpty(), "nobody listens: " + seen);
    }

    /** A session whose connection is taken by another client, and given up by that one. */
    private static void states(String servers) throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        ZkConnection connection = new ZkConnection(servers, 20_000);
        ZkClient client = new ZkClient(connection, 20_000);
        IZkStateListener listener = new IZkStateListener() {
            @Override
            public void handleStateChanged(KeeperState state) {
                seen.add(state.name());
            }

            @Override
            public void handleNewSession() {
                seen.add("new session");
            }

            @Override
            public void handleSessionEstablishmentError(Throwable error) {
                seen.add("error " + error);
            }
        };
        client.subscribeStateChanges(listener);
        client.waitUntilConnected();
        Check.that(client.waitUntilConnected(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "connected");
        long id = connection.getZookeeper().getSessionId();
        byte[] password = connection.getZookeeper().getSessionPasswd();
        Check.until("a new session", () -> {
            try (Plain thief = new Plain(servers, 20_000, id, password)) {
                Check.until("its connection is cut", () -> seen.contains("Disconnected"));
            }
            // It comes back within a second, at times before the thief has closed the session: then the
            // thief must come again.
            for (int i = 0; i < 300 && !seen.contains("new session"); i++) {
                Thread.sleep(10);
            }
            return seen.contains("new session");
        });
        Check.that(seen.contains("Expired"), "the old one expired: " + seen);
        Check.that(client.exists(ROOT), "goes on with the new one");
        client.unsubscribeStateChanges(listener);
        Check.that(!client.getShutdownTrigger(), "lives");
        client.close();
    }

    private static void recipes(String servers) throws Exception {
        ZkClient client = new ZkClient(servers);
        client.createPersistent(ROOT + "/queue");
        DistributedQueue<Long> queue = new DistributedQueue<>(client, ROOT + "/queue");
        queue.offer(17L);
        queue.offer(18L);
        Check.eq("peek", 17L, queue.peek());
        Check.eq("poll", 17L, queue.poll());
        Check.eq("poll", 18L, queue.poll());
        Check.that(queue.isEmpty(), "empty");
        ContentWatcher<String> watcher = new ContentWatcher<>(client, ROOT + "/content");
        watcher.start();
        client.createPersistent(ROOT + "/content", "first");
        Check.eq("content", "first", watcher.getContent());
        client.writeData(ROOT + "/content", "second");
        Check.until("the change", () -> watcher.getContent().equals("second"));
        watcher.stop();
        client.close();
    }

    /** The connection by itself, without what the client does with it. */
    private static void connection(String servers) throws Exception {
        ZkConnection connection = new ZkConnection(servers);
        Check.eq("servers", servers, connection.getServers());
        BlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();
        connection.connect(event -> states.add(event.getState()));
        Check.eq("state", KeeperState.SyncConnected, states.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        Check.eq("state", ZooKeeper.States.CONNECTED, connection.getZookeeperState());
        String path = ROOT + "/raw";
        Check.eq("create", path, connection.create(path, Plain.bytes("1"), CreateMode.PERSISTENT));
        Check.eq("create", path + "/x",
                connection.create(path + "/x", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL));
        Check.that(connection.exists(path, false), "exists");
        Check.eq("children", List.of("x"), connection.getChildren(path, false));
        connection.writeData(path, Plain.bytes("2"));
        connection.writeData(path, Plain.bytes("3"), 1);
        Check.eq("version", 3, connection.writeDataReturnStat(path, Plain.bytes("4"), 2).getVersion());
        Check.eq("data", Plain.bytes("4"), connection.readData(path, new Stat(), false));
        Check.that(connection.getCreateTime(path) > 0, "created");
        connection.addAuthInfo("digest", Plain.bytes("user:secret"));
        connection.setAcl(path, OPEN_ACL_UNSAFE, 0);
        Check.eq("acl", OPEN_ACL_UNSAFE, connection.getAcl(path).getKey());
        Check.eq("multi", 1, connection.multi(List.of(Op.check(path, 3))).size());
        Check.refusedVoid(Code.BADVERSION, () -> connection.delete(path + "/x", 7));
        connection.delete(path + "/x", 0);
        connection.delete(path);
        connection.close();
    }
}
