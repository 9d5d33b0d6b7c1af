#!/usr/bin/env bash
# Says where two snapshots differ: zkSnapshotComparer.sh -l LEFT -r RIGHT -b BYTES -n NODES [-d] [-i].

ZOOBIN="$(dirname "${BASH_SOURCE-$0}")"
ZOOBINDIR="$(cd "$ZOOBIN" && pwd)"

if [ -e "$ZOOBIN/../libexec/zkEnv.sh" ]; then
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

native_flags "$JVMFLAGS"
exec "$GAMEKEEPER" ${NATIVE_FLAGS[@]+"${NATIVE_FLAGS[@]}"} snapshot-comparer "$@"
