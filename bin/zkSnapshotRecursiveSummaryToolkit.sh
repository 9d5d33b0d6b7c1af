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

# shellcheck disable=SC2034 # Flags for the server alone are none of a tool's.
SERVER_JVMFLAGS=""
server_flags
exec "$GAMEKEEPER" ${SERVER_FLAGS[@]+"${SERVER_FLAGS[@]}"} snapshot-recursive-summary "$@"
