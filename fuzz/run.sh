#!/bin/sh
# Runs every fuzz target for SECONDS on its corpus, which is left unchanged, one on each processor: run.sh BUILD SECONDS
set -eu
build=$1 seconds=$2 here=$(dirname "$0")

# One target; the last line tells how far it came.
if [ $# = 3 ]; then
    target=$3 name=$(basename "$3" _fuzz)
    found=$(mktemp -d)
    trap 'rm -rf "$found"' EXIT
    if ! "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -artifact_prefix="$build/" -print_final_stats=1 \
        "$found" "$here/corpus/$name" >"$build/$name.log" 2>&1; then
        tail -n 40 "$build/$name.log"
        echo "fuzz: $name failed; the input lies in $build"
        exit 1
    fi
    echo "fuzz: $name, $seconds seconds, $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs"
    exit
fi
find "$build/fuzz" -name '*_fuzz' -type f | sort | xargs -P "$(nproc)" -n 1 "$0" "$build" "$seconds"
