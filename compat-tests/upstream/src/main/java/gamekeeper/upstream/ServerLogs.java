package gamekeeper.upstream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** What the servers have logged since this was made or reset: each time that somebody looks, it looks again. */
public final class ServerLogs extends ByteArrayOutputStream {

    /** What the lines of the audit log have in their heads. */
    private static final String AUDIT = "gamekeeper::audit]";

    /** Whether the audit log is wanted, and nothing else, or everything else. */
    private final boolean audit;
    private final Map<Path, Integer> seen = new HashMap<>();

    public ServerLogs(boolean audit) {
        this.audit = audit;
        pull();
        super.reset();
    }

    @Override
    public synchronized String toString() {
        pull();
        return super.toString();
    }

    @Override
    public synchronized void reset() {
        pull();
        super.reset();
    }

    private synchronized void pull() {
        ServerProcess.logs().forEach((log, startAndEnd) -> {
            try {
                byte[] all = Files.readAllBytes(log);
                int from = seen.getOrDefault(log, 0);
                int to = endOfLines(all, from);
                take(new String(Arrays.copyOfRange(all, from, to), StandardCharsets.UTF_8), startAndEnd);
                seen.put(log, to);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + log, e);
            }
        });
    }

    private static int endOfLines(byte[] all, int from) {
        int end = all.length;
        while (end > from && all[end - 1] != '\n') {
            end--;
        }
        return end;
    }

    private void take(String lines, boolean startAndEnd) {
        Predicate<String> wanted = line -> line.contains(AUDIT) == audit
            && (startAndEnd || !line.contains("operation=serverSt"));
        lines.lines().filter(wanted).forEach(line -> {
            byte[] told = (line.replaceFirst("] ", "] - ") + "\n").getBytes(StandardCharsets.UTF_8);
            write(told, 0, told.length);
        });
    }
}
