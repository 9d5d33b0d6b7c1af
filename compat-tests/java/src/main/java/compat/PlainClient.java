package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import org.apache.zookeeper.CreateMode;

/**
 * Every operation of the plain client, synchronous and asynchronous, with the results that Java's own
 * server gives. Wants a server with extendedTypesEnabled=true, and everything under /plain to itself.
 */
public final class PlainClient {
    private PlainClient() {
    }

    public static void main(String[] args) {
        Check.program("PlainClient", () -> {
            String servers = args[0];
            try (Plain plain = new Plain(servers, 20000)) {
                plain.zk.create("/plain", Plain.bytes("x"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                PlainNodes.run(plain, servers);
                PlainMulti.run(plain);
                PlainAsync.run(plain);
                PlainWatches.run(plain);
                PlainPersistentWatches.run(plain);
                PlainAccess.run(plain, servers);
                PlainSessions.run(plain, servers);
            }
        });
    }
}
