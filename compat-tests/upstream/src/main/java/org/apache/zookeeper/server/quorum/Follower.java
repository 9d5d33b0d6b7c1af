package org.apache.zookeeper.server.quorum;

/** Says of a member that it is a follower. */
public class Follower {

    final QuorumPeer self;

    Follower(QuorumPeer self) {
        this.self = self;
    }
}
