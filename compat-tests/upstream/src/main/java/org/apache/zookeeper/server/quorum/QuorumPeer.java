package org.apache.zookeeper.server.quorum;

import gamekeeper.upstream.ServerProcess;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.server.ZooKeeperServer;
import org.apache.zookeeper.server.ZooKeeperThread;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.quorum.flexible.QuorumMaj;
import org.apache.zookeeper.server.quorum.flexible.QuorumVerifier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stands in for a member of an ensemble: a thread that lives as long as the member's process. */
public class QuorumPeer extends ZooKeeperThread {

    /** What a member is doing. */
    public enum ServerState {
        LOOKING, FOLLOWING, LEADING, OBSERVING
    }

    /** Whether a member votes. */
    public enum LearnerType {
        PARTICIPANT, OBSERVER
    }

    private static final Logger LOG = LoggerFactory.getLogger(QuorumPeer.class);
    private static final List<QuorumPeer> ALIVE = new CopyOnWriteArrayList<>();
    /** How long a member may take until it takes part in elections. */
    private static final long START_MS = 20_000;
    private static final Pattern ELECTION_TIME = Pattern.compile("zk_max_election_time\t(\\d+)");
    private static final Pattern ZXID = Pattern.compile("Zxid: 0x([0-9a-f]+)");
    /** Between two looks at what a member is doing. */
    private static final long LOOK_MS = 100;

    /** Tests read these to learn who leads; they are there while the member is what they say. */
    public volatile Leader leader;
    public volatile Follower follower;
    public volatile Observer observer;

    private final long myId;
    private final File snapDir;
    private final File logDir;
    private final int clientPort;
    protected final int tickTime;
    protected final int initLimit;
    private final int syncLimit;
    private final int connectToLearnerMasterLimit;
    /** The members by id; the values are QuorumServer, which comes from ZooKeeper's own jar. */
    private final Map<Long, ?> members;
    private final QuorumVerifier verifier;
    /** The zoo.cfg that a test wrote; null where it told us everything as arguments. */
    private final Path zooCfg;
    private LearnerType learnerType = LearnerType.PARTICIPANT;
    private int minSessionTimeout = -1;
    private int maxSessionTimeout = -1;
    private boolean localSessions;
    private boolean localSessionsUpgrading;
    private volatile boolean hasAnswered;
    private volatile ServerProcess process;

    public QuorumPeer(Map<Long, ?> members, File snapDir, File logDir, int clientPort, int electionAlg, long myId,
        int tickTime, int initLimit, int syncLimit, int connectToLearnerMasterLimit) throws IOException {
        this(members, snapDir, logDir, clientPort, electionAlg, myId, tickTime, initLimit, syncLimit,
            connectToLearnerMasterLimit, (QuorumVerifier) null);
    }

    /** The oracle has a say where two vote; a test of five that passes one does not depend on it. */
    public QuorumPeer(Map<Long, ?> members, File snapDir, File logDir, int clientPort, int electionAlg, long myId,
        int tickTime, int initLimit, int syncLimit, int connectToLearnerMasterLimit, String oraclePath)
        throws IOException {
        this(members, snapDir, logDir, clientPort, electionAlg, myId, tickTime, initLimit, syncLimit,
            connectToLearnerMasterLimit, (QuorumVerifier) null);
    }

    public QuorumPeer(Map<Long, ?> members, File snapDir, File logDir, int clientPort, int electionAlg, long myId,
        int tickTime, int initLimit, int syncLimit, int connectToLearnerMasterLimit, QuorumVerifier verifier)
        throws IOException {
        super("QuorumPeer[myid=" + myId + "]");
        this.members = members;
        this.snapDir = snapDir;
        this.logDir = logDir;
        this.clientPort = clientPort;
        this.myId = myId;
        this.tickTime = tickTime;
        this.initLimit = initLimit;
        this.syncLimit = syncLimit;
        this.connectToLearnerMasterLimit = connectToLearnerMasterLimit;
        this.verifier = verifier;
        this.zooCfg = null;
        // What the constructor of Java's class does beside, and tests rely on.
        getTxnFactory();
    }

    /** A member whose zoo.cfg a test has written. */
    QuorumPeer(MemberConfig config) {
        super("QuorumPeer[myid=" + config.myId() + "]");
        this.members = Map.of();
        this.snapDir = config.dataDir();
        this.logDir = config.dataLogDir();
        this.clientPort = config.clientPort();
        this.myId = config.myId();
        this.tickTime = config.number("tickTime");
        this.initLimit = config.number("initLimit");
        this.syncLimit = config.number("syncLimit");
        this.connectToLearnerMasterLimit = config.number("connectToLearnerMasterLimit");
        this.verifier = null;
        this.zooCfg = config.file();
        this.learnerType = config.learnerType();
        this.minSessionTimeout = config.number("minSessionTimeout", -1);
        this.maxSessionTimeout = config.number("maxSessionTimeout", -1);
    }

    /** javac's way to let QuorumServer, nested in Java's own class of this name, reach its logger. */
    static Logger access$000() {
        return LOG;
    }

    @Override
    public synchronized void start() {
        try {
            process = zooCfg == null ? startAsTold() : startOnFile();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + getName(), e);
        }
        ALIVE.add(this);
        process.servesOn(clientPort);
        Thread watcher = new Thread(this::watch, getName() + " state");
        watcher.setDaemon(true);
        watcher.start();
        setDaemon(true);
        super.start();
    }

    private ServerProcess startOnFile() throws IOException {
        return ServerProcess.start("member " + myId, zooCfg, ServerProcess.newDirectory());
    }

    private ServerProcess startAsTold() throws IOException {
        Files.writeString(snapDir.toPath().resolve("myid"), Long.toString(myId));
        ServerProcess started = ServerProcess.start("member " + myId, zooCfgAsTold());
        // Java's class reads its files before start returns, and a test may expect that to fail.
        started.awaitListening(electionPort(), START_MS);
        return started;
    }

    /** The third word of {@code host:port:port:role;client}. */
    private int electionPort() {
        return Integer.parseInt(members.get(myId).toString().split("[:;]")[2]);
    }

    private List<String> zooCfgAsTold() {
        List<String> lines = new ArrayList<>();
        lines.add("dataDir=" + snapDir.getAbsolutePath());
        lines.add("dataLogDir=" + logDir.getAbsolutePath());
        lines.add("tickTime=" + tickTime);
        lines.add("initLimit=" + initLimit);
        lines.add("syncLimit=" + syncLimit);
        lines.add("connectToLearnerMasterLimit=" + connectToLearnerMasterLimit);
        lines.add("maxClientCnxns=0");
        lines.add("localSessionsEnabled=" + localSessions);
        lines.add("localSessionsUpgradingEnabled=" + localSessionsUpgrading);
        if (learnerType == LearnerType.OBSERVER) {
            lines.add("peerType=observer");
        }
        if (verifier != null && !(verifier instanceof QuorumMaj)) {
            lines.addAll(groups(verifier.toString()));
        }
        members.forEach((id, member) -> lines.add("server." + id + "=" + member));
        if (!members.containsKey(myId) || !members.get(myId).toString().contains(";")) {
            lines.add("clientPort=" + clientPort);
        }
        return lines;
    }

    private static List<String> groups(String verifier) {
        List<String> lines = new ArrayList<>(List.of(verifier.split("\n")));
        lines.removeIf(line -> !line.startsWith("group") && !line.startsWith("weight"));
        return lines;
    }

    @Override
    public void run() {
        try {
            ServerProcess ended;
            do {
                ended = process;
                if (ended.awaitEnd()) {
                    LOG.error("{} has ended by itself, exit code {}", getName(), ended.exitValue());
                }
            } while (hasSuccessor(ended));
        } catch (InterruptedException e) {
            process.stop();
        }
        ALIVE.remove(this);
        become(ServerState.LOOKING);
    }

    /** Waits for a restart that is under way. */
    private synchronized boolean hasSuccessor(ServerProcess ended) {
        return process != ended;
    }

    private void watch() {
        while (isAlive() || process.isAlive()) {
            getPeerState();
            ServerProcess.pause(LOOK_MS);
        }
        become(ServerState.LOOKING);
    }

    /** A process that runs cannot be told of a change: another takes its place. */
    private synchronized void restart() {
        if (process == null || !process.isAlive()) {
            return;
        }
        process.stop();
        try {
            process = startAsTold();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + getName() + " again", e);
        }
        process.servesOn(clientPort);
    }

    /** A member that is suspended takes part in no election. */
    public void setSuspended(boolean suspended) {
        process.suspend(suspended);
    }

    /** How long the last election of a member took, in milliseconds. */
    public static long electionTimeTaken(long id) {
        for (QuorumPeer peer : ALIVE) {
            Matcher time = ELECTION_TIME.matcher(ServerProcess.word(peer.clientPort, "mntr"));
            if (peer.myId == id && time.find()) {
                return Long.parseLong(time.group(1));
            }
        }
        return -1;
    }

    /** Who leads the ensemble as far as can be seen; -1 if nobody does. */
    public long getLeaderId() {
        for (QuorumPeer peer : ALIVE) {
            if (peer.getPeerState() == ServerState.LEADING) {
                return peer.myId;
            }
        }
        return -1;
    }

    /** Looks at every member, so that who leads is known now. */
    public static void lookAtAll() {
        ALIVE.forEach(QuorumPeer::getPeerState);
    }

    public ServerState getPeerState() {
        String answer = ServerProcess.word(clientPort, "srvr");
        // Java's member takes part in elections as soon as it can be asked: a process needs a moment.
        long deadline = System.currentTimeMillis() + START_MS;
        while (answer.isEmpty() && isStarting() && System.currentTimeMillis() < deadline) {
            ServerProcess.pause(LOOK_MS);
            answer = ServerProcess.word(clientPort, "srvr");
        }
        hasAnswered |= !answer.isEmpty();
        ServerState state = stateOf(answer);
        become(state);
        Leader leading = leader;
        Matcher zxid = ZXID.matcher(answer);
        if (leading != null && zxid.find()) {
            leading.hasCommitted(Long.parseUnsignedLong(zxid.group(1), 16));
        }
        return state;
    }

    private boolean isStarting() {
        return !hasAnswered && process != null && process.isAlive();
    }

    private static ServerState stateOf(String answer) {
        if (answer.contains("Mode: leader")) {
            return ServerState.LEADING;
        }
        if (answer.contains("Mode: follower")) {
            return ServerState.FOLLOWING;
        }
        return answer.contains("Mode: observer") ? ServerState.OBSERVING : ServerState.LOOKING;
    }

    private synchronized void become(ServerState state) {
        leader = state != ServerState.LEADING ? null : leader != null ? leader : new Leader(this);
        follower = state != ServerState.FOLLOWING ? null : follower != null ? follower : new Follower(this);
        observer = state != ServerState.OBSERVING ? null : observer != null ? observer : new Observer(this);
    }

    /** In the words of Java's QuorumStats.Provider. */
    public String getServerState() {
        switch (getPeerState()) {
            case LEADING: return "leading";
            case FOLLOWING: return "following";
            case OBSERVING: return "observing";
            default: return "leaderelection";
        }
    }

    public void shutdown() {
        if (process != null) {
            process.stop();
        }
        become(ServerState.LOOKING);
    }

    /** The election is a part of the process. */
    public Election getElectionAlg() {
        return null;
    }

    public int getClientPort() {
        return clientPort;
    }

    public InetSocketAddress getClientAddress() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), clientPort);
    }

    public long getMyId() {
        return myId;
    }

    public int getTickTime() {
        return tickTime;
    }

    public int getMinSessionTimeout() {
        return minSessionTimeout == -1 ? tickTime * 2 : minSessionTimeout;
    }

    public int getMaxSessionTimeout() {
        return maxSessionTimeout == -1 ? tickTime * 20 : maxSessionTimeout;
    }

    public int getInitLimit() {
        return initLimit;
    }

    public int getSyncLimit() {
        return syncLimit;
    }

    public LearnerType getLearnerType() {
        return learnerType;
    }

    public void setLearnerType(LearnerType type) {
        learnerType = type;
    }

    public void enableLocalSessions(boolean enabled) {
        boolean change = localSessions != enabled;
        localSessions = enabled;
        if (change) {
            restart();
        }
    }

    public void enableLocalSessionsUpgrading(boolean enabled) {
        localSessionsUpgrading = enabled;
    }

    /** Who votes, in Java's own terms. */
    @SuppressWarnings("unchecked")
    public QuorumVerifier getQuorumVerifier() {
        return verifier != null ? verifier : new QuorumMaj((Map) members);
    }

    public Map<Long, ?> getView() {
        return new HashMap<>(members);
    }

    public Map<Long, ?> getVotingView() {
        return getView();
    }

    public boolean viewContains(Long id) {
        return members.containsKey(id);
    }

    public ZooKeeperServer getActiveServer() {
        return new QuorumZooKeeperServer(snapDir, logDir, tickTime, clientPort, myId);
    }

    public long getLastLoggedZxid() {
        return getActiveServer().getZxid();
    }

    public long getAcceptedEpoch() throws IOException {
        return epoch("acceptedEpoch");
    }

    public long getCurrentEpoch() throws IOException {
        return epoch("currentEpoch");
    }

    private long epoch(String file) throws IOException {
        Path path = snapDir.toPath().resolve("version-2").resolve(file);
        return Long.parseLong(Files.readString(path).trim());
    }

    public FileTxnSnapLog getTxnFactory() {
        try {
            return new FileTxnSnapLog(logDir, snapDir);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open " + logDir + " and " + snapDir, e);
        }
    }
}
