#!/usr/bin/env bash
# Sums up a snapshot: zkSnapshotRecursiveSummaryToolkit.sh SNAPSHOT NODE MAX_DEPTH.

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
exec "$GAMEKEEPER" ${NATIVE_FLAGS[@]+"${NATIVE_FLAGS[@]}"} snapshot-recursive-summary "$@"
