package gamekeeper.upstream;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarFile;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs one class of tests ({@code run RESULTS CLASS [+METHOD|-METHOD...]}), or lists the classes of a jar that
 * have tests ({@code list RESULTS JAR}).
 */
public final class Main {

    /** How much of a stack trace is told. */
    private static final int FRAMES = 12;

    private Main() {
    }

    public static void main(String[] args) throws IOException {
        Results.to(new PrintStream(Files.newOutputStream(Path.of(args[1])), true, "UTF-8"));
        if (args[0].equals("list")) {
            list(args[2]);
        } else {
            endWithStarter();
            run(args[2], List.of(args).subList(3, args.length));
        }
        Results.tell("end");
        // Threads that a test left behind must not keep this process.
        Runtime.getRuntime().exit(0);
    }

    /** Whoever lent us a directory holds the other end of standard input: when it is gone, so are we. */
    private static void endWithStarter() {
        String lent = System.getProperty("upstream.dir");
        if (lent == null) {
            return;
        }
        Thread watcher = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException e) {
                Results.note("standard input: " + e);
            }
            ServerProcess.killAll();
            deleteAll(new File(lent));
            Runtime.getRuntime().halt(1);
        }, "end with starter");
        watcher.setDaemon(true);
        watcher.start();
    }

    private static void deleteAll(File file) {
        File[] inside = file.listFiles();
        for (File each : inside == null ? new File[0] : inside) {
            deleteAll(each);
        }
        file.delete();
    }

    private static void list(String jar) throws IOException {
        Launcher launcher = LauncherFactory.create();
        List<String> names = new ArrayList<>();
        try (JarFile file = new JarFile(jar)) {
            file.stream().map(entry -> entry.getName())
                .filter(name -> name.endsWith(".class") && !name.contains("$"))
                .forEach(name -> names.add(name.replace(".class", "").replace('/', '.')));
        }
        names.sort(null);
        for (String name : names) {
            Results.tell(hasTests(launcher, name), name);
        }
    }

    private static String hasTests(Launcher launcher, String name) {
        try {
            Class<?> found = Class.forName(name, false, Main.class.getClassLoader());
            // A suite names classes that are in the jar by themselves.
            return launcher.discover(request(found, List.of())).containsTests() ? "tests" : "none";
        } catch (Throwable e) {
            return "unloadable";
        }
    }

    private static void run(String name, List<String> methods) {
        try {
            Class<?> found = Class.forName(name, false, Main.class.getClassLoader());
            LauncherFactory.create().execute(request(found, methods), new Listener(name));
        } catch (Throwable e) {
            Results.tell("fail", name + "#", trace(e), "");
        }
    }

    /** {@code words}: "+method" for those to run, if not all, "-method" for those not to. */
    private static LauncherDiscoveryRequest request(Class<?> found, List<String> words) {
        boolean all = words.stream().noneMatch(word -> word.startsWith("+"));
        PostDiscoveryFilter chosen = descriptor -> {
            Optional<String> method = methodOf(descriptor.getSource());
            boolean in = method.map(name -> (all || words.contains("+" + name)) && !words.contains("-" + name))
                .orElse(true);
            return FilterResult.includedIf(in);
        };
        return LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectClass(found))
            .filters(chosen).build();
    }

    private static Optional<String> methodOf(Optional<TestSource> source) {
        return source.filter(MethodSource.class::isInstance).map(is -> ((MethodSource) is).getMethodName());
    }

    /** What went wrong, with the frames of ZooKeeper's classes and ours. */
    static String trace(Throwable e) {
        StringBuilder text = new StringBuilder();
        for (Throwable each = e; each != null; each = each.getCause()) {
            text.append(each == e ? "" : "caused by ").append(each).append('\n');
            Arrays.stream(each.getStackTrace()).map(StackTraceElement::toString)
                .filter(frame -> frame.contains("zookeeper") || frame.contains("curator") || frame.contains("gamekeeper"))
                .limit(FRAMES).forEach(frame -> text.append("    at ").append(frame).append('\n'));
        }
        return text.toString();
    }

    /** Tells of each test as it ends. */
    private static final class Listener implements TestExecutionListener {

        private final String className;
        private int serversBefore;

        Listener(String className) {
            this.className = className;
        }

        @Override
        public void executionStarted(TestIdentifier test) {
            if (test.isTest()) {
                serversBefore = ServerProcess.count();
                Results.tell("start", nameOf(test));
            }
        }

        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            Results.tell("skip", nameOf(test), reason);
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            boolean good = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
            if (test.isTest() || !good) {
                String outcome = outcome(result.getStatus());
                String why = result.getThrowable().map(Main::trace).orElse("");
                String servers = good ? ServerProcess.casualties(serversBefore)
                    : ServerProcess.report(serversBefore);
                Results.tell(outcome, nameOf(test), why, servers);
            }
        }

        private static String outcome(TestExecutionResult.Status status) {
            switch (status) {
                case SUCCESSFUL: return "pass";
                case ABORTED: return "skip";
                default: return "fail";
            }
        }

        /** {@code Class#method}, with the number of the round for a test with parameters. */
        private String nameOf(TestIdentifier test) {
            String name = className + "#" + methodOf(test.getSource()).orElse("");
            List<UniqueId.Segment> segments = UniqueId.parse(test.getUniqueId()).getSegments();
            UniqueId.Segment last = segments.get(segments.size() - 1);
            boolean round = last.getType().equals("test-template-invocation");
            return round ? name + "[" + last.getValue().replace("#", "") + "]" : name;
        }
    }
}
