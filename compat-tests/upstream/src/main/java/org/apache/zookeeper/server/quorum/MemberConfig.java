package org.apache.zookeeper.server.quorum;

import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.stream.Stream;

/** What a stand-in must know of a zoo.cfg; whether it is a good one the server itself decides. */
final class MemberConfig {

    private final Path file;
    private final Properties lines = new Properties();
    private final long myId;

    MemberConfig(Path file) throws IOException {
        this.file = file;
        load(file);
        String dynamic = lines.getProperty("dynamicConfigFile");
        if (dynamic != null && Files.exists(Path.of(dynamic.trim()))) {
            load(Path.of(dynamic.trim()));
        }
        Path id = dataDir().toPath().resolve("myid");
        myId = Files.exists(id) ? Long.parseLong(Files.readString(id).trim()) : -1;
    }

    private void load(Path from) throws IOException {
        try (Reader reader = Files.newBufferedReader(from)) {
            lines.load(reader);
        }
    }

    Path file() {
        return file;
    }

    /** Whether Java's QuorumPeerMain would run a member of an ensemble, not a server alone. */
    boolean isDistributed() {
        boolean alone = Boolean.parseBoolean(lines.getProperty("standaloneEnabled", "true").trim());
        long voters = servers().filter(value -> !value.contains(":observer")).count();
        return voters > 1 || !alone && voters > 0;
    }

    private Stream<String> servers() {
        return lines.stringPropertyNames().stream().filter(key -> key.startsWith("server."))
            .map(lines::getProperty);
    }

    File dataDir() {
        return new File(lines.getProperty("dataDir", "").trim());
    }

    File dataLogDir() {
        return new File(lines.getProperty("dataLogDir", dataDir().toString()).trim());
    }

    long myId() {
        return myId;
    }

    int number(String key) {
        return number(key, 0);
    }

    int number(String key, int otherwise) {
        String value = lines.getProperty(key);
        return value == null ? otherwise : Integer.parseInt(value.trim());
    }

    /** That of this server's own line, or else the one by itself. */
    int clientPort() {
        String own = own();
        int semicolon = own.indexOf(';');
        if (semicolon < 0) {
            return number("clientPort");
        }
        String address = own.substring(semicolon + 1);
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1).trim());
    }

    QuorumPeer.LearnerType learnerType() {
        boolean observer = own().contains(":observer") || lines.getProperty("peerType", "").contains("observer");
        return observer ? QuorumPeer.LearnerType.OBSERVER : QuorumPeer.LearnerType.PARTICIPANT;
    }

    private String own() {
        return lines.getProperty("server." + myId, "");
    }
}
