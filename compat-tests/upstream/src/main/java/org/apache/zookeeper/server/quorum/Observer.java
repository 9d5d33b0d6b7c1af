package org.apache.zookeeper.server.quorum;

/** Says of a member that it is an observer. */
public class Observer {

    final QuorumPeer self;

    Observer(QuorumPeer self) {
        this.self = self;
    }
}
