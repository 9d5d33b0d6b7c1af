package gamekeeper.upstream;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.server.MockServerCnxn;
import org.apache.zookeeper.server.ServerCnxn;

/** A connection of a process, as the word cons tells of it. */
public final class ForeignCnxn extends MockServerCnxn {

    private static final Pattern CONNECTION = Pattern.compile("/(\\S+):(\\d+)\\[\\d+\\]\\(.*sid=0x([0-9a-f]+)");

    private final InetSocketAddress remote;
    private final long session;

    private ForeignCnxn(InetSocketAddress remote, long session) {
        this.remote = remote;
        this.session = session;
    }

    /** All those with a session. */
    public static List<ServerCnxn> of(int port) {
        List<ServerCnxn> found = new ArrayList<>();
        Matcher matcher = CONNECTION.matcher(ServerProcess.word(port, "cons"));
        while (matcher.find()) {
            InetSocketAddress remote = new InetSocketAddress(matcher.group(1), Integer.parseInt(matcher.group(2)));
            found.add(new ForeignCnxn(remote, Long.parseUnsignedLong(matcher.group(3), 16)));
        }
        return found;
    }

    @Override
    public long getSessionId() {
        return session;
    }

    @Override
    public InetSocketAddress getRemoteSocketAddress() {
        return remote;
    }

    /** What everybody has proved; the rest is not told. */
    @Override
    public List<Id> getAuthInfo() {
        return List.of(new Id("ip", remote.getAddress().getHostAddress()));
    }
}
