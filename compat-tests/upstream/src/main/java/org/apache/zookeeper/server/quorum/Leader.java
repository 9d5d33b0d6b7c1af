package org.apache.zookeeper.server.quorum;

/** Says of a member that it is its ensemble's leader. */
public class Leader {

    final QuorumPeer self;

    Leader(QuorumPeer self) {
        this.self = self;
    }

    /** The zxid that its epoch began with. */
    public long getEpoch() {
        return self.getLastLoggedZxid() & ~0xffff_ffffL;
    }
}
