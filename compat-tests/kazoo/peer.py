"""What all parts of the program share: checks, printing, waiting."""

import queue
import sys
import time

from kazoo.client import KazooClient

# For what hangs, in seconds; not a measurement.
PATIENCE = 60


class Failed(Exception):
    """An answer that Java's own server would not have given."""


def check(holds, what):
    if not holds:
        raise Failed(what)


def want(what, expected, found):
    """Prints what was found, and wants it to be what was expected."""
    print(f"{what}: {found!r}")
    check(expected == found, f"{what}: expected {expected!r}, found {found!r}")


def refused(error, call, *args, **more):
    """Wants a call to be refused, with exactly this error."""
    try:
        found = call(*args, **more)
    except Exception as e:  # any other one is the failure that is told
        name = getattr(call, "__name__", "call")
        print(f"{name}{args}: {type(e).__name__}")
        check(type(e) is error, f"{name}{args}: expected {error.__name__}, found {e!r}")
        return
    raise Failed(f"{call.__name__}{args}: expected {error.__name__}, found {found!r}")


def stat_of(stat):
    """What is the same in every run: of zxids only whether they are later than the first."""
    owner = "owned" if stat.ephemeralOwner else "free"
    return (stat.mzxid > stat.czxid, stat.pzxid > stat.czxid, stat.version, stat.cversion,
            stat.aversion, owner, stat.dataLength, stat.numChildren)


def show(what, stat):
    print(f"{what}: {stat_of(stat)}")
    check(stat.ctime <= stat.mtime, f"{what}: made after it was changed: {stat}")
    check(stat.czxid <= stat.mzxid and stat.czxid <= stat.pzxid, f"{what}: zxids: {stat}")


def until(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        check(time.monotonic() < deadline, f"not within {PATIENCE} s: {what}")
        time.sleep(0.005)


class Events:
    """Watches put their events here; a client's own thread calls them."""

    def __init__(self):
        self.seen = queue.Queue()

    def __call__(self, event):
        self.seen.put((event.type, event.path))

    def want(self, kind, path):
        found = self.seen.get(timeout=PATIENCE)
        want("event", (kind, path), found)

    def want_none(self):
        check(self.seen.empty(), "an event too many")


def client(servers, timeout=20, **more):
    """A client that is connected."""
    made = KazooClient(hosts=servers, timeout=timeout, **more)
    made.start(timeout=PATIENCE)
    return made


def ask(what):
    """Asks whoever runs this program for something, as a restart of the server."""
    print(f"please: {what}", flush=True)
    check(sys.stdin.readline() != "", f"nobody answers {what}")
