package org.apache.curator.test;

import gamekeeper.upstream.ServerProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Stands before Curator's class of this name, through which {@code TestingServer} and {@code TestingCluster} start
 * each of their servers: this one starts a process on the same lines of zoo.cfg.
 */
public class ZooKeeperServerEmbeddedAdapter implements ZooKeeperMainFace {

    /** How long a server may take to serve, or a member of a cluster to listen: for what hangs. */
    private static final int PATIENCE_MS = 120_000;
    private static final int GLANCE_MS = 10;

    private volatile ServerProcess server;
    private volatile int port;

    @Override
    public void start(QuorumPeerConfigBuilder builder) {
        try {
            Properties config = builder.buildProperties();
            config.setProperty("admin.enableServer", "false");
            config.setProperty("4lw.commands.whitelist", "*");
            port = Integer.parseInt(config.getProperty("clientPort"));
            if (port == 0) {
                port = freePort();
                config.setProperty("clientPort", Integer.toString(port));
            }
            boolean member = config.stringPropertyNames().stream().anyMatch(key -> key.startsWith("server."));
            server = ServerProcess.start("server on port " + port, lines(config));
            if (member) {
                // It serves when others have come, and they are started after this one.
                awaitListening();
            } else {
                server.awaitServing(port, PATIENCE_MS);
            }
        } catch (Exception e) {
            throw new FailedServerStartException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static List<String> lines(Properties config) {
        return new TreeSet<>(config.stringPropertyNames()).stream().map(key -> key + "=" + config.getProperty(key))
            .collect(Collectors.toList());
    }

    private void awaitListening() throws IOException {
        long deadline = System.nanoTime() + PATIENCE_MS * 1_000_000L;
        while (!listens()) {
            if (!server.isAlive() || System.nanoTime() > deadline) {
                throw new IOException("no server on port " + port + ":\n" + server.tail());
            }
            ServerProcess.pause(GLANCE_MS);
        }
    }

    private boolean listens() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MS);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public int getClientPort() {
        return port;
    }

    /** As Curator's own does it: in order. */
    @Override
    public void kill() {
        close();
    }

    @Override
    public void close() {
        if (server != null) {
            server.stop();
        }
    }
}
