#!/bin/bash
# Makes golden/files/<version>/: the log and the snapshots of Java servers after GoldenFiles.
# usage: files.sh <out> <client classpath> <name>=<server classpath> [server option...]
# GOLDEN_OLD=yes for servers before 3.5. The server is started twice: the second start leaves a snapshot of everything.
set -eu
out=$1 client=$2 name=${3%%=*} server=${3#*=}
shift 3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
port=${GOLDEN_PORT:-21899}
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/classes" "$out/$name"
javac -nowarn -cp "$client" -d "$work/classes" "$here/GoldenFiles.java"
cat > "$work/zoo.cfg" <<CFG
dataDir=$work/data
clientPort=$port
tickTime=20000
CFG

start() {
    java -Dzookeeper.admin.enableServer=false -Dzookeeper.preAllocSize=4 \
        -Dzookeeper.extendedTypesEnabled=true -Dzookeeper.skipACL=yes "$@" -cp "$server" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$work/zoo.cfg" > "$work/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do
        if (exec 3<> /dev/tcp/127.0.0.1/"$port") 2>/dev/null; then return; fi
        kill -0 "$pid"
        sleep 0.1
    done
}

stop() {
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
}

start "$@"
java -cp "$work/classes:$client" GoldenFiles 127.0.0.1:"$port" ${GOLDEN_OLD:-} 2>/dev/null
stop
start "$@"
for _ in $(seq 100); do
    if ls "$work"/data/version-2/snapshot.* | grep -qv '/snapshot\.0'; then break; fi
    sleep 0.1
done
sleep 1
stop
rm -f "$out/$name"/*
for f in "$work"/data/version-2/log.* "$work"/data/version-2/snapshot.*; do
    case $f in */snapshot.0*) continue ;; esac
    cp "$f" "$out/$name/"
done
ls -l "$out/$name"
