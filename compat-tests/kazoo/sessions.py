"""Sessions: taking one up again, expiry, a restart of the server with watches, ephemerals and rights."""

from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry
from kazoo.security import CREATOR_ALL_ACL

from peer import PATIENCE, Events, ask, check, client, refused, show, until, want


def taken_over(servers):
    first = client(servers)
    first.create("/s/e", ephemeral=True)
    session = first.client_id
    # It would come back, and the two would cut each other off.
    first.set_hosts("127.0.0.1:1")
    second = client(servers, client_id=session)
    want("the same session", True, second.client_id == session)
    want("its ephemeral", True, second.exists("/s/e").ephemeralOwner == session[0])
    second.stop()
    other = client(servers)
    want("closed with its ephemeral", None, other.exists("/s/e"))
    owner = other.client_id
    wrong = KazooClient(hosts=servers, client_id=(owner[0], b"x" * 16))
    wrong.start_async()
    # It is told that this session has expired, and begins one of its own.
    until("a new session", lambda: (wrong.client_id or owner)[0] not in (0, owner[0]))
    # The server cuts the connection of the session that is asked for before it looks at the password.
    until("the owner comes back", lambda: other.client_id == owner)
    for zk in (wrong, other, first):
        zk.stop()
        zk.close()


def prepare(zk, events):
    zk.add_auth("digest", "user:secret")
    zk.create("/s/r", b"1", acl=CREATOR_ALL_ACL)
    zk.create("/s/r/e", ephemeral=True)
    zk.create("/s/r/q-", sequence=True)
    zk.get("/s/r", watch=events)
    zk.exists("/s/r/new", watch=events)
    zk.get_children("/s/r", watch=events)


def go_on(zk, events, children):
    check(zk.exists("/s/r/e").ephemeralOwner == zk.client_id[0], "the ephemeral is there")
    # The watches are told that the connection broke, and stay.
    events.want("NONE", None)
    events.want("NONE", None)
    events.want("NONE", None)
    show("set", zk.set("/s/r", b"2", version=0))
    zk.create("/s/r/new")
    want("sequence", "/s/r/q-0000000003", zk.create("/s/r/q-", sequence=True))
    until("the children's watcher", lambda: children[-1] == ["e", "new", "q-0000000001", "q-0000000003"])
    show("after the restart", zk.exists("/s/r"))


def restarts(servers):
    states, children, events = [], [], Events()
    # Java's server may leave a connection that comes while it starts without an answer: each address of
    # the list gets its share of the session's timeout.
    many = ",".join([servers] * 10)
    zk = client(many, timeout=40, connection_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2))
    zk.add_listener(states.append)
    session = zk.client_id
    prepare(zk, events)
    zk.ChildrenWatch("/s/r", lambda names: children.append(sorted(names)))
    ask("restart")
    until("connected again", lambda: states and states[-1] == KazooState.CONNECTED)
    want("states", ["SUSPENDED", "CONNECTED"], [str(state) for state in states])
    want("the same session", True, zk.client_id == session)
    want("retry", True, zk.retry(zk.exists, "/s/r") is not None)
    go_on(zk, events, children)
    stranger = client(servers)
    refused(NoAuthError, stranger.get, "/s/r")
    stranger.stop()
    zk.stop()
    zk.close()


def run(servers):
    zk = client(servers)
    zk.create("/s")
    zk.stop()
    taken_over(servers)
    restarts(servers)
