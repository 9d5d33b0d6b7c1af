package compat;

import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;

/** Expectations: the first one that does not hold ends the program with a clear message. */
final class Check {
    /** How long anything may take that ought to come at once. */
    static final int PATIENCE_SECONDS = 60;

    private Check() {
    }

    /** A call that may fail. */
    interface Body {
        void run() throws Exception;
    }

    /** Runs a program's main part: exit code 1 at the first deviation. */
    static void program(String name, Body body) {
        try {
            body.run();
        } catch (Throwable t) {
            System.out.println(name + ": " + t);
            t.printStackTrace(System.out);
            System.exit(1);
        }
        System.out.println(name + ": ok");
        System.exit(0);
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("does not hold: " + what);
        }
    }

    static void eq(String what, Object expected, Object found) {
        boolean same = expected instanceof byte[]
                ? Arrays.equals((byte[]) expected, (byte[]) found)
                : Objects.equals(expected, found);
        if (!same) {
            throw new AssertionError(what + ": expected " + text(expected) + ", found " + text(found));
        }
    }

    private static String text(Object o) {
        return o instanceof byte[] ? Arrays.toString((byte[]) o) : String.valueOf(o);
    }

    /** The call must be refused with this code. */
    static void refused(KeeperException.Code code, Callable<?> call) throws Exception {
        try {
            Object result = call.call();
            throw new AssertionError("expected " + code + ", but it succeeded: " + text(result));
        } catch (KeeperException e) {
            eq("error code (" + e.getMessage() + ")", code, e.code());
        }
    }

    /** As {@link #refused} for a call without a result. */
    static void refusedVoid(KeeperException.Code code, Body call) throws Exception {
        refused(code, () -> {
            call.run();
            return null;
        });
    }

    /** The next event must be this one. */
    static void event(BlockingQueue<WatchedEvent> events, Watcher.Event.EventType type, String path)
            throws InterruptedException {
        WatchedEvent event = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        that(event != null, "an event " + type + " of " + path + " within a minute");
        eq("event", type + " " + path, event.getType() + " " + event.getPath());
    }

    /** Waits until something is so. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.call()) {
            that(System.nanoTime() < deadline, what + " within a minute");
            Thread.sleep(5);
        }
    }
}
