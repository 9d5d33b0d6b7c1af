package org.apache.zookeeper.test;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import gamekeeper.upstream.ServerLogs;
import java.io.ByteArrayOutputStream;
import org.slf4j.LoggerFactory;

/** Collects what this JVM logs under a name, and what the servers log beside. */
public class LoggerTestTool implements AutoCloseable {

    private static final String AUDIT = "Slf4jAuditLogger";

    private final Logger logger;
    private final OutputStreamAppender<ILoggingEvent> appender = new OutputStreamAppender<>();
    private final ByteArrayOutputStream stream;

    public LoggerTestTool(Class<?> named) {
        this(named.getName());
    }

    public LoggerTestTool(Class<?> named, Level level) {
        this(named);
        logger.setLevel(level);
    }

    public LoggerTestTool(String name) {
        stream = new ServerLogs(name.endsWith(AUDIT));
        logger = (Logger) LoggerFactory.getLogger(name);
        LoggerContext context = logger.getLoggerContext();
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern("%d - %m%n");
        encoder.start();
        appender.setContext(context);
        appender.setEncoder(encoder);
        appender.setOutputStream(stream);
        appender.start();
        logger.addAppender(appender);
        logger.setLevel(Level.INFO);
    }

    public ByteArrayOutputStream getOutputStream() {
        return stream;
    }

    @Override
    public void close() {
        logger.detachAppender(appender);
        appender.stop();
    }
}
