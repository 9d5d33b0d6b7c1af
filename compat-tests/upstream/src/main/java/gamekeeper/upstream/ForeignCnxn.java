package gamekeeper.upstream;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.server.MockServerCnxn;
import org.apache.zookeeper.server.ServerCnxn;

/** A connection of a process, as the word cons tells of it. */
public final class ForeignCnxn extends MockServerCnxn {

    private static final Pattern SESSION = Pattern.compile("sid=0x([0-9a-f]+)");

    private final long session;

    private ForeignCnxn(long session) {
        this.session = session;
    }

    /** All those with a session. */
    public static List<ServerCnxn> of(int port) {
        List<ServerCnxn> found = new ArrayList<>();
        Matcher matcher = SESSION.matcher(ServerProcess.word(port, "cons"));
        while (matcher.find()) {
            found.add(new ForeignCnxn(Long.parseUnsignedLong(matcher.group(1), 16)));
        }
        return found;
    }

    @Override
    public long getSessionId() {
        return session;
    }
}
