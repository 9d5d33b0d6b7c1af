"""Every call of the client, sync and async, with what it answers when all is well and when not."""

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadArgumentsError, BadVersionError, InvalidACLError, NoAuthError, NoChildrenForEphemeralsError,
    NodeExistsError, NoNodeError, NotEmptyError, ReconfigDisabledError, RolledBackError, RuntimeInconsistency,
    AuthFailedError)
from kazoo.protocol.states import KazooState
from kazoo.security import (
    ACL, CREATOR_ALL_ACL, Id, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl, make_digest_acl)

from peer import PATIENCE, Events, check, client, refused, show, until, want


def creates(zk):
    want("create", "/k/a", zk.create("/k/a", b"1", makepath=True))
    refused(NodeExistsError, zk.create, "/k/a")
    refused(NoNodeError, zk.create, "/k/x/y")
    want("makepath", "/k/x/y", zk.create("/k/x/y", makepath=True))
    want("ephemeral", "/k/e", zk.create("/k/e", b"", ephemeral=True))
    refused(NoChildrenForEphemeralsError, zk.create, "/k/e/x")
    want("sequence", "/k/s-0000000003", zk.create("/k/s-", sequence=True))
    want("both", "/k/s-0000000004", zk.create("/k/s-", sequence=True, ephemeral=True))
    path, stat = zk.create("/k/two", b"22", include_data=True)
    want("include_data", "/k/two", path)
    show("include_data", stat)
    path, stat = zk.create("/k/es-", b"22", include_data=True, sequence=True, ephemeral=True)
    want("all of it", "/k/es-0000000006", path)
    show("all of it", stat)
    refused(InvalidACLError, zk.create, "/k/b", acl=[ACL(31, Id("nobody", "knows"))])
    refused(InvalidACLError, zk.create, "/k/b", acl=CREATOR_ALL_ACL)
    refused(BadArgumentsError, zk.create, "/k/\x01")
    want("async", "/k/as", zk.create_async("/k/as", b"x").get(timeout=PATIENCE))
    refused(NodeExistsError, zk.create_async("/k/as", b"x").get)
    zk.ensure_path("/k/deep/er/path")
    zk.ensure_path_async("/k/deep/er/still").get(timeout=PATIENCE)
    want("ensured", ["path", "still"], sorted(zk.get_children("/k/deep/er")))


def reads(zk):
    data, stat = zk.get("/k/two")
    want("get", b"22", data)
    show("get", stat)
    refused(NoNodeError, zk.get, "/k/none")
    data, stat = zk.get_async("/k/two").get(timeout=PATIENCE)
    want("get_async", b"22", data)
    show("exists", zk.exists("/k"))
    want("exists", None, zk.exists("/k/none"))
    show("exists_async", zk.exists_async("/k/two").get(timeout=PATIENCE))
    want("children", ["a", "as", "deep", "e", "es-0000000006", "s-0000000003", "s-0000000004", "two", "x"],
         sorted(zk.get_children("/k")))
    names, stat = zk.get_children("/k", include_data=True)
    want("their number", stat.numChildren, len(names))
    show("get_children", stat)
    want("async", [], zk.get_children_async("/k/a").get(timeout=PATIENCE))
    refused(NoNodeError, zk.get_children, "/k/none")
    want("sync", "/k", zk.sync("/k"))
    want("sync_async", "/k", zk.sync_async("/k").get(timeout=PATIENCE))


def writes(zk):
    show("set", zk.set("/k/a", b"new", version=0))
    refused(BadVersionError, zk.set, "/k/a", b"x", version=0)
    refused(NoNodeError, zk.set, "/k/none", b"x")
    show("set_async", zk.set_async("/k/a", b"newer").get(timeout=PATIENCE))
    show("set of nothing", zk.set("/k/a", None))
    refused(BadVersionError, zk.delete, "/k/a", version=0)
    refused(NotEmptyError, zk.delete, "/k")
    want("delete", True, zk.delete("/k/a", version=3))
    refused(NoNodeError, zk.delete, "/k/a")
    want("delete_async", True, zk.delete_async("/k/as").get(timeout=PATIENCE))
    zk.delete("/k/deep", recursive=True)
    want("all of it", None, zk.exists("/k/deep"))
    refused(BadArgumentsError, zk.delete, "/zookeeper")


def acls(zk):
    found, stat = zk.get_acls("/k/two")
    want("get_acls", OPEN_ACL_UNSAFE, found)
    show("get_acls", stat)
    local = make_acl("ip", "127.0.0.0/8", read=True, admin=True)
    show("set_acls", zk.set_acls("/k/two", [local], version=0))
    want("get_acls_async", [local], zk.get_acls_async("/k/two").get(timeout=PATIENCE)[0])
    refused(NoAuthError, zk.set, "/k/two", b"x")
    refused(BadVersionError, zk.set_acls, "/k/two", OPEN_ACL_UNSAFE, version=0)
    refused(InvalidACLError, zk.set_acls, "/k/two", [ACL(31, Id("nobody", "knows"))])
    refused(NoNodeError, zk.get_acls, "/k/none")
    refused(NoNodeError, zk.set_acls, "/k/none", OPEN_ACL_UNSAFE)
    show("set_acls_async", zk.set_acls_async("/k/two", READ_ACL_UNSAFE).get(timeout=PATIENCE))


def transactions(zk):
    zk.create("/k/t")
    good = zk.transaction()
    good.create("/k/t/a", b"1")
    good.create("/k/t/s-", ephemeral=True, sequence=True)
    good.set_data("/k/t/a", b"2", version=0)
    good.check("/k/t/a", version=1)
    good.delete("/k/t/a", version=1)
    results = good.commit()
    want("created", ["/k/t/a", "/k/t/s-0000000001"], results[:2])
    show("set", results[2])
    want("the rest", [True, True], results[3:])
    bad = zk.transaction()
    bad.create("/k/t/b")
    bad.check("/k/t", version=7)
    bad.delete("/k/t")
    want("refused", [RolledBackError, BadVersionError, RuntimeInconsistency], [type(r) for r in bad.commit()])
    want("nothing is done", None, zk.exists("/k/t/b"))
    with zk.transaction() as both:
        both.create("/k/t/c", b"3")
    want("by with", b"3", zk.get("/k/t/c")[0])
    one = zk.transaction()
    one.delete("/k/t/c")
    want("commit_async", [True], one.commit_async().get(timeout=PATIENCE))


def watches(zk, other):
    events = Events()
    want("exists", None, zk.exists("/k/w", watch=events))
    other.create("/k/w", b"1")
    events.want("CREATED", "/k/w")
    zk.get("/k/w", watch=events)
    other.set("/k/w", b"2")
    events.want("CHANGED", "/k/w")
    other.set("/k/w", b"3")
    zk.get_children("/k/w", watch=events)
    other.create("/k/w/x")
    events.want("CHILD", "/k/w")
    zk.get_children_async("/k/w/x", watch=events).get(timeout=PATIENCE)
    zk.get_children("/k/w", watch=events, include_data=True)
    other.delete("/k/w/x")
    events.want("DELETED", "/k/w/x")
    events.want("CHILD", "/k/w")
    zk.exists_async("/k/w", watch=events).get(timeout=PATIENCE)
    other.delete("/k/w")
    events.want("DELETED", "/k/w")
    other.create("/k/w")
    zk.get_async("/k/w", watch=events).get(timeout=PATIENCE)
    other.delete("/k/w")
    events.want("DELETED", "/k/w")
    zk.sync("/k")
    events.want_none()


def access(zk, servers):
    other = client(servers, auth_data=[("digest", "other:one")])
    want("add_auth", True, zk.add_auth("digest", "user:secret"))
    want("add_auth_async", True, zk.add_auth_async("digest", "second:one").get(timeout=PATIENCE))
    zk.create("/k/own", b"mine", acl=[make_digest_acl("user", "secret", all=True)])
    zk.create("/k/both", b"mine", acl=CREATOR_ALL_ACL)
    want("two owners", ["second", "user"], sorted(a.id.id.split(":")[0] for a in zk.get_acls("/k/both")[0]))
    refused(NoAuthError, other.get, "/k/own")
    refused(NoAuthError, other.set, "/k/own", b"")
    refused(NoAuthError, other.create, "/k/own/x")
    refused(NoAuthError, other.get_children, "/k/own")
    refused(NoAuthError, other.exists, "/k/own")
    refused(NoAuthError, other.get_acls, "/k/own")
    refused(NoAuthError, other.set_acls, "/k/own", OPEN_ACL_UNSAFE)
    want("the owner's", b"mine", zk.get("/k/own")[0])
    other.add_auth("digest", "user:secret")
    want("the same user", b"mine", other.get("/k/own")[0])
    other.stop()
    wrong = client(servers)
    refused(AuthFailedError, wrong.add_auth, "nobody", "x")
    wrong.stop()


def the_rest(zk, servers):
    refused(ReconfigDisabledError, zk.reconfig, None, None, "server.1=127.0.0.1:1:2;3")
    refused(ReconfigDisabledError, zk.reconfig_async(None, None, "server.1=127.0.0.1:1:2;3", -1).get)
    want("ruok", "imok", zk.command(b"ruok"))
    check("Mode: standalone" in zk.command(b"srvr"), "the word srvr")
    want("version", (3, 9, 5), zk.server_version())
    check(zk.connected and zk.client_id[0] != 0 and len(zk.client_id[1]) == 16, "a session")
    want("state", "CONNECTED", zk.client_state)
    rooted = KazooClient(hosts=f"{servers}/k/root")
    rooted.start(timeout=PATIENCE)
    refused(NoNodeError, rooted.create, "/x")
    rooted.ensure_path("/")
    want("below its root", "/x", rooted.create("/x"))
    want("unchroot", "/x", rooted.unchroot("/k/root/x"))
    want("as others see it", ["x"], zk.get_children("/k/root"))
    rooted.stop()
    rooted.close()


def listeners(servers):
    states = []
    zk = KazooClient(hosts=servers)
    listener = states.append
    zk.add_listener(listener)
    zk.start_async().wait(PATIENCE)
    until("connected", lambda: states == [KazooState.CONNECTED])
    first = zk.client_id[0]
    zk.restart()
    check(zk.client_id[0] != first, "restart begins a new session")
    until("lost and connected", lambda: len(states) == 3)
    zk.remove_listener(listener)
    zk.set_hosts(servers)
    zk.stop()
    zk.close()
    want("states", ["CONNECTED", "LOST", "CONNECTED"], [str(state) for state in states])


def run(servers):
    zk, other = client(servers), client(servers)
    for part in (creates, reads, writes, acls, transactions):
        part(zk)
    watches(zk, other)
    the_rest(zk, servers)
    access(zk, servers)
    listeners(servers)
    for one in (zk, other):
        one.stop()
        one.close()
