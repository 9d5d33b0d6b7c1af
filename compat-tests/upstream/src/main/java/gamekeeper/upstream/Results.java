package gamekeeper.upstream;

import java.io.PrintStream;

/** What the JVM tells whoever started it: one line each, on a stream that no test writes to. */
final class Results {

    private static PrintStream out = System.err;

    private Results() {
    }

    static synchronized void to(PrintStream stream) {
        out = stream;
    }

    /** A line of words, with tabs between them. */
    static synchronized void tell(String... words) {
        StringBuilder line = new StringBuilder();
        for (String word : words) {
            line.append(line.length() == 0 ? "" : "\t").append(escape(word));
        }
        out.println(line);
        out.flush();
    }

    /** Something to be read by a person, whatever the test's outcome. */
    static void note(String text) {
        tell("note", text);
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "");
    }
}
