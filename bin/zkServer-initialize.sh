#!/usr/bin/env bash
# Makes the directories of a new server, its myid, and the mark "initialize" that allows it to start
# without data, with the options and exit codes of Apache ZooKeeper's zkServer-initialize.sh.

ZOOBIN="$(dirname "${BASH_SOURCE-$0}")"
ZOOBINDIR="$(cd "$ZOOBIN" && pwd)"

if [ -e "$ZOOBIN/../libexec/zkEnv.sh" ]; then
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=bin/zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

usage() {
  cat <<TEXT
usage: $0 <parameters>
  Optional parameters:
     -h, --help              Display this message
     --configfile=FILE       ZooKeeper config file ($ZOOCFG)
     --myid=#                Set the myid to be used, if any (1-255)
     --force                 Force creation of the data/txnlog dirs
TEXT
  exit 1
}

# refuse_if_there DIR NAME: data is not thrown away unless it is asked for.
refuse_if_there() {
  if [ -n "$1" ] && [ -d "$1/version-2" ]; then
    echo "ZooKeeper $2 directory already exists at $1" \
      "(or use --force to force re-initialization)"
    exit 1
  fi
}

# renew DIR: only what the server keeps in it goes, the directory itself may be somebody else's.
renew() {
  rm -rf "$1/myid" "$1/version-2" >/dev/null 2>&1
  mkdir -p "$1/version-2"
}

initialize() {
  local datadir datalogdir
  if [ ! -e "$ZOOCFG" ]; then
    echo "Unable to find config file at $ZOOCFG"
    exit 1
  fi
  datadir="$(cfg_value dataDir "$ZOOCFG")"
  datalogdir="$(cfg_value dataLogDir "$ZOOCFG")"
  if [ -z "$datadir" ]; then
    echo "Unable to determine dataDir from $ZOOCFG"
    exit 1
  fi
  if [ -n "$FORCE" ]; then
    echo "Force enabled, data/txnlog directories will be re-initialized"
  else
    refuse_if_there "$datadir" data
    refuse_if_there "$datalogdir" txnlog
  fi
  renew "$datadir"
  if [ -n "$datalogdir" ]; then
    renew "$datalogdir"
  fi
  if [ -n "$MYID" ]; then
    echo "Using myid of $MYID"
    echo "$MYID" >"$datadir/myid"
  else
    echo "No myid provided, be sure to specify it in $datadir/myid if using non-standalone"
  fi
  touch "$datadir/initialize"
}

FORCE=""
MYID="${MYID:-}"
while [ -n "$1" ]; do
  case "$1" in
    --configfile)
      ZOOCFG="$2"
      shift 2 || usage
      ;;
    --configfile=?*)
      ZOOCFG="${1#*=}"
      shift
      ;;
    --myid)
      MYID="$2"
      shift 2 || usage
      ;;
    --myid=?*)
      MYID="${1#*=}"
      shift
      ;;
    --force)
      FORCE=1
      shift
      ;;
    -h | --help)
      usage
      ;;
    *)
      echo "Unknown option: $1"
      usage
      ;;
  esac
done
initialize
