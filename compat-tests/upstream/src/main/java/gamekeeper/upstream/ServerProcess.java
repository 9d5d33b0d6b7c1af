package gamekeeper.upstream;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** One server that a test asked for: a process of its own on a zoo.cfg, with this JVM's properties. */
public final class ServerProcess {

    /** What is run, one word a line; the properties come behind the first, the zoo.cfg at the end. */
    private static final String COMMAND = "upstream.command";
    /** Where each server gets a directory for its zoo.cfg and its log. */
    private static final String WORK = "upstream.work";
    /** Properties that ZooKeeper reads and whose names do not begin with "zookeeper.". */
    private static final Set<String> OTHERS = Set.of("readonlymode.enabled", "jute.maxbuffer",
        "fsync.warningthresholdms", "java.security.auth.login.config", "java.security.krb5.conf");
    /** Those that are for the tests alone. */
    private static final Set<String> OF_THE_TESTS = Set.of("zookeeper.junit.threadid");
    /** How long a server may take to end after it was asked to. */
    private static final long GRACE_SECONDS = 15;
    /** What the system's tables say of a socket that takes connections. */
    private static final String LISTENING = "0A";
    private static final int TAIL_LINES = 25;

    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final List<ServerProcess> STARTED = new CopyOnWriteArrayList<>();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(ServerProcess::killAll));
    }

    private final String name;
    private final Path log;
    private final Process process;
    /** Where clients reach it; 0 until somebody says so. */
    private volatile int clientPort;
    private volatile boolean withoutMain;
    private volatile boolean stopping;

    private ServerProcess(String name, Path log, Process process) {
        this.name = name;
        this.log = log;
        this.process = process;
    }

    /** A new directory for one server's own files. */
    public static Path newDirectory() throws IOException {
        Path dir = Path.of(System.getProperty(WORK), "server-" + COUNT.incrementAndGet());
        return Files.createDirectories(dir);
    }

    /** Starts a server on these lines of zoo.cfg. */
    public static ServerProcess start(String name, List<String> zooCfg) throws IOException {
        Path dir = newDirectory();
        Path cfg = dir.resolve("zoo.cfg");
        Files.write(cfg, zooCfg);
        return start(name, cfg, dir);
    }

    /** Starts a server on a zoo.cfg that exists; its log goes to {@code dir}. */
    public static ServerProcess start(String name, Path cfg, Path dir) throws IOException {
        List<String> command = new ArrayList<>(List.of(System.getProperty(COMMAND).split("\n")));
        command.addAll(1, properties());
        command.add(cfg.toString());
        Path log = dir.resolve("server.log");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.directory(dir.toFile()).redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.redirectInput(new File("/dev/null"));
        ServerProcess server = new ServerProcess(name, log, builder.start());
        STARTED.add(server);
        return server;
    }

    /** What Java's server would find in this JVM at this moment, as -Dkey=value. */
    private static List<String> properties() {
        List<String> words = new ArrayList<>();
        for (String key : new TreeSet<>(System.getProperties().stringPropertyNames())) {
            boolean told = key.startsWith("zookeeper.") || key.startsWith("znode.container.");
            if ((told || OTHERS.contains(key)) && !OF_THE_TESTS.contains(key)) {
                words.add("-D" + key + "=" + System.getProperty(key));
            }
        }
        return words;
    }

    /** Waits until a client can be answered on this port. Fails if the server ends instead. */
    public void awaitServing(int port, long millis) throws IOException {
        servesOn(port);
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (!serves(port)) {
            if (!process.isAlive()) {
                throw new IOException(name + " ended before it served:\n" + tail());
            }
            if (System.nanoTime() > deadline) {
                throw new IOException(name + " does not serve on port " + port + ":\n" + tail());
            }
            pause(10);
        }
    }

    /** Waits until somebody listens on this port. Fails if the server ends instead. */
    public void awaitListening(int port, long millis) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (!isListening(port) && System.nanoTime() < deadline) {
            if (!process.isAlive()) {
                throw new IOException(name + " ended before it listened:\n" + tail());
            }
            pause(10);
        }
    }

    /** Looks into the system's tables, for a connection would be an event to a server. */
    private static boolean isListening(int port) throws IOException {
        String local = String.format(":%04X ", port);
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] words = line.trim().split("\\s+");
                if (words[3].equals(LISTENING) && (words[1] + " ").endsWith(local)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Says where clients reach it. */
    public void servesOn(int port) {
        clientPort = port;
    }

    /** The ports of the servers that run, as far as they are known. */
    public static List<Integer> portsInUse() {
        List<Integer> ports = new ArrayList<>();
        for (ServerProcess server : STARTED) {
            if (server.clientPort != 0 && server.isAlive()) {
                ports.add(server.clientPort);
            }
        }
        return ports;
    }

    /** Says that a test makes Java's server out of its parts, of which none tells of its start and end. */
    public void isWithoutMain() {
        withoutMain = true;
    }

    /** The logs of all that were started, in their order, and whether they are to tell of start and end. */
    public static Map<Path, Boolean> logs() {
        Map<Path, Boolean> logs = new LinkedHashMap<>();
        STARTED.forEach(server -> logs.put(server.log, !server.withoutMain));
        return logs;
    }

    private static boolean serves(int port) {
        String answer = word(port, "srvr");
        return !answer.isEmpty() && !answer.contains("not currently serving");
    }

    /** The answer to a four-letter word, empty if there is none. */
    public static String word(int port, String word) {
        String answer = word("127.0.0.1", port, word);
        return answer.isEmpty() ? word("::1", port, word) : answer;
    }

    private static String word(String host, int port, String word) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), 2000);
            socket.setSoTimeout(5000);
            socket.getOutputStream().write(word.getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    public static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Blocks until it has ended; true if nobody asked it to. */
    public boolean awaitEnd() throws InterruptedException {
        process.waitFor();
        return !stopping;
    }

    /** Its exit code, once it has ended. */
    public int exitValue() {
        return process.exitValue();
    }

    /** Lets it stand still, or go on. */
    public void suspend(boolean still) {
        try {
            new ProcessBuilder("kill", still ? "-STOP" : "-CONT", Long.toString(process.pid())).start().waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot suspend " + name, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Asks it to end, and kills it if it does not. */
    public void stop() {
        stopping = true;
        process.destroy();
        boolean interrupted = Thread.interrupted();
        try {
            if (!process.waitFor(GRACE_SECONDS, TimeUnit.SECONDS)) {
                Results.note(name + " did not end when asked to:\n" + tail());
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** All that the server has logged that was started last; empty if there is none. */
    public static String lastLog() {
        if (STARTED.isEmpty()) {
            return "";
        }
        Path log = STARTED.get(STARTED.size() - 1).log;
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + log, e);
        }
    }

    /** The end of its log. */
    public String tail() {
        try {
            List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
            return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
        } catch (IOException e) {
            return "(no log: " + e + ")";
        }
    }

    /** How many were started so far. */
    static int count() {
        return STARTED.size();
    }

    /** What became of those started since there were {@code from}, with the ends of their logs. */
    static String report(int from) {
        StringBuilder text = new StringBuilder();
        for (ServerProcess server : STARTED.subList(from, STARTED.size())) {
            text.append("--- ").append(server.name).append(": ").append(server.fate()).append('\n');
            text.append(server.tail()).append('\n');
        }
        return text.toString();
    }

    /** Those started since there were {@code from} that ended badly by themselves. */
    static String casualties(int from) {
        StringBuilder text = new StringBuilder();
        for (ServerProcess server : STARTED.subList(from, STARTED.size())) {
            if (!server.stopping && !server.isAlive() && server.exitValue() != 0) {
                text.append("--- ").append(server.name).append(": ").append(server.fate()).append('\n');
                text.append(server.tail()).append('\n');
            }
        }
        return text.toString();
    }

    private String fate() {
        if (process.isAlive()) {
            return "runs";
        }
        return (stopping ? "was stopped" : "ended by itself") + ", exit code " + process.exitValue();
    }

    /** At the end of this JVM, however it comes. */
    static void killAll() {
        for (ServerProcess server : STARTED) {
            server.stopping = true;
            server.process.destroyForcibly();
        }
    }
}
