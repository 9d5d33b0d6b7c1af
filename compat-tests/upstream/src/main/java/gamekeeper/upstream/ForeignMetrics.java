package gamekeeper.upstream;

import java.util.HashMap;
import java.util.Map;

/**
 * What the word mntr tells of the servers that run. All of Java's servers in one JVM share their figures, so those
 * of several processes are put together.
 */
public final class ForeignMetrics {

    private static final String PREFIX = "zk_";

    private ForeignMetrics() {
    }

    /** All figures by name, whole numbers as {@code Long}. */
    public static Map<String, Object> current() {
        Map<String, Object> metrics = new HashMap<>();
        for (int port : ServerProcess.portsInUse()) {
            for (String line : ServerProcess.word(port, "mntr").split("\n")) {
                String[] words = line.split("\t");
                if (words.length == 2 && words[0].startsWith(PREFIX)) {
                    String name = words[0].substring(PREFIX.length());
                    metrics.merge(name, value(words[1]), (one, other) -> together(name, one, other));
                }
            }
        }
        return metrics;
    }

    /** A counter of all servers, 0 if none has it. */
    public static long counter(String name) {
        Object value = current().get(name);
        return value instanceof Long ? (Long) value : 0;
    }

    private static Object value(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            return text;
        }
    }

    private static Object together(String name, Object one, Object other) {
        if (!(one instanceof Long) || !(other instanceof Long)) {
            return other;
        }
        long a = (Long) one;
        long b = (Long) other;
        if (name.startsWith("min_")) {
            return Math.min(a, b);
        }
        return name.startsWith("max_") ? Math.max(a, b) : a + b;
    }
}
