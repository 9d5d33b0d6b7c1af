package compat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** What applications do with Curator: the framework, a lock, a leader, a cache, a node that comes back. */
public final class CuratorApp {
    private final String servers;

    private CuratorApp(String servers) {
        this.servers = servers;
    }

    public static void main(String[] args) {
        Check.program("CuratorApp", () -> {
            CuratorApp app = new CuratorApp(args[0]);
            try (CuratorFramework client = app.client()) {
                app.framework(client);
                app.transaction(client);
                app.mutex();
                app.leader();
                app.cache(client);
                app.persistentNode(client);
                app.sharedCount();
            }
        });
    }

    private CuratorFramework client() throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(servers).namespace("curator")
                .sessionTimeoutMs(20_000).retryPolicy(new RetryOneTime(1000)).build();
        client.start();
        Check.that(client.blockUntilConnected(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "connected");
        return client;
    }

    private void framework(CuratorFramework client) throws Exception {
        Check.eq("path", "/a/b/c",
                client.create().creatingParentContainersIfNeeded().forPath("/a/b/c", Plain.bytes("1")));
        Check.eq("data", Plain.bytes("1"), client.getData().forPath("/a/b/c"));
        Stat stat = client.setData().withVersion(0).forPath("/a/b/c", Plain.bytes("2"));
        Check.eq("version", 1, stat.getVersion());
        client.create().orSetData().forPath("/a/b/c", Plain.bytes("3"));
        Check.eq("children", List.of("b"), client.getChildren().forPath("/a"));
        String name = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .forPath("/a/p-");
        Check.that(name.matches("/a/_c_[-0-9a-f]+-p-0000000001"), "protected name, found " + name);
        client.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/a/ttl");
        Check.that(client.checkExists().forPath("/a/ttl") != null, "the TTL node is there");
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath("/a");
        Check.eq("gone", null, client.checkExists().forPath("/a"));
        client.create().idempotent().forPath("/i");
        client.create().idempotent().forPath("/i");
    }

    private void transaction(CuratorFramework client) throws Exception {
        List<CuratorTransactionResult> results = client.transaction().forOperations(
                client.transactionOp().create().forPath("/t", Plain.bytes("x")),
                client.transactionOp().setData().withVersion(0).forPath("/t", Plain.bytes("y")),
                client.transactionOp().check().withVersion(1).forPath("/t"),
                client.transactionOp().delete().forPath("/t"));
        Check.eq("results", 4, results.size());
        Check.eq("path", "/t", results.get(0).getResultPath());
        Check.eq("version", 1, results.get(1).getResultStat().getVersion());
    }

    /** Clients that each count up a number that only the lock protects. */
    private void mutex() throws Exception {
        int clients = 4;
        int rounds = 10;
        AtomicInteger inside = new AtomicInteger();
        int[] counter = {0};
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            all.add(threads.submit(() -> {
                try (CuratorFramework client = client()) {
                    InterProcessMutex mutex = new InterProcessMutex(client, "/lock");
                    for (int round = 0; round < rounds; round++) {
                        Check.that(mutex.acquire(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "acquired");
                        Check.eq("owners at a time", 1, inside.incrementAndGet());
                        counter[0]++;
                        inside.decrementAndGet();
                        mutex.release();
                    }
                }
                return null;
            }));
        }
        for (Future<?> one : all) {
            one.get();
        }
        threads.shutdown();
        Check.eq("counted", clients * rounds, counter[0]);
    }

    private void leader() throws Exception {
        List<CuratorFramework> clients = List.of(client(), client(), client());
        List<LeaderLatch> latches = new ArrayList<>();
        for (CuratorFramework client : clients) {
            LeaderLatch latch = new LeaderLatch(client, "/leader", "id" + latches.size());
            latch.start();
            latches.add(latch);
        }
        for (int left = clients.size(); left > 0; left--) {
            Check.until("one leader", () -> latches.stream().filter(LeaderLatch::hasLeadership).count() == 1);
            LeaderLatch leader = latches.stream().filter(LeaderLatch::hasLeadership).findFirst().get();
            // The others may still be on their way in.
            int expected = left;
            Check.until("participants", () -> leader.getParticipants().size() == expected);
            Check.eq("known to all", leader.getId(), latches.get(0).getLeader().getId());
            leader.close();
            latches.remove(leader);
        }
        clients.forEach(CuratorFramework::close);
    }

    private void cache(CuratorFramework client) throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        client.create().forPath("/cache", Plain.bytes("0"));
        client.create().forPath("/cache/old", Plain.bytes("1"));
        try (CuratorCache cache = CuratorCache.build(client, "/cache")) {
            cache.listenable().addListener(CuratorCacheListener.builder()
                    .forCreates(node -> seen.add("+" + node.getPath()))
                    .forChanges((old, node) -> seen.add("=" + node.getPath()))
                    .forDeletes(node -> seen.add("-" + node.getPath()))
                    .forInitialized(() -> seen.add("initialized")).build());
            cache.start();
            Check.until("initialized", () -> seen.contains("initialized"));
            // The cache reads what it is told of: a node that is gone by then was never there for it.
            client.create().creatingParentsIfNeeded().forPath("/cache/new/x", Plain.bytes("2"));
            Check.until("new nodes are told", () -> seen.containsAll(List.of("+/cache/new", "+/cache/new/x")));
            client.setData().forPath("/cache/old", Plain.bytes("3"));
            Check.until("a change is told", () -> seen.contains("=/cache/old"));
            client.delete().deletingChildrenIfNeeded().forPath("/cache/new");
            List<String> expected = List.of("+/cache", "+/cache/new", "+/cache/new/x", "+/cache/old",
                    "-/cache/new", "-/cache/new/x", "=/cache/old", "initialized");
            Check.until("all changes are told", () -> seen.size() >= expected.size());
            List<String> sorted = new ArrayList<>(seen);
            Collections.sort(sorted);
            Check.eq("changes", expected, sorted);
            Check.until("the data is cached", () -> new String(cache.get("/cache/old").get().getData())
                    .equals("3"));
        }
    }

    private void persistentNode(CuratorFramework client) throws Exception {
        try (PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false, "/alive",
                Plain.bytes("me"))) {
            node.start();
            Check.that(node.waitForInitialCreate(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "created");
            long first = client.checkExists().forPath("/alive").getCzxid();
            client.delete().forPath("/alive");
            Check.until("it comes back", () -> {
                Stat stat = client.checkExists().forPath("/alive");
                return stat != null && stat.getCzxid() > first;
            });
        }
        Check.until("closed with its node", () -> client.checkExists().forPath("/alive") == null);
    }

    private void sharedCount() throws Exception {
        try (CuratorFramework one = client(); CuratorFramework two = client();
                SharedCount mine = new SharedCount(one, "/count", 5);
                SharedCount theirs = new SharedCount(two, "/count", 5)) {
            mine.start();
            theirs.start();
            mine.setCount(6);
            Check.until("the other one sees it", () -> theirs.getCount() == 6);
            Check.that(theirs.trySetCount(theirs.getVersionedValue(), 7), "set from the version that was seen");
            Check.until("and back", () -> mine.getCount() == 7);
        }
    }
}
