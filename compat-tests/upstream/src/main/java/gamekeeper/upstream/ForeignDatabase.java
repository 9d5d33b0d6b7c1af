package gamekeeper.upstream;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.ZKDatabase;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;

/** What a process holds, read from its files by Java's own classes each time that somebody looks. */
public final class ForeignDatabase extends ZKDatabase {

    private final FileTxnSnapLog files;
    private final int port;
    /** Set once a test has moved the zxid: from then on it wants to see what it did. */
    private boolean kept;

    public ForeignDatabase(FileTxnSnapLog files, int port) {
        super(files);
        this.files = files;
        this.port = port;
    }

    @Override
    public DataTree createDataTree() {
        return new ForeignTree(port);
    }

    private void look() {
        if (kept) {
            return;
        }
        try {
            clear();
            loadDataBase();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + files.getDataLogDir(), e);
        }
    }

    /** A snapshot as Java would write it of what is seen now. */
    public void save() throws IOException {
        look();
        files.save(super.getDataTree(), (ConcurrentHashMap<Long, Integer>) super.getSessionWithTimeOuts(), true);
    }

    @Override
    public DataTree getDataTree() {
        look();
        return super.getDataTree();
    }

    @Override
    public long getDataTreeLastProcessedZxid() {
        look();
        return super.getDataTreeLastProcessedZxid();
    }

    @Override
    public void setlastProcessedZxid(long zxid) {
        look();
        kept = true;
        super.setlastProcessedZxid(zxid);
    }

    @Override
    public Collection<Long> getSessions() {
        look();
        return super.getSessions();
    }

    @Override
    public Map<Long, Set<String>> getEphemerals() {
        look();
        return super.getEphemerals();
    }

    @Override
    public Set<String> getEphemerals(long session) {
        look();
        return super.getEphemerals(session);
    }

    @Override
    public int getAclSize() {
        look();
        return super.getAclSize();
    }
}
