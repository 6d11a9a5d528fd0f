#!/usr/bin/env bash
# The array of examples/slurm on a cluster of four nodes that are all this machine (Slurm's multiple-slurmd mode), one of which dies in
# the middle: array.sh PROGRAM SOURCE. PROGRAM is the one with a fake library. The files have to be those of one process.
set -euo pipefail
program=$1 source=$2
for needed in slurmctld slurmd sbatch munged python3; do
    [ "$(id -u)" = 0 ] && command -v "$needed" >/dev/null || { echo "skipped: this needs Slurm (slurm-wlm), Python and root"; exit 77; }
done
work=$(mktemp -d /tmp/lmvr-slurm-XXXXXX)
pids=()
# Ends what was started here, and what that has started.
finish() {
    for pid in "${pids[@]}"; do
        kill_tree "$pid"
    done
    rm -rf "$work"
}
# Whether a process has this in its environment.
has() { { tr '\0' '\n' <"$1/environ" | grep -qx "$2"; } 2>/dev/null; }
kill_tree() {
    local child
    for child in $(ps -o pid= --ppid "$1"); do
        kill_tree "$child"
    done
    kill -9 "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
trap finish EXIT
cd "$work"

mapfile -t ports < <(python3 -c '
import socket
sockets = [socket.socket() for _ in range(5)]
for s in sockets: s.bind(("127.0.0.1", 0))
for s in sockets: print(s.getsockname()[1])')
host=$(hostname -s)
cat >slurm.conf <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[4]}
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=10
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation=$work/state
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.%n.pid
SlurmdSpoolDir=$work/spool.%n
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobRequeue=1
SlurmdTimeout=5
ReturnToService=2
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[0]} CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=1
NodeName=n3 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=1
NodeName=n4 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[3]} CPUs=1
PartitionName=all Nodes=ALL Default=YES State=UP
END
export SLURM_CONF=$work/slurm.conf
mkdir state spool.n{1..4}
chmod 755 "$work"
dd if=/dev/urandom of=munge.key bs=1024 count=1 status=none
chmod 600 munge.key
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munge.pid" \
    --log-file="$work/munge.log" --seed-file="$work/munge.seed" >/dev/null 2>&1 &
pids+=($!)
until [ -S munge.socket ]; do sleep 0.05; done
slurmctld -D >/dev/null 2>&1 &
pids+=($!)
declare -A node
for n in 1 2 3 4; do
    slurmd -D -N "n$n" >/dev/null 2>&1 &
    node[n$n]=$!
    pids+=($!)
done
# Waits, at most a minute, until a command succeeds.
await() {
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.1
    done
    echo "waited in vain for: $*" >&2
    tail -n 30 slurmctld.log >&2
    exit 1
}
all_idle() { [ "$(sinfo -h -o %t -N 2>/dev/null | grep -c idle)" = 4 ]; }
await all_idle

# 16 tars of 40 images, of which some are none
python3 - <<'END'
import io, tarfile
for t in range(16):
    with tarfile.open(f"t-{t:02d}.tar", "w") as tar:
        for i in range(40):
            data = b"bad" if i == t else b"\xff\xd8\xff and %d" % (100 * t + i)
            info = tarfile.TarInfo(f"{i:04d}.jpg")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
END
mkdir m
echo '{}' >m/config.json
"$program" embed -q -m m -o whole 't-{00..15}.tar' 2>/dev/null || [ $? = 1 ]
echo '{"delay_us": 40000}' >m/config.json
export LMVR=$program
job=$(sbatch --parsable --array=1-4 "$source/examples/slurm/embed.sbatch" m out 't-{00..15}.tar')

# the second share has ended a part and is in another: its node dies, with all that runs there
begun() { [ -e out/index/part-00001.json ] && [ -e out/index/part-00005.jsonl ]; }
await begun
victim=$(squeue -h -j "${job}_2" -o %N)
kill_tree "${node[$victim]}"
for process in /proc/[0-9]*; do # of the job there, and the steps' keepers above them
    has "$process" "SLURM_CONF=$SLURM_CONF" && has "$process" "SLURMD_NODENAME=$victim" || continue
    above=$(ps -o ppid= -p "${process#/proc/}" | tr -d ' ')
    case $(ps -o comm= -p "$above") in slurmstepd*) kill -9 "$above" ;; esac
    kill -9 "${process#/proc/}" 2>/dev/null || true
done
[ ! -e out/index/part-00013.json ] || { echo "the share had ended before its node died"; exit 1; }
ended() { [ -z "$(squeue -h -j "$job" 2>/dev/null)" ]; }
requeued() { [ "$(scontrol show job "${job}_2" | grep -o 'Restarts=[0-9]*')" = Restarts=1 ]; }
await requeued
await ended
"$program" merge out
diff -r --exclude='share-*.lock' out whole
echo "the node $victim died; the files are those of one process"
