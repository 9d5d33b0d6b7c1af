package org.apache.zookeeper.server;

import gamekeeper.upstream.ForeignCnxn;
import gamekeeper.upstream.ServerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;

/** Stands in for the listening side of Java's server: starting it starts a process. */
public class ServerCnxnFactory {

    public static final String ZOOKEEPER_SERVER_CNXN_FACTORY = "zookeeper.serverCnxnFactory";
    public static final String ZOOKEEPER_MAX_CONNECTION = "zookeeper.maxCnxns";

    /** How long a server may take to serve. */
    private static final long PATIENCE_MS = 60_000;

    protected ZooKeeperServer zkServer;
    protected boolean secure;
    private InetSocketAddress address;
    private int maxClientCnxns;
    private int backlog = -1;
    private ServerProcess process;

    public static ServerCnxnFactory createFactory() {
        return new NIOServerCnxnFactory();
    }

    public static ServerCnxnFactory createFactory(int port, int maxClientCnxns) throws IOException {
        return createFactory(new InetSocketAddress(port), maxClientCnxns);
    }

    public static ServerCnxnFactory createFactory(int port, int maxClientCnxns, int backlog) throws IOException {
        return createFactory(new InetSocketAddress(port), maxClientCnxns, backlog);
    }

    public static ServerCnxnFactory createFactory(InetSocketAddress address, int maxClientCnxns)
        throws IOException {
        return createFactory(address, maxClientCnxns, -1);
    }

    public static ServerCnxnFactory createFactory(InetSocketAddress address, int maxClientCnxns, int backlog)
        throws IOException {
        ServerCnxnFactory factory = createFactory();
        factory.configure(address, maxClientCnxns, backlog, false);
        return factory;
    }

    public void configure(InetSocketAddress address, int maxClientCnxns) throws IOException {
        configure(address, maxClientCnxns, -1, false);
    }

    public void configure(InetSocketAddress address, int maxClientCnxns, int backlog) throws IOException {
        configure(address, maxClientCnxns, backlog, false);
    }

    public void configure(InetSocketAddress address, int maxClientCnxns, int backlog, boolean secure)
        throws IOException {
        this.address = address.getPort() == 0 ? withFreePort(address) : address;
        this.maxClientCnxns = maxClientCnxns;
        this.backlog = backlog;
        this.secure = secure;
    }

    private static InetSocketAddress withFreePort(InetSocketAddress address) throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return new InetSocketAddress(address.getAddress(), socket.getLocalPort());
        }
    }

    public void startup(ZooKeeperServer server) throws IOException, InterruptedException {
        startup(server, true);
    }

    public void startup(ZooKeeperServer server, boolean start) throws IOException, InterruptedException {
        zkServer = server;
        server.setServerCnxnFactory(this);
        if (start) {
            launch();
        }
    }

    private void launch() throws IOException {
        List<String> cfg = zkServer.zooCfg();
        String prefix = secure ? "secureClientPort" : "clientPort";
        cfg.add(prefix + "=" + address.getPort());
        if (!address.getAddress().isAnyLocalAddress()) {
            cfg.add(prefix + "Address=" + address.getAddress().getHostAddress());
        }
        cfg.add("maxClientCnxns=" + maxClientCnxns);
        cfg.add("clientPortListenBacklog=" + backlog);
        process = ServerProcess.start("server on port " + address.getPort(), cfg);
        process.isWithoutMain();
        process.awaitServing(address.getPort(), PATIENCE_MS);
    }

    /** Who runs this JVM, and so its servers. */
    public static String getUserName() {
        return System.getProperty("user.name");
    }

    public void shutdown() {
        if (process != null) {
            process.stop();
        }
    }

    public void start() {
    }

    public void join() throws InterruptedException {
        if (process != null) {
            process.awaitEnd();
        }
    }

    public Iterable<ServerCnxn> getConnections() {
        return ForeignCnxn.of(address.getPort());
    }

    /** Whether the process is there. */
    boolean isRunning() {
        return process != null && process.isAlive();
    }

    public int getLocalPort() {
        return address.getPort();
    }

    public InetSocketAddress getLocalAddress() {
        return address;
    }

    public boolean isSecure() {
        return secure;
    }

    public ZooKeeperServer getZooKeeperServer() {
        return zkServer;
    }

    public final void setZooKeeperServer(ZooKeeperServer server) {
        zkServer = server;
    }

    public int getMaxClientCnxnsPerHost() {
        return maxClientCnxns;
    }

    public void setMaxClientCnxnsPerHost(int max) {
        maxClientCnxns = max;
        restart();
    }

    /** A process that runs cannot be told of a change: another takes its place. */
    void restart() {
        if (!isRunning()) {
            return;
        }
        shutdown();
        try {
            launch();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start again", e);
        }
    }
}
