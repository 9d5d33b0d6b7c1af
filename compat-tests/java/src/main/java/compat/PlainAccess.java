package compat;

import static org.apache.zookeeper.ZooDefs.Ids.ANYONE_ID_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/** Who may do what: ACLs of all schemes, authentication, quotas. */
final class PlainAccess {
    private static final byte[] EMPTY = {};

    private final ZooKeeper zk;
    private final String servers;

    private PlainAccess(ZooKeeper zk, String servers) {
        this.zk = zk;
        this.servers = servers;
    }

    static void run(Plain plain, String servers) throws Exception {
        PlainAccess access = new PlainAccess(plain.zk, servers);
        access.lists();
        access.permissions();
        access.digest();
        access.refusedAuth();
        access.quotas();
    }

    private void lists() throws Exception {
        List<ACL> acl = Arrays.asList(new ACL(Perms.ALL, ANYONE_ID_UNSAFE),
                new ACL(Perms.READ, new Id("ip", "10.0.0.0/8")),
                new ACL(Perms.READ | Perms.WRITE, new Id("digest", "a:b")));
        zk.create("/plain/l", EMPTY, acl, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        Check.eq("list", acl, zk.getACL("/plain/l", stat));
        Check.eq("aversion", 0, stat.getAversion());
        Stat set = zk.setACL("/plain/l", OPEN_ACL_UNSAFE, 0);
        Check.eq("aversion", 1, set.getAversion());
        Check.eq("version", 0, set.getVersion());
        Check.eq("mzxid stays", stat.getMzxid(), set.getMzxid());
        Check.refused(Code.BADVERSION, () -> zk.setACL("/plain/l", OPEN_ACL_UNSAFE, 0));
        Check.refused(Code.INVALIDACL, () -> zk.setACL("/plain/l", Arrays.asList(), -1));
        Check.refused(Code.INVALIDACL, () -> zk.create("/plain/i", EMPTY, CREATOR_ALL_ACL,
                CreateMode.PERSISTENT));
        for (Id bad : List.of(new Id("nonsense", "x"), new Id("ip", "300.1.1.1"), new Id("world", "some"),
                new Id("digest", "nocolon"))) {
            Check.refused(Code.INVALIDACL, () -> zk.create("/plain/i", EMPTY,
                    Arrays.asList(new ACL(Perms.ALL, bad)), CreateMode.PERSISTENT));
        }
        zk.delete("/plain/l", -1);
    }

    private static List<ACL> anyone(int perms) {
        return Arrays.asList(new ACL(perms, ANYONE_ID_UNSAFE));
    }

    private void permissions() throws Exception {
        zk.create("/plain/n", EMPTY, anyone(Perms.ADMIN), CreateMode.PERSISTENT);
        Check.refused(Code.NOAUTH, () -> zk.getData("/plain/n", false, null));
        Check.refused(Code.NOAUTH, () -> zk.getChildren("/plain/n", false));
        Check.refused(Code.NOAUTH, () -> zk.setData("/plain/n", EMPTY, -1));
        Check.refused(Code.NOAUTH, () -> zk.getAllChildrenNumber("/plain/n"));
        Check.refused(Code.NOAUTH,
                () -> zk.create("/plain/n/x", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        Check.refused(Code.NOAUTH, () -> zk.exists("/plain/n", false));
        zk.setACL("/plain/n", anyone(Perms.ADMIN | Perms.CREATE), -1);
        zk.create("/plain/n/x", EMPTY, anyone(0), CreateMode.PERSISTENT);
        Check.refused(Code.NOAUTH, () -> zk.getACL("/plain/n/x", null));
        Check.refusedVoid(Code.NOAUTH, () -> zk.delete("/plain/n/x", -1));
        zk.setACL("/plain/n", anyone(Perms.ADMIN | Perms.DELETE), -1);
        zk.delete("/plain/n/x", -1);
        zk.delete("/plain/n", -1);
    }

    private void digest() throws Exception {
        String bob = DigestAuthenticationProvider.generateDigest("bob:secret");
        try (Plain other = new Plain(servers, 20000)) {
            ZooKeeper bobs = other.zk;
            bobs.addAuthInfo("digest", Plain.bytes("bob:secret"));
            bobs.create("/plain/bob", Plain.bytes("b"), CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            Check.eq("the creator's list", Arrays.asList(new ACL(Perms.ALL, new Id("digest", bob))),
                    bobs.getACL("/plain/bob", null));
            Set<String> who = new HashSet<>();
            for (ClientInfo info : bobs.whoAmI()) {
                who.add(info.getAuthScheme() + ":" + info.getUser());
            }
            Check.eq("whoAmI", Set.of("ip:127.0.0.1", "digest:bob"), who);
            Check.refused(Code.NOAUTH, () -> zk.getData("/plain/bob", false, null));
            Check.refused(Code.NOAUTH, () -> zk.setACL("/plain/bob", OPEN_ACL_UNSAFE, -1));
            bobs.setACL("/plain/bob", Arrays.asList(new ACL(Perms.ALL, new Id("digest", bob)),
                    new ACL(Perms.READ, ANYONE_ID_UNSAFE)), -1);
            Check.eq("readable", Plain.bytes("b"), zk.getData("/plain/bob", false, null));
            Check.eq("without ADMIN the hash is hidden", new Id("digest", "bob:x"),
                    zk.getACL("/plain/bob", null).get(0).getId());
            Check.refused(Code.NOAUTH, () -> zk.setData("/plain/bob", EMPTY, -1));
            bobs.delete("/plain/bob", -1);
        }
    }

    private void refusedAuth() throws Exception {
        try (Plain other = new Plain(servers, 20000)) {
            Check.eq("connected", Watcher.Event.KeeperState.SyncConnected, other.nextState());
            other.zk.addAuthInfo("nonsense", Plain.bytes("x"));
            Check.eq("an unknown scheme", Watcher.Event.KeeperState.AuthFailed, other.nextState());
            Check.refused(Code.AUTHFAILED, () -> other.zk.exists("/plain", false));
        }
    }

    private void quotas() throws Exception {
        zk.create("/plain/u", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Quota.set(zk, "/plain/u", "count=2,bytes=100");
        zk.create("/plain/u/x", Plain.bytes("12345"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create("/plain/u/y", Plain.bytes("12345"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        String node = "/zookeeper/quota/plain/u";
        Check.eq("limits", "count=2,bytes=100", text(node + "/zookeeper_limits"));
        Check.eq("usage", "count=3,bytes=10", text(node + "/zookeeper_stats"));
        zk.setData("/plain/u/y", Plain.bytes("1"), -1);
        zk.delete("/plain/u/x", -1);
        Check.eq("usage", "count=2,bytes=1", text(node + "/zookeeper_stats"));
        zk.delete(node + "/zookeeper_stats", -1);
        zk.delete(node + "/zookeeper_limits", -1);
        zk.delete(node, -1);
        zk.delete("/zookeeper/quota/plain", -1);
        zk.delete("/plain/u/y", -1);
        zk.delete("/plain/u", -1);
    }

    private String text(String path) throws Exception {
        return new String(zk.getData(path, false, null));
    }
}
