package compat;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/** A plain client with its events in a queue. */
final class Plain implements AutoCloseable {
    final ZooKeeper zk;
    /** Events of nodes. */
    final BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    /** Changes of the connection. */
    final BlockingQueue<Watcher.Event.KeeperState> states = new LinkedBlockingQueue<>();
    private final CountDownLatch connected = new CountDownLatch(1);

    /** A new session. */
    Plain(String servers, int timeoutMs) throws Exception {
        zk = new ZooKeeper(servers, timeoutMs, this::process);
        await();
    }

    /** The session of this id and password. */
    Plain(String servers, int timeoutMs, long id, byte[] password) throws Exception {
        zk = new ZooKeeper(servers, timeoutMs, this::process, id, password);
        await();
    }

    private void await() throws Exception {
        Check.that(connected.await(Check.PATIENCE_SECONDS, TimeUnit.SECONDS), "connected within a minute");
    }

    private void process(WatchedEvent event) {
        if (event.getType() != Watcher.Event.EventType.None) {
            events.add(event);
            return;
        }
        states.add(event.getState());
        if (event.getState() != Watcher.Event.KeeperState.Disconnected) {
            connected.countDown();
        }
    }

    /** Waits for the connection's next state. */
    Watcher.Event.KeeperState nextState() throws Exception {
        Watcher.Event.KeeperState state = states.poll(Check.PATIENCE_SECONDS, TimeUnit.SECONDS);
        Check.that(state != null, "a change of the connection within a minute");
        return state;
    }

    /** A watcher that is told apart from the default one. */
    static BlockingQueue<WatchedEvent> queue() {
        return new LinkedBlockingQueue<>();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws Exception {
        zk.close();
    }
}
