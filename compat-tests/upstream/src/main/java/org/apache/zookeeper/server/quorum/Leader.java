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

    /** What a leader has proposed. */
    public static class Proposal {

        protected final Request request;

        Proposal(TxnHeader header, Record txn) {
            request = new Request(
                header.getClientId(), header.getCxid(), header.getType(), header, txn, header.getZxid());
        }
    }

    /** Read from the files each time that somebody looks: what is in the log, and was not committed. */
    private final class Outstanding extends ConcurrentHashMap<Long, Proposal> {

        @Override
        public int size() {
            look();
            return super.size();
        }

        @Override
        public Collection<Proposal> values() {
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
                        put(found.getHeader().getZxid(), new Proposal(found.getHeader(), found.getTxn()));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read the log of " + self.getName(), e);
            }
        }
    }

    /** Tests hold it for longer than the member leads. */
    final ConcurrentMap<Long, Proposal> outstandingProposals = new Outstanding();

    final QuorumPeer self;
    /** The last zxid that it showed while it led. */
    private volatile long committed;

    Leader(QuorumPeer self) {
        this.self = self;
    }

    void hasCommitted(long zxid) {
        committed = zxid;
    }

    /** The zxid that its epoch began with. */
    public long getEpoch() {
        return self.getLastLoggedZxid() & ~0xffff_ffffL;
    }
}
