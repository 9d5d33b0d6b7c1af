package org.apache.zookeeper.server;

/** The one of Java's two that tests expect to get where they ask for none. */
public class NIOServerCnxnFactory extends ServerCnxnFactory {
}
