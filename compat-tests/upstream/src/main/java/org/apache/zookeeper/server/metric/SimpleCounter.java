package org.apache.zookeeper.server.metric;

import gamekeeper.upstream.ForeignMetrics;
import java.util.Map;
import org.apache.zookeeper.metrics.Counter;

/** Stands in for the counters that tests look at directly: counts what the servers that run have counted. */
public class SimpleCounter extends Metric implements Counter {

    private final String name;
    /** What was there when a test set it to 0. */
    private volatile long base;

    public SimpleCounter(String name) {
        this.name = name;
    }

    /** Nothing in this JVM is a server. */
    @Override
    public void add(long value) {
    }

    @Override
    public void reset() {
        base = ForeignMetrics.counter(name);
    }

    /** A server that ended has taken its count along. */
    @Override
    public long get() {
        long now = ForeignMetrics.counter(name);
        return now < base ? now : now - base;
    }

    @Override
    public Map<String, Object> values() {
        return Map.of(name, get());
    }
}
