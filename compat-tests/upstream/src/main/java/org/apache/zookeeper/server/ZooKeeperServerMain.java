package org.apache.zookeeper.server;

import gamekeeper.upstream.ServerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.server.quorum.QuorumPeerConfig.ConfigException;
import org.apache.zookeeper.util.ServiceUtils;

/** Stands in for the main class of a server alone. */
public class ZooKeeperServerMain {

    /** The exit code of a server that refuses its zoo.cfg. */
    private static final int BAD_CONFIG = 2;

    private volatile ServerProcess process;

    /** Returns when the server has ended; fails if it ended by itself and badly. */
    protected void initializeAndRun(String[] args) throws IOException, ConfigException {
        Path dir = ServerProcess.newDirectory();
        Path cfg = Path.of(args[0]);
        if (args.length > 1) {
            cfg = dir.resolve("zoo.cfg");
            Files.write(cfg, List.of("clientPort=" + args[0], "dataDir=" + args[1]));
        }
        run(ServerProcess.start("server alone", cfg, dir));
    }

    public void runFromConfig(ServerConfig config) throws IOException, ConfigException {
        List<String> cfg = new ArrayList<>();
        cfg.add("dataDir=" + config.getDataDir().getAbsolutePath());
        cfg.add("dataLogDir=" + config.getDataLogDir().getAbsolutePath());
        cfg.add("tickTime=" + config.getTickTime());
        cfg.add("maxClientCnxns=" + config.getMaxClientCnxns());
        cfg.add("clientPort=" + config.getClientPortAddress().getPort());
        run(ServerProcess.start("server alone", cfg));
    }

    private void run(ServerProcess started) throws IOException, ConfigException {
        process = started;
        try {
            boolean byItself = started.awaitEnd();
            String how = "the server ended with " + started.exitValue() + ":\n" + started.tail();
            if (byItself && started.exitValue() == BAD_CONFIG) {
                throw new ConfigException(how);
            }
            if (byItself && started.exitValue() != 0) {
                throw new IOException(how);
            }
        } catch (InterruptedException e) {
            started.stop();
        }
    }

    protected void shutdown() {
        if (process != null) {
            process.stop();
        }
    }

    /** The objects behind it are in another process. */
    protected ServerCnxnFactory getCnxnFactory() {
        return null;
    }

    protected ServerCnxnFactory getSecureCnxnFactory() {
        return null;
    }

    public static void main(String[] args) throws IOException, ConfigException {
        new ZooKeeperServerMain().initializeAndRun(args);
        ServiceUtils.requestSystemExit(0);
    }
}
