package org.apache.zookeeper.metrics;

import gamekeeper.upstream.ServerProcess;
import java.util.HashMap;
import java.util.Map;

/** The metrics of the server that was started last, as its word mntr tells of them. */
public abstract class MetricsUtils {

    private static final String PREFIX = "zk_";

    private MetricsUtils() {
    }

    public static Map<String, Object> currentServerMetrics() {
        Map<String, Object> metrics = new HashMap<>();
        for (String line : ServerProcess.word(ServerProcess.lastPort(), "mntr").split("\n")) {
            String[] words = line.split("\t");
            if (words.length == 2 && words[0].startsWith(PREFIX)) {
                metrics.put(words[0].substring(PREFIX.length()), value(words[1]));
            }
        }
        return metrics;
    }

    private static Object value(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            return text;
        }
    }
}
