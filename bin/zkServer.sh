#!/usr/bin/env bash
# Starts, stops and asks the server, with the words, files and exit codes of Apache ZooKeeper's
# zkServer.sh, so that service managers and images need no change.
#
# A link to it in another directory must have zkEnv.sh beside it.

ZOOBIN="$(dirname "${BASH_SOURCE-$0}")"
ZOOBINDIR="$(cd "$ZOOBIN" && pwd)"

if [ -e "$ZOOBIN/../libexec/zkEnv.sh" ]; then
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

if [ -z "$JMXDISABLE" ] || [ "$JMXDISABLE" = "false" ]; then
  echo "ZooKeeper JMX is not available, the server is native" >&2
else
  echo "JMX disabled by user request" >&2
fi

# The second argument is a file in the configuration directory, or a path of its own.
case "$2" in
  "") ;;
  */*) ZOOCFG="$2" ;;
  *) ZOOCFG="$ZOOCFGDIR/$2" ;;
esac

echo "Using config: $ZOOCFG" >&2

ZOO_DATADIR="$(cfg_value dataDir "$ZOOCFG")"
ZOO_DATALOGDIR="$(cfg_value dataLogDir "$ZOOCFG")"
AUTOCREATE_FLAG=()

if [ -n "$ZOO_DATADIR_AUTOCREATE_DISABLE" ]; then
  if [ ! -d "$ZOO_DATADIR/version-2" ]; then
    echo "ZooKeeper data directory is missing at $ZOO_DATADIR fix the path or run initialize"
    exit 1
  fi
  if [ -n "$ZOO_DATALOGDIR" ] && [ ! -d "$ZOO_DATALOGDIR/version-2" ]; then
    echo "ZooKeeper txnlog directory is missing at $ZOO_DATALOGDIR fix the path or run initialize"
    exit 1
  fi
  AUTOCREATE_FLAG=("-Dzookeeper.datadir.autocreate=false")
fi

if [ -z "$ZOOPIDFILE" ]; then
  if [ -n "$ZOO_DATADIR" ] && [ ! -d "$ZOO_DATADIR" ]; then
    mkdir -p "$ZOO_DATADIR"
  fi
  ZOOPIDFILE="$ZOO_DATADIR/zookeeper_server.pid"
else
  mkdir -p "$(dirname "$ZOOPIDFILE")"
fi

if [ ! -w "$ZOO_LOG_DIR" ]; then
  mkdir -p "$ZOO_LOG_DIR"
fi

DAEMON_OUT="$ZOO_LOG_DIR/zookeeper-$USER-server-$HOSTNAME.out"

# server_command: the command line of the server in the array COMMAND. The path of the configuration
# stands in it, for those who look for the process by it.
server_command() {
  native_flags "$SERVER_JVMFLAGS $JVMFLAGS"
  COMMAND=("$GAMEKEEPER" ${AUTOCREATE_FLAG[@]+"${AUTOCREATE_FLAG[@]}"}
    ${NATIVE_FLAGS[@]+"${NATIVE_FLAGS[@]}"} "$ZOOCFG")
}

# is_running PID
is_running() {
  kill -0 "$1" 2>/dev/null
}

start() {
  local pid
  echo -n "Starting zookeeper ... "
  if [ -f "$ZOOPIDFILE" ]; then
    pid="$(cat "$ZOOPIDFILE")"
    if is_running "$pid"; then
      echo "already running as process $pid."
      exit 1
    fi
  fi
  if [ ! -r "$ZOOCFG" ]; then
    echo "FAILED TO START"
    echo "Cannot read $ZOOCFG" >&2
    exit 1
  fi
  server_command
  nohup "${COMMAND[@]}" >"$DAEMON_OUT" 2>&1 </dev/null &
  pid=$!
  if ! printf '%s' "$pid" >"$ZOOPIDFILE"; then
    echo "FAILED TO WRITE PID"
    exit 1
  fi
  sleep 1
  if ! is_running "$pid"; then
    echo "FAILED TO START"
    exit 1
  fi
  echo "STARTED"
}

start_foreground() {
  server_command
  if [ -n "$ZOO_NOEXEC" ]; then
    "${COMMAND[@]}"
  else
    exec "${COMMAND[@]}"
  fi
}

print_cmd() {
  server_command
  printf '"%s" ' "${COMMAND[@]}"
  echo "> \"$DAEMON_OUT\" 2>&1 < /dev/null"
}

# Waits for the end of the process, but not for ever; the answer is the same.
stop() {
  local pid
  local rounds=100
  echo -n "Stopping zookeeper ... "
  if [ ! -f "$ZOOPIDFILE" ]; then
    echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
    return
  fi
  pid="$(cat "$ZOOPIDFILE")"
  kill "$pid"
  rm "$ZOOPIDFILE"
  while [ "$rounds" -gt 0 ] && is_running "$pid"; do
    sleep 0.1
    rounds=$((rounds - 1))
  done
  echo "STOPPED"
}

# find_client_port: sets client_port, client_address and client_ssl from the configuration: a plain
# port of its own, one in this server's line, one in the dynamic file, or the port for TLS.
find_client_port() {
  client_ssl="false"
  client_address="$(cfg_value clientPortAddress "$ZOOCFG")"
  client_address="${client_address:-localhost}"
  client_port="$(cfg_value clientPort "$ZOOCFG")"
  if ! [[ "$client_port" =~ ^[0-9]+$ ]]; then
    client_port=""
    find_client_port_by_id
  fi
  if [ -n "$client_port" ]; then
    return
  fi
  echo "Client port not found. Looking for secureClientPort in the static config."
  client_port="$(cfg_value secureClientPort "$ZOOCFG")"
  if [ -z "$client_port" ]; then
    echo "Unable to find either secure or unsecure client port in any configs. Terminating."
    exit 1
  fi
  client_ssl="true"
  client_address="$(cfg_value secureClientPortAddress "$ZOOCFG")"
  client_address="${client_address:-localhost}"
}

find_client_port_by_id() {
  local myid spec
  myid="$(cat "$ZOO_DATADIR/myid" 2>/dev/null)"
  if ! [[ "$myid" =~ ^[0-9]+$ ]]; then
    echo "myid could not be determined, will not able to locate clientPort in the server configs."
    return
  fi
  spec="$(cfg_value "server\\.$myid" "$ZOOCFG")"
  if [[ "$spec" != *";"* ]]; then
    echo "Client port not found in static config file. Looking in dynamic config file."
    spec="$(cfg_value "server\\.$myid" "$(cfg_value dynamicConfigFile "$ZOOCFG")")"
  fi
  if [[ "$spec" != *";"* ]]; then
    echo "Client port not found in the server configs"
    return
  fi
  spec="${spec##*;}"
  client_port="${spec##*:}"
  if [[ "$spec" == *:* ]]; then
    client_address="${spec%:*}"
    client_address="${client_address#[}"
    client_address="${client_address%]}"
  fi
}

# ask_mode: the line of the word srvr that has the server's mode in it.
ask_mode() {
  (
    exec 3<>"/dev/tcp/$client_address/$client_port" || exit
    printf 'srvr' >&3
    while IFS= read -r -t 10 line <&3; do
      case "$line" in
        *Mode*) echo "$line" ;;
      esac
    done
  ) 2>/dev/null
}

status() {
  local mode=""
  find_client_port
  echo "Client port found: $client_port. Client address: $client_address. Client SSL: $client_ssl."
  if [ "$client_ssl" = "false" ]; then
    mode="$(ask_mode)"
  else
    echo "Note: the server is asked without TLS, a port for TLS alone cannot be asked."
  fi
  if [ -z "$mode" ]; then
    echo "Error contacting service. It is probably not running."
    exit 1
  fi
  echo "$mode"
  exit 0
}

case "$1" in
  start) start ;;
  start-foreground) start_foreground ;;
  print-cmd) print_cmd ;;
  stop)
    stop
    exit 0
    ;;
  version) "$GAMEKEEPER" --version 2>/dev/null ;;
  restart)
    stop
    start
    ;;
  status) status ;;
  *)
    echo "Usage: $0 [--config <conf-dir>]" \
      "{start|start-foreground|stop|version|restart|status|print-cmd}" >&2
    ;;
esac
