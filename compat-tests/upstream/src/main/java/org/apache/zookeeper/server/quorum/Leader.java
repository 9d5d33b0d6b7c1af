package org.apache.zookeeper.server.quorum;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.jute.Record;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.TxnLog.TxnIterator;
import org.apache.zookeeper.txn.TxnHeader;

/** Says of a member that it is its ensemble's leader. */
public class Leader {

    /** Read from the files each time that somebody looks: what is in the log, and was not committed. */
    private final class Outstanding extends ConcurrentHashMap<Long, Object> {

        @Override
        public int size() {
            look();
            return super.size();
        }

        @Override
        public Collection<Object> values() {
            look();
            return super.values();
        }

        private void look() {
            clear();
            long first = committed + 1;
            FileTxnLog log = new FileTxnLog(self.getTxnFactory().getDataLogDir());
            try (TxnIterator found = log.read(first)) {
                for (boolean more = found.getHeader() != null; more; more = found.next()) {
                    if (found.getHeader().getZxid() >= first) {
                        put(found.getHeader().getZxid(), proposal(found.getHeader(), found.getTxn()));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read the log of " + self.getName(), e);
            }
        }
    }

    /** Tests hold it for longer than the member leads. The values are Proposals. */
    final ConcurrentMap<Long, Object> outstandingProposals = new Outstanding();

    final QuorumPeer self;
    /** The last zxid that it showed while it led. */
    private volatile long committed;

    Leader(QuorumPeer self) {
        this.self = self;
    }

    /** A Proposal, nested in Java's own class of this name, which comes from ZooKeeper's own jar. */
    private static Object proposal(TxnHeader header, Record txn) {
        Request request =
            new Request(header.getClientId(), header.getCxid(), header.getType(), header, txn, header.getZxid());
        try {
            Class<?> proposal = Class.forName(Leader.class.getName() + "$Proposal");
            return proposal.getConstructor(Request.class, QuorumPacket.class).newInstance(request, null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot make a proposal", e);
        }
    }

    void hasCommitted(long zxid) {
        committed = zxid;
    }

    /** The zxid that its epoch began with. */
    public long getEpoch() {
        return self.getLastLoggedZxid() & ~0xffff_ffffL;
    }
}
