#!/usr/bin/env bash
# The command line client, with the arguments of Apache ZooKeeper's zkCli.sh:
# zkCli.sh [-server host:port,...] [-timeout ms] [-r] [-waitforconnection]
#   [-client-configuration file] [command]

ZOOBIN="$(dirname "${BASH_SOURCE-$0}")"
ZOOBINDIR="$(cd "$ZOOBIN" && pwd)"

# shellcheck disable=SC2034 # zkEnv.sh looks for it.
ZOO_NATIVE="zkcli"
if [ -e "$ZOOBIN/../libexec/zkEnv.sh" ]; then
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

native_flags "$CLIENT_JVMFLAGS $JVMFLAGS"
exec "$GAMEKEEPER" ${NATIVE_FLAGS[@]+"${NATIVE_FLAGS[@]}"} "$@"
