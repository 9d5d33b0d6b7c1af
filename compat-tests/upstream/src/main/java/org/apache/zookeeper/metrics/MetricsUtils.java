package org.apache.zookeeper.metrics;

import gamekeeper.upstream.ForeignMetrics;
import java.util.Map;

/** The metrics of the servers that run, as their word mntr tells of them. */
public abstract class MetricsUtils {

    private MetricsUtils() {
    }

    public static Map<String, Object> currentServerMetrics() {
        return ForeignMetrics.current();
    }
}
