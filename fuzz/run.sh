#!/bin/sh
# Runs every fuzz target for SECONDS on its corpus, which is left unchanged: run.sh BUILD SECONDS
set -eu
build=$1 seconds=$2 here=$(dirname "$0")
for target in "$build"/fuzz/*_fuzz; do
    name=$(basename "$target" _fuzz)
    found=$(mktemp -d)
    echo "fuzz: $name, $seconds seconds"
    if ! "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -artifact_prefix="$build/" -print_final_stats=1 \
        "$found" "$here/corpus/$name" >"$build/$name.log" 2>&1; then
        tail -n 40 "$build/$name.log"
        echo "fuzz: $name failed; the input lies in $build"
        rm -rf "$found"
        exit 1
    fi
    grep -E "stat::(number_of_executed_units|new_units_added)" "$build/$name.log" || true
    rm -rf "$found"
done
