"""Every recipe that comes with the client, with several clients where it needs them."""

import threading
import uuid
from datetime import timedelta

from kazoo.exceptions import LockTimeout
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.watchers import PatientChildrenWatch

from peer import PATIENCE, check, client, refused, until, want

CLIENTS = 3


def all_at_once(clients, work):
    """Each client does `work` in a thread of its own; a failure of one fails all."""
    failures = []

    def run(zk):
        try:
            work(zk)
        except Exception as e:  # handed to the thread that waits
            failures.append(e)

    threads = [threading.Thread(target=run, args=(zk,)) for zk in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        check(not thread.is_alive(), f"{work.__name__} hangs")
    for failure in failures:
        raise failure


def locks(clients):
    inside, counted = [], []

    def work(zk):
        for _ in range(5):
            with zk.Lock("/r/lock", str(id(zk))):
                inside.append(zk)
                check(len(inside) == 1, "two owners of one lock")
                counted.append(1)
                inside.remove(zk)

    all_at_once(clients, work)
    want("counted under the lock", 5 * CLIENTS, len(counted))
    one, other = (zk.Lock("/r/lock", name) for zk, name in zip(clients, ("one", "other")))
    want("acquire", True, one.acquire())
    want("acquire without waiting", False, other.acquire(blocking=False))
    refused(LockTimeout, other.acquire, timeout=0.05)
    want("contenders", ["one"], one.contenders())
    want("release", True, one.release())
    want("acquire", True, other.acquire(timeout=PATIENCE))
    other.release()


def shared_locks(clients):
    first, second = clients[0].ReadLock("/r/shared"), clients[1].ReadLock("/r/shared")
    writer = clients[2].WriteLock("/r/shared")
    want("readers", (True, True), (first.acquire(timeout=PATIENCE), second.acquire(timeout=PATIENCE)))
    want("a writer", False, writer.acquire(blocking=False))
    first.release()
    second.release()
    want("a writer", True, writer.acquire(timeout=PATIENCE))
    want("a reader", False, first.acquire(blocking=False))
    writer.release()
    slots = [zk.Semaphore("/r/semaphore", f"c{i}", max_leases=2) for i, zk in enumerate(clients)]
    want("semaphore", [True, True, False], [slot.acquire(blocking=False) for slot in slots])
    want("holders", ["c0", "c1"], sorted(slots[0].lease_holders()))
    slots[0].release()
    want("semaphore", True, slots[2].acquire(timeout=PATIENCE))


def counters(clients):
    def work(zk):
        counter = zk.Counter("/r/counter")
        for _ in range(10):
            counter += 2
            counter -= 1

    all_at_once(clients, work)
    want("counter", 10 * CLIENTS, clients[0].Counter("/r/counter").value)
    fraction = clients[0].Counter("/r/fraction", default=0.5)
    fraction += 1.5
    want("float counter", 2.0, fraction.value)
    curator = clients[0].Counter("/r/int", support_curator=True)
    curator += 3
    want("Curator's format", (3, b"\0\0\0\3"), (curator.value, clients[0].get("/r/int")[0]))


def elections(clients):
    led = []

    def work(zk):
        zk.Election("/r/election", str(len(led))).run(lambda: led.append(zk))

    all_at_once(clients, work)
    want("each leads once", CLIENTS, len(set(led)))
    want("contenders", [], clients[0].Election("/r/election").contenders())


def leases(clients):
    hour = timedelta(hours=1)
    want("lease", True, bool(clients[0].NonBlockingLease("/r/lease", hour, "me")))
    want("another's", False, bool(clients[1].NonBlockingLease("/r/lease", hour, "you")))
    want("mine still", True, bool(clients[0].NonBlockingLease("/r/lease", hour, "me")))
    want("two of them", [True, True, False],
         [bool(zk.MultiNonBlockingLease(2, "/r/leases", hour, str(i))) for i, zk in enumerate(clients)])


def barriers(clients):
    barrier = Barrier(clients[0], "/r/barrier")
    barrier.create()
    want("wait", False, Barrier(clients[1], "/r/barrier").wait(0.05))
    waiting = threading.Thread(target=Barrier(clients[1], "/r/barrier").wait, args=(PATIENCE,))
    waiting.start()
    want("remove", True, barrier.remove())
    waiting.join(PATIENCE)
    check(not waiting.is_alive(), "the barrier is gone")
    seen = []

    def work(zk):
        double = DoubleBarrier(zk, "/r/double", CLIENTS)
        double.enter()
        seen.append(1)
        double.leave()

    all_at_once(clients, work)
    want("through the double barrier", CLIENTS, len(seen))


def parties(clients):
    for kind in ("Party", "ShallowParty"):
        party = [getattr(zk, kind)(f"/r/{kind}", f"m{i}") for i, zk in enumerate(clients)]
        for member in party:
            member.join()
        want(kind, (CLIENTS, ["m0", "m1", "m2"]), (len(party[0]), sorted(party[0])))
        party[1].leave()
        want("left", ["m0", "m2"], sorted(party[0]))


def queues(clients):
    queue = clients[0].Queue("/r/queue")
    for value, priority in ((b"b", 100), (b"c", 100), (b"a", 1)):
        queue.put(value, priority)
    want("length", 3, len(queue))
    want("queue", [b"a", b"b", b"c", None], [clients[i % 2].Queue("/r/queue").get() for i in range(4)])
    locking = [zk.LockingQueue("/r/locking") for zk in clients]
    locking[0].put_all([b"1", b"2"])
    locking[0].put(b"0", priority=1)
    want("locking", (b"0", b"1"), (locking[0].get(PATIENCE), locking[1].get(PATIENCE)))
    want("holds", (True, True, False), tuple(one.holds_lock() for one in locking))
    want("consume", True, locking[0].consume())
    locking[1].release()
    want("again", b"1", locking[2].get(PATIENCE))
    want("consume", True, locking[2].consume())
    want("left", 1, len(locking[0]))


def watchers(clients):
    zk, other = clients[:2]
    data, children = [], []
    zk.DataWatch("/r/dw", lambda value, stat: data.append((value, stat and stat.version)))
    other.create("/r/dw", b"1")
    until("created", lambda: len(data) == 2)
    other.set("/r/dw", b"2")
    until("changed", lambda: len(data) == 3)
    zk.ChildrenWatch("/r/dw", lambda names: children.append(sorted(names)))
    other.create("/r/dw/a")
    until("a child", lambda: len(children) == 2)
    other.delete("/r/dw/a")
    until("no child", lambda: len(children) == 3)
    other.delete("/r/dw")
    until("deleted", lambda: len(data) == 4)
    want("data", [(None, None), (b"1", 0), (b"2", 1), (None, None)], data)
    want("children", [[], ["a"], []], children)
    other.ensure_path("/r/patient/x")
    names, changed = PatientChildrenWatch(zk, "/r/patient", time_boundary=0.05).start().get(timeout=PATIENCE)
    want("patient", ["x"], names)
    other.create("/r/patient/y")
    changed.get(timeout=PATIENCE)


def caches(clients):
    zk, other = clients[:2]
    other.create("/r/cache/a", b"1", makepath=True)
    seen = []
    cache = TreeCache(zk, "/r/cache")
    cache.listen(lambda event: seen.append(event.event_type))
    cache.listen_fault(lambda e: seen.append(e))
    cache.start()
    until("initialized", lambda: TreeEvent.INITIALIZED in seen)
    other.set("/r/cache/a", b"2")
    other.create("/r/cache/b/c", b"3", makepath=True)
    until("changes", lambda: cache.get_data("/r/cache/b/c") is not None
          and cache.get_data("/r/cache/a").data == b"2")
    want("children", ["a", "b"], sorted(cache.get_children("/r/cache")))
    other.delete("/r/cache/b", recursive=True)
    until("removed", lambda: cache.get_data("/r/cache/b") is None)
    cache.close()


def partitions(clients):
    sets = [zk.SetPartitioner("/r/set", ("a", "b", "c"), identifier=f"p{i}", time_boundary=0.2)
            for i, zk in enumerate(clients)]

    def settled():
        for one in sets:
            if one.release:
                one.release_set()
            elif one.allocating:
                one.wait_for_acquire(0.1)
        return all(one.acquired and len(list(one)) == 1 for one in sets)

    until("all partitions have an owner", settled)
    want("partitions", ["a", "b", "c"], sorted(name for one in sets for name in one))
    for one in sets:
        one.finish()


def run(servers):
    clients = [client(servers) for _ in range(CLIENTS)]
    clients[0].create("/r", str(uuid.UUID(int=0)).encode())
    for part in (locks, shared_locks, counters, elections, leases, barriers, parties, queues, watchers,
                 caches, partitions):
        print(f"-- {part.__name__}")
        part(clients)
    for zk in clients:
        zk.stop()
        zk.close()
