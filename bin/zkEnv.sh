#!/usr/bin/env bash
# Sourced by the other scripts: finds the configuration, the log directory and the binary.
# It takes "--config DIR" off the front of the caller's arguments.
#
# Sets ZOOCFGDIR, ZOOCFG (a full path), ZOO_LOG_DIR and GAMEKEEPER (the binary that ZOO_NATIVE names,
# else the server's), and offers the functions below.

ZOOBINDIR="${ZOOBINDIR:-/usr/bin}"
ZOOKEEPER_PREFIX="$ZOOBINDIR/.."

if [ $# -gt 1 ] && [ "$1" = "--config" ]; then
  ZOOCFGDIR="$2"
  shift 2
fi

if [ -z "$ZOOCFGDIR" ]; then
  if [ -e "$ZOOKEEPER_PREFIX/conf" ]; then
    ZOOCFGDIR="$ZOOBINDIR/../conf"
  else
    ZOOCFGDIR="$ZOOBINDIR/../etc/zookeeper"
  fi
fi

if [ -f "$ZOOCFGDIR/zookeeper-env.sh" ]; then
  # shellcheck source=/dev/null
  . "$ZOOCFGDIR/zookeeper-env.sh"
fi

case "$ZOOCFG" in
  /*) ;;
  *) ZOOCFG="$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}" ;;
esac

if [ -f "$ZOOCFGDIR/java.env" ]; then
  # shellcheck source=/dev/null
  . "$ZOOCFGDIR/java.env"
fi

ZOO_LOG_DIR="${ZOO_LOG_DIR:-$ZOOKEEPER_PREFIX/logs}"

# find_native NAME: the path of a binary: as the environment says (or beside what it says is the
# server), beside the scripts, as built in the source tree, or on PATH.
find_native() {
  local candidate given=""
  if [ -n "$GAMEKEEPER_BIN" ]; then
    given="$GAMEKEEPER_BIN"
    [ "$1" = "gamekeeper" ] || given="$(dirname "$GAMEKEEPER_BIN")/$1"
  fi
  for candidate in \
    "$given" \
    "${GAMEKEEPER_HOME:+$GAMEKEEPER_HOME/bin/$1}" \
    "$ZOOBINDIR/$1" \
    "$ZOOKEEPER_PREFIX/target/release/$1"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && [ ! -d "$candidate" ]; then
      echo "$candidate"
      return 0
    fi
  done
  command -v "$1"
}

# shellcheck disable=SC2034 # The scripts that source this run it.
if ! GAMEKEEPER="$(find_native "${ZOO_NATIVE:-gamekeeper}")"; then
  echo "Error: ${ZOO_NATIVE:-gamekeeper} was not found in GAMEKEEPER_BIN, GAMEKEEPER_HOME/bin," \
    "$ZOOBINDIR, $ZOOKEEPER_PREFIX/target/release or PATH." >&2
  exit 1
fi

# cfg_value KEY FILE: the value of a key, as the server would read it from a plain line: the last
# one counts, blanks around it do not.
cfg_value() {
  [ -r "$2" ] || return 0
  sed -n -e "s/^[[:space:]]*$1[[:space:]]*[=:[:space:]][[:space:]]*//p" "$2" |
    sed -e 's/[[:space:]]*$//' | tail -n 1
}

# native_flags FLAGS: puts the -Dname=value words of what was meant for a JVM into the array
# NATIVE_FLAGS. Whatever else a JVM might take is named and left.
native_flags() {
  local flag words
  local ignored=""
  NATIVE_FLAGS=()
  set -f
  # shellcheck disable=SC2206 # Words are what the flags are split into, by Java's scripts too.
  words=($1)
  set +f
  for flag in ${words[@]+"${words[@]}"}; do
    case "$flag" in
      -D*) NATIVE_FLAGS+=("$flag") ;;
      *) ignored="$ignored $flag" ;;
    esac
  done
  if [ -n "$ignored" ]; then
    echo "Ignored, as there is no JVM:$ignored" >&2
  fi
}
