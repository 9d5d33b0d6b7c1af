package compat;

import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooKeeper;

/** Quotas, set by the nodes that zkCli's setquota makes. */
final class Quota {
    private Quota() {
    }

    /** Sets the quota of a node that has none. */
    static void set(ZooKeeper zk, String path, String limits) throws Exception {
        String node = "/zookeeper/quota";
        for (String part : path.substring(1).split("/")) {
            node += "/" + part;
            if (zk.exists(node, false) == null) {
                zk.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
        }
        zk.create(node + "/zookeeper_limits", Plain.bytes(limits), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create(node + "/zookeeper_stats", Plain.bytes("count=0,bytes=0"), OPEN_ACL_UNSAFE,
                CreateMode.PERSISTENT);
    }
}
