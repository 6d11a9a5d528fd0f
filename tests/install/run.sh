#!/bin/sh
# Installs the build into an empty prefix, then builds the example outside the tree, once by find_package(lmvr) and once by
# pkg-config lmvr, and runs both on the golden model: run.sh SOURCE BUILD
set -eu
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null

cmake -S "$source/tests/install/consumer" -B "$work/cmake" -DEXAMPLE="$source/examples/embed.c" \
    -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/cmake" >/dev/null

pc=$(dirname "$(find "$work/prefix" -name lmvr.pc)")
flags=$(PKG_CONFIG_PATH=$pc pkg-config --define-variable=prefix="$work/prefix" --cflags --libs lmvr)
# shellcheck disable=SC2086 # a list of words
${CC:-cc} -o "$work/by_pkg_config" "$source/examples/embed.c" $flags

libraries=$(dirname "$(find "$work/prefix" -name 'liblmvr.so.?')")
for program in "$work/cmake/consumer" "$work/by_pkg_config"; do
    LD_LIBRARY_PATH=$libraries "$program" "$source/tests/golden/llava-old-f32" "$source/tests/golden/images/gradient.jpg" >"$work/out"
    grep -q "gradient.jpg" "$work/out" || { echo "$program printed no row"; exit 1; }
done
# what the library shows is what its header names, and nothing else
nm -D --defined-only "$libraries/liblmvr.so" | awk '$2 ~ /[TDB]/ {print $3}' | grep -v '^lmvr_' && { echo "other names are visible"; exit 1; }
"$work/prefix/bin/lmvr" --version >/dev/null
echo installed, found by CMake and by pkg-config, and run
