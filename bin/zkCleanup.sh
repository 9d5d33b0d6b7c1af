#!/usr/bin/env bash
# Deletes old snapshots and logs of the directories that zoo.cfg names: zkCleanup.sh -n COUNT.

ZOOBIN="$(dirname "${BASH_SOURCE-$0}")"
ZOOBINDIR="$(cd "$ZOOBIN" && pwd)"

if [ -e "$ZOOBIN/../libexec/zkEnv.sh" ]; then
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

ZOO_DATADIR="$(cfg_value dataDir "$ZOOCFG")"
ZOO_DATALOGDIR="$(cfg_value dataLogDir "$ZOOCFG")"

if [ -z "$ZOO_DATALOGDIR" ]; then
  "$GAMEKEEPER" purge "$ZOO_DATADIR" "$@"
else
  "$GAMEKEEPER" purge "$ZOO_DATALOGDIR" "$ZOO_DATADIR" "$@"
fi
