package compat;

import static org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/**
 * Fills a server with nodes of every kind and stays connected while the server is swapped for another
 * one on the same port and dataDir. Takes a word a line on its standard input:
 * <ul>
 * <li>{@code swapped}: the server was swapped; checks sessions, ephemerals, watches, counters.</li>
 * <li>{@code close}: closes its sessions and ends.</li>
 * </ul>
 * and prints {@code done} after each, and once before the first.
 */
public final class SwapWriter {
    private static final byte[] EMPTY = {};
    private static final int TIMEOUT_MS = 40_000;

    private final String servers;
    /** Two sessions that live across the swap; the second one has proved who it is. */
    private final Plain first;
    private final Plain second;
    private int swaps;

    private SwapWriter(String servers) throws Exception {
        this.servers = servers;
        first = new Plain(servers, TIMEOUT_MS);
        second = new Plain(servers, TIMEOUT_MS);
        second.zk.addAuthInfo("digest", Plain.bytes("bob:secret"));
    }

    public static void main(String[] args) {
        Check.program("SwapWriter", () -> new SwapWriter(args[0]).run());
    }

    private void run() throws Exception {
        data();
        lists();
        kinds();
        histories();
        Quota.set(first.zk, "/swap/many", "count=5,bytes=1000");
        ephemerals();
        vanishing();
        watch();
        System.out.println("done");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String word = in.readLine(); !"close".equals(word); word = in.readLine()) {
            Check.eq("word", "swapped", word);
            swapped();
            System.out.println("done");
        }
        first.close();
        second.close();
        System.out.println("done");
    }

    private void make(String path, byte[] data) throws Exception {
        first.zk.create(path, data, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }

    private void data() throws Exception {
        make("/swap", null);
        make("/swap/null", null);
        make("/swap/empty", EMPTY);
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        make("/swap/bytes", all);
        make("/swap/big", new byte[1_000_000]);
        make("/swap/\u00e4\u4e2d ...", Plain.bytes("name"));
        make("/swap/many", null);
        for (int i = 0; i < 300; i++) {
            make("/swap/many/" + i, Plain.bytes(Integer.toString(i)));
        }
        String path = "/swap/deep";
        for (int i = 0; i < 50; i++) {
            make(path, Plain.bytes(path));
            path += "/" + i;
        }
    }

    private void lists() throws Exception {
        List<List<ACL>> lists = List.of(READ_ACL_UNSAFE,
                Arrays.asList(new ACL(Perms.READ, new Id("ip", "127.0.0.1/8")),
                        new ACL(Perms.ALL, new Id("digest", "x:y"))),
                Arrays.asList(new ACL(0, new Id("world", "anyone"))));
        for (int i = 0; i < lists.size(); i++) {
            first.zk.create("/swap/acl" + i, EMPTY, lists.get(i), CreateMode.PERSISTENT);
        }
        second.zk.create("/swap/bob", EMPTY, CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        for (int i = 0; i < 3; i++) {
            make("/swap/again" + i, EMPTY);
            first.zk.setACL("/swap/again" + i, lists.get(i), 0);
        }
    }

    private void kinds() throws Exception {
        ZooKeeper zk = first.zk;
        Stat stat = new Stat();
        zk.create("/swap/container", EMPTY, OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
        make("/swap/container/x", EMPTY);
        zk.create("/swap/ttl", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 1L << 39);
        make("/swap/ttl/x", EMPTY);
        zk.create("/swap/ttl-", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat,
                3_600_000);
    }

    /** Versions, counters, and what failures and closed sessions leave in the log. */
    private void histories() throws Exception {
        ZooKeeper zk = first.zk;
        make("/swap/versions", EMPTY);
        for (int i = 0; i < 20; i++) {
            zk.setData("/swap/versions", Plain.bytes("v" + i), i);
            Check.refused(Code.BADVERSION, () -> zk.setData("/swap/versions", EMPTY, 1000));
        }
        make("/swap/seq", EMPTY);
        for (int i = 0; i < 7; i++) {
            String made = zk.create("/swap/seq/n", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
            if (i % 2 == 0) {
                zk.delete(made, 0);
            }
        }
        zk.multi(List.of(Op.create("/swap/multi", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.create("/swap/multi/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.setData("/swap/multi", Plain.bytes("m"), 0), Op.check("/swap/multi", 1),
                Op.delete("/swap/multi/x", 0)));
        Check.refused(Code.NODEEXISTS, () -> zk.multi(List.of(
                Op.create("/swap/multi/y", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.create("/swap/multi", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT))));
        try (Plain other = new Plain(servers, TIMEOUT_MS)) {
            other.zk.create("/swap/seq/gone", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        }
    }

    private void ephemerals() throws Exception {
        for (Plain plain : List.of(first, second)) {
            plain.zk.create("/swap/eph-", Plain.bytes("e"), OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
            plain.zk.create("/swap/seq/eph-", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
        }
    }

    /** What the next server has to clear away: only one that knows of what kind they are does so. */
    private void vanishing() throws Exception {
        ZooKeeper zk = first.zk;
        make("/vanish", EMPTY);
        zk.create("/vanish/container", EMPTY, OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
        make("/vanish/container/x", EMPTY);
        zk.delete("/vanish/container/x", 0);
        zk.create("/vanish/ttl", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 1);
        try (RawSession dead = new RawSession(servers.split(",")[0], 10_000)) {
            dead.createEphemeral("/vanish/ephemeral");
        }
    }

    private void watch() throws Exception {
        first.zk.getData("/swap/versions", true, null);
        first.zk.exists("/swap/later", true);
        second.zk.addWatch("/swap/multi", AddWatchMode.PERSISTENT_RECURSIVE);
    }

    private void swapped() throws Exception {
        for (Plain plain : List.of(first, second)) {
            reconnected(plain);
        }
        ZooKeeper zk = first.zk;
        zk.setData("/swap/versions", Plain.bytes("swapped"), 20 + swaps);
        Check.event(first.events, EventType.NodeDataChanged, "/swap/versions");
        if (swaps == 0) {
            make("/swap/later", EMPTY);
            Check.event(first.events, EventType.NodeCreated, "/swap/later");
        }
        make("/swap/multi/z" + swaps, EMPTY);
        Check.event(second.events, EventType.NodeCreated, "/swap/multi/z" + swaps);
        second.zk.setData("/swap/bob", Plain.bytes("still bob"), -1);
        Check.eq("the next number", String.format("/swap/seq/n%010d", 10 + swaps),
                zk.create("/swap/seq/n", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        Check.that(new String(zk.getData("/zookeeper/quota/swap/many/zookeeper_stats", false, null))
                .startsWith("count=301,bytes="), "usage of /swap/many is counted on");
        Check.until("/vanish is cleared away", () -> zk.getChildren("/vanish", false).isEmpty());
        swaps++;
        zk.getData("/swap/versions", true, null);
        vanishing(zk);
    }

    private void vanishing(ZooKeeper zk) throws Exception {
        zk.delete("/vanish", -1);
        vanishing();
    }

    private static void reconnected(Plain plain) throws Exception {
        long id = plain.zk.getSessionId();
        List<KeeperState> seen = new ArrayList<>();
        while (!seen.contains(KeeperState.Disconnected)
                || seen.get(seen.size() - 1) != KeeperState.SyncConnected) {
            seen.add(plain.nextState());
            Check.that(seen.get(seen.size() - 1) != KeeperState.Expired, "the session lives on: " + seen);
        }
        Check.eq("same session", id, plain.zk.getSessionId());
        List<String> ephemerals = plain.zk.getEphemerals();
        Check.eq("ephemerals of the session " + new TreeSet<>(ephemerals), 2, ephemerals.size());
        for (String path : ephemerals) {
            Check.eq("owner of " + path, id, plain.zk.exists(path, false).getEphemeralOwner());
        }
    }
}
