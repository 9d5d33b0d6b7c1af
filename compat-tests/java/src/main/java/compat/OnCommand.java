package compat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/**
 * A client that is content with a read-only server and does what the lines of its standard input say, one
 * line of output for each: "await STATE", "get PATH", "exists PATH", "set PATH", "create PATH",
 * "ephemeral PATH", "close".
 */
public final class OnCommand {
    private final ZooKeeper zk;

    private OnCommand(ZooKeeper zk) {
        this.zk = zk;
    }

    public static void main(String[] args) {
        Check.program("OnCommand", () -> {
            ZooKeeper zk = new ZooKeeper(args[0], 60000, event -> { }, true);
            OnCommand client = new OnCommand(zk);
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ");
                System.out.println(line + ": " + client.attempt(words[0], words.length > 1 ? words[1] : ""));
                System.out.flush();
            }
            zk.close();
        });
    }

    /** While servers come and go a request may be lost with its connection: then it is made again. */
    private String attempt(String command, String argument) throws Exception {
        while (true) {
            try {
                return run(command, argument);
            } catch (KeeperException.ConnectionLossException e) {
                Thread.sleep(50);
            } catch (KeeperException e) {
                return e.code().toString();
            }
        }
    }

    private String run(String command, String argument) throws Exception {
        switch (command) {
            case "await":
                while (!zk.getState().toString().equals(argument)) {
                    Thread.sleep(20);
                }
                return "yes";
            case "get":
                return new String(zk.getData(argument, false, null));
            case "exists":
                return String.valueOf(zk.exists(argument, false) != null);
            case "set":
                zk.setData(argument, "changed".getBytes(), -1);
                return "done";
            case "create":
                return zk.create(argument, "made".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            case "ephemeral":
                return zk.create(argument, "owned".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            case "close":
                zk.close();
                return "done";
            default:
                throw new IllegalArgumentException(command);
        }
    }
}
