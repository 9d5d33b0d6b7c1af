#!/usr/bin/env bash
# Prints a transaction log, repairs its checksums (-r), or cuts it at a zxid (-c -z ZXID).

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
exec "$GAMEKEEPER" ${SERVER_FLAGS[@]+"${SERVER_FLAGS[@]}"} txnlog-toolkit "$@"
