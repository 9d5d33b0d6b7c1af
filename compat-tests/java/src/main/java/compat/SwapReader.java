package compat;

import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/**
 * Prints every node with every field, in the order of their paths, one line a node; all but the tree
 * under /vanish, which is on its way out. Reads as super, whose password is "swap".
 */
public final class SwapReader {
    private final ZooKeeper zk;
    private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private SwapReader(ZooKeeper zk) {
        this.zk = zk;
    }

    public static void main(String[] args) {
        Check.program("SwapReader", () -> {
            try (Plain plain = new Plain(args[0], 20000)) {
                plain.zk.addAuthInfo("digest", Plain.bytes("super:swap"));
                SwapReader reader = new SwapReader(plain.zk);
                reader.node("/");
                reader.out.flush();
            }
        });
    }

    private void node(String path) throws Exception {
        if (path.equals("/vanish")) {
            return;
        }
        Stat stat = new Stat();
        byte[] data = zk.getData(path, false, stat);
        List<String> children = new ArrayList<>(zk.getChildren(path, false));
        Collections.sort(children);
        out.println(path + " data=" + hex(data) + " " + fields(stat) + " acl=" + acl(path));
        for (String child : children) {
            node((path.equals("/") ? "/" : path + "/") + child);
        }
    }

    private static String fields(Stat stat) {
        String fields = "czxid=" + stat.getCzxid() + " mzxid=" + stat.getMzxid() + " ctime=" + stat.getCtime()
                + " mtime=" + stat.getMtime() + " version=" + stat.getVersion() + " aversion="
                + stat.getAversion() + " owner=0x" + Long.toHexString(stat.getEphemeralOwner())
                + " length=" + stat.getDataLength() + " children=" + stat.getNumChildren();
        return fields + " cversion=" + stat.getCversion() + " pzxid=" + stat.getPzxid();
    }

    private static String hex(byte[] data) {
        if (data == null) {
            return "null";
        }
        if (data.length > 1000) {
            return data.length + "bytes," + Arrays.hashCode(data);
        }
        return data.length == 0 ? "empty" : new BigInteger(1, data).toString(16);
    }

    private String acl(String path) throws Exception {
        StringBuilder text = new StringBuilder();
        for (ACL acl : zk.getACL(path, null)) {
            text.append(acl.getPerms()).append(':').append(acl.getId().getScheme()).append(':')
                    .append(acl.getId().getId()).append(';');
        }
        return text.toString();
    }
}
