package org.apache.zookeeper.server.quorum;

/** Says of a member that it is its ensemble's leader. */
public class Leader {

    final QuorumPeer self;

    Leader(QuorumPeer self) {
        this.self = self;
    }

    public long getEpoch() {
        return self.getLastLoggedZxid() >>> 32;
    }
}
