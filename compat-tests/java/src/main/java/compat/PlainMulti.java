package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.CreateOptions;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.ZooKeeper;

/** multi and multiRead, as lists of operations and as transactions. */
final class PlainMulti {
    private static final byte[] EMPTY = {};

    private PlainMulti() {
    }

    static void run(Plain plain) throws Exception {
        succeeds(plain.zk);
        fails(plain.zk);
        reads(plain.zk);
        asynchronously(plain.zk);
    }

    private static void succeeds(ZooKeeper zk) throws Exception {
        List<OpResult> results = zk.multi(List.of(
                Op.create("/plain/m", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.create("/plain/m/s-", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
                Op.create("/plain/m/e", EMPTY, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL),
                Op.create("/plain/m/c", EMPTY, OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
                Op.create("/plain/m/t", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 60_000),
                Op.setData("/plain/m", Plain.bytes("1"), 0),
                Op.setData("/plain/m", Plain.bytes("22"), 1),
                Op.check("/plain/m", 2),
                Op.delete("/plain/m/e", 0)));
        Check.eq("results", 9, results.size());
        Check.eq("sequential", "/plain/m/s-0000000000", ((OpResult.CreateResult) results.get(1)).getPath());
        OpResult.SetDataResult set = (OpResult.SetDataResult) results.get(6);
        Check.eq("version", 2, set.getStat().getVersion());
        Check.eq("one zxid for all", zk.exists("/plain/m/c", false).getCzxid(), set.getStat().getMzxid());
        Check.that(results.get(7) instanceof OpResult.CheckResult, "a check result");
        Check.that(results.get(8) instanceof OpResult.DeleteResult, "a delete result");
        Check.eq("an empty multi", List.of(), zk.multi(List.of()));
        zk.transaction().delete("/plain/m/s-0000000000", -1).delete("/plain/m/c", -1)
                .delete("/plain/m/t", -1).commit();
        Check.eq("all gone", List.of(), zk.getChildren("/plain/m", false));
    }

    private static void fails(ZooKeeper zk) throws Exception {
        try {
            zk.multi(List.of(
                    Op.create("/plain/m/a", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.create("/plain/m/a/b", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.check("/plain/m", 77),
                    Op.delete("/plain/m/a/b", -1)));
            throw new AssertionError("the multi with a wrong version succeeded");
        } catch (KeeperException e) {
            Check.eq("code", Code.BADVERSION, e.code());
            List<Integer> codes = new ArrayList<>();
            for (OpResult result : e.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
            Check.eq("codes of the parts", List.of(0, 0, Code.BADVERSION.intValue(),
                    Code.RUNTIMEINCONSISTENCY.intValue()), codes);
        }
        Check.eq("nothing is left of it", null, zk.exists("/plain/m/a", false));
        Check.eq("the next sequence number shows nothing of it", "/plain/m/s0000000004",
                zk.create("/plain/m/s", EMPTY, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        zk.delete("/plain/m/s0000000004", -1);
    }

    private static void reads(ZooKeeper zk) throws Exception {
        zk.create("/plain/m/x", Plain.bytes("data"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        List<OpResult> results = zk.multi(List.of(
                Op.getData("/plain/m/x"), Op.getChildren("/plain/m"), Op.getData("/plain/none")));
        OpResult.GetDataResult data = (OpResult.GetDataResult) results.get(0);
        Check.eq("data", Plain.bytes("data"), data.getData());
        Check.eq("stat", zk.exists("/plain/m/x", false), data.getStat());
        Check.eq("children", List.of("x"), ((OpResult.GetChildrenResult) results.get(1)).getChildren());
        Check.eq("a missing node", Code.NONODE.intValue(), ((OpResult.ErrorResult) results.get(2)).getErr());
    }

    private static void asynchronously(ZooKeeper zk) throws Exception {
        CompletableFuture<String> result = new CompletableFuture<>();
        zk.multi(List.of(Op.delete("/plain/m/x", 0), Op.delete("/plain/m", 2)),
                (rc, path, ctx, results) -> result.complete(rc + " " + ctx + " " + results.size()), "ctx");
        Check.eq("callback", "0 ctx 2", result.get(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
        CompletableFuture<String> refused = new CompletableFuture<>();
        zk.multi(List.of(Op.create("/plain/m/x", EMPTY,
                        CreateOptions.newBuilder(OPEN_ACL_UNSAFE, CreateMode.PERSISTENT).build())),
                (rc, path, ctx, results) -> refused.complete(rc + " " + results.size()), null);
        Check.eq("refused", Code.NONODE.intValue() + " 1",
                refused.get(Check.PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
}
