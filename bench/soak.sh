#!/usr/bin/env bash
# Whether a long run keeps its pace and its memory, and how soon it goes on: soak.sh [COUNT...], in thousands of pictures (default 1 10
# 100). Two tars of a thousand drawn pictures are made, the others are hard links to them. A line for each count: pictures, seconds,
# pictures a second, processor time of one, resident memory after a tenth and at the end, and how long --resume of all that takes; then
# how long --resume of the half of the last takes until the next row.
set -euo pipefail
cd "$(dirname "$0")/.."
counts=("${@:-1}")
[ $# -gt 0 ] || counts=(1 10 100)
work=$(mktemp -d "${TMPDIR:-/tmp}/lmvr-soak-XXXXXX")
trap 'rm -rf "$work"' EXIT

build/lmvr scenes --layout imagenet --count 2000 --seed 1 -o "$work/scenes" 2>/dev/null
mkdir "$work/tars"
for tar in 0 1; do
    find "$work/scenes/train" -name '*.JPEG' | sort | sed -n "$((tar * 1000 + 1)),$((tar * 1000 + 1000))p" |
        tar -cf "$work/tars/$(printf '%06d' "$tar").tar" -T - 2>/dev/null
done
rm -r "$work/scenes"

embed() { # COUNT OPTION...: the small model's encoder and its states of the prompt
    local last
    last=$(printf '%06d' $(($1 - 1)))
    shift
    exec build/lmvr embed -q -m models/lmvr-small --before-generation -f encoder:patches:mean:1 -f llm:input:mean:1 "$@" \
        -o "$work/out" "$work/tars/{000000..$last}.tar"
}
now() { date +%s.%N; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null || true; }
finished() { find "$work/out/index" -name 'part-*.json' 2>/dev/null | wc -l; }
watch() { # PID COUNT: resident memory once a tenth is finished, and now; processor time; a line again and again
    local early=0 memory cpu
    while memory=$(resident "$1") cpu=$(cpu_ms "$1" 2>/dev/null) && [ -n "$memory" ]; do
        [ "$early" != 0 ] || [ $((10 * $(finished))) -lt "$2" ] || early=$memory
        echo "$early $memory $cpu"
        sleep 0.2
    done
}
cpu_ms() { awk -v ticks="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / ticks }' "/proc/$1/stat"; }

printf '%9s %9s %9s %9s %9s %9s %9s\n' pictures seconds a_second cpu_ms early_MB last_MB resume_s
for count in "${counts[@]}"; do
    for ((i = 2; i < count; i++)); do
        ln -f "$work/tars/$(printf '%06d' $((i % 2))).tar" "$work/tars/$(printf '%06d' "$i").tar"
    done
    rm -rf "$work/out"
    begin=$(now)
    embed "$count" &
    pid=$!
    watch "$pid" "$count" >"$work/watched" &
    wait "$pid"
    end=$(now)
    wait
    read -r early last cpu < <(tail -n 1 "$work/watched")
    again=$(now)
    (embed "$count" --resume)
    resumed=$(now)
    awk -v n="$count" -v begin="$begin" -v end="$end" -v again="$again" -v resumed="$resumed" -v cpu="$cpu" -v early="$early" -v last="$last" 'BEGIN {
        printf "%9d %9.1f %9.1f %9.2f %9.1f %9.1f %9.2f\n", n * 1000, end - begin, n * 1000 / (end - begin), cpu / n / 1000,
            early / 1024, last / 1024, resumed - again }'
done

half=$((count / 2))
for ((i = half; i < count; i++)); do
    rm "$work/out/index/part-$(printf '%05d' "$i").json"
done
for ((i = half + 1; i < count; i++)); do
    rm "$work/out/index/part-$(printf '%05d' "$i").jsonl"
done
part=$work/out/index/part-$(printf '%05d' "$half").jsonl
head -n 500 "$part" >"$part.half" && cat "$part.half" >"$part"
rm "$part.half"
size=$(stat -c %s "$part") begin=$(now)
embed "$count" --resume &
pid=$!
while [ "$(stat -c %s "$part")" -le "$size" ]; do
    kill -0 "$pid"
done
awk -v begin="$begin" -v end="$(now)" 'BEGIN { printf "half done, until the next row: %.2f s\n", end - begin }'
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
