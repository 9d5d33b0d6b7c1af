package org.apache.zookeeper.server.embedded;

import gamekeeper.upstream.ServerProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** Stands in for the server within an application: starts a process on the same properties. */
class ZooKeeperServerEmbeddedImpl implements ZooKeeperServerEmbedded {

    /** How long a server may take to serve if nothing else is said. */
    private static final long PATIENCE_MS = 60_000;

    private final Path file;
    private final Properties properties = new Properties();
    private final int port;
    private ServerProcess process;

    ZooKeeperServerEmbeddedImpl(Properties given, Path baseDir, ExitHandler exitHandler) throws IOException {
        properties.putAll(given);
        properties.putIfAbsent("dataDir", baseDir.resolve("data").toAbsolutePath().toString());
        port = port();
        if (port != 0) {
            properties.setProperty("clientPort", Integer.toString(port));
        }
        file = Files.createTempFile(baseDir, "zookeeper.configuration", ".properties");
        try (OutputStream out = Files.newOutputStream(file)) {
            properties.store(out, null);
        }
    }

    /** The one that is asked for, a free one where any will do, 0 where none is. */
    private int port() throws IOException {
        String asked = properties.getProperty("clientPort");
        if (!"0".equals(asked)) {
            return asked == null ? 0 : Integer.parseInt(asked.trim());
        }
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Override
    public void start() throws Exception {
        start(PATIENCE_MS);
    }

    @Override
    public void start(long startupTimeout) throws Exception {
        process = ServerProcess.start("embedded server", file, ServerProcess.newDirectory());
        boolean member = properties.stringPropertyNames().stream().anyMatch(key -> key.startsWith("server."));
        if (port == 0) {
            return;
        }
        if (member) {
            // It serves when others have come, and they are started after this one.
            process.servesOn(port);
            process.awaitListening(port, startupTimeout);
        } else {
            process.awaitServing(port, startupTimeout);
        }
    }

    @Override
    public int getClientPort() {
        return port;
    }

    @Override
    public int getSecureClientPort() {
        return 0;
    }

    @Override
    public String getConnectionString() {
        if (port == 0) {
            throw new IllegalStateException("no client port");
        }
        return properties.getProperty("clientPortAddress", "localhost") + ":" + port;
    }

    @Override
    public String getSecureConnectionString() {
        throw new IllegalStateException("no secure client port");
    }

    @Override
    public void close() {
        if (process != null) {
            process.stop();
        }
    }
}
