#!/bin/sh
# Installs the build in several layouts, builds the example outside the tree against each, once by find_package(lmvr) and once by
# pkg-config lmvr, and runs both on the golden model: run.sh SOURCE BUILD
set -eu
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "install: $*" >&2; exit 1; }

# The example runs against the installed library: run_example PROGRAM LIBRARIES
run_example() {
    LD_LIBRARY_PATH=$2 "$1" "$source/tests/golden/llava-old-f32" "$source/tests/golden/images/gradient.jpg" >"$work/out"
    grep -q gradient.jpg "$work/out" || fail "$1 printed no row"
}

# The library in ROOT is found by pkg-config, which names only folders in it, and by CMake: check_library ROOT
check_library() {
    root=$1
    libraries=$(dirname "$(find "$root" -name 'liblmvr.so.?')")
    PKG_CONFIG_PATH=$(dirname "$(find "$root" -name lmvr.pc)")
    export PKG_CONFIG_PATH
    flags=$(pkg-config --cflags --libs lmvr)
    for flag in $flags; do
        case $flag in
        -I*) [ -f "${flag#-I}/lmvr.h" ] || fail "$flag has no lmvr.h" ;;
        -L*) [ "$(realpath "${flag#-L}")" = "$libraries" ] || fail "$flag is not $libraries" ;;
        esac
    done
    # shellcheck disable=SC2086 # a list of words
    ${CC:-cc} -o "$work/by_pkg_config" "$source/examples/embed.c" $flags
    run_example "$work/by_pkg_config" "$libraries"

    rm -rf "$work/cmake"
    cmake -S "$source/tests/install/consumer" -B "$work/cmake" -DEXAMPLE="$source/examples/embed.c" \
        -Dlmvr_DIR="$(dirname "$(find "$root" -name lmvrConfig.cmake)")" >/dev/null
    cmake --build "$work/cmake" >/dev/null
    run_example "$work/cmake/consumer" "$libraries"
}

# The program finds the model that was installed with it: check_model ROOT
check_model() {
    program=$(find "$1" -name lmvr -path '*/bin/*') model=$(find "$1" -type d -path '*/share/lmvr/model')
    [ "$("$program" info | sed -n 's/^model  *//p')" = "$model" ] || fail "$program does not use $model"
}

# Configures the sources with the given options and reuses what was already built, so that nothing is compiled again:
# configure FOLDER OPTION...
configure() {
    folder=$1
    shift
    cmake -S "$source" -B "$folder" -G Ninja -DLMVR_TESTS=OFF "$@" >/dev/null
    cp -P "$build"/liblmvr.so* "$build/lmvr" "$build/lmvr-scenes" "$folder/"
    [ ! -e "$build/lmvr-cuda.so" ] || cp "$build/lmvr-cuda.so" "$folder/"
}

echo "another prefix than the configured one"
cmake --install "$build" --prefix "$work/prefix" >/dev/null
check_library "$work/prefix"
check_model "$work/prefix"
# the library exports exactly what its header declares
nm -D --defined-only "$libraries/liblmvr.so" | awk '$2 ~ /[TDB]/ {print $3}' | grep -v '^lmvr_' && fail "other names are visible"

echo "an installation that was moved"
mv "$work/prefix" "$work/moved"
check_library "$work/moved"
check_model "$work/moved"

echo "a staged one, as packages are made"
DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null
check_library "$work/stage"
check_model "$work/stage"

echo "a multiarch library folder"
configure "$work/multiarch-build" -DCMAKE_INSTALL_PREFIX="$work/multiarch" -DCMAKE_INSTALL_LIBDIR=lib/some-linux-gnu
cmake --install "$work/multiarch-build" >/dev/null
[ -f "$work/multiarch/lib/some-linux-gnu/pkgconfig/lmvr.pc" ] || fail "lmvr.pc is not in the multiarch folder"
check_library "$work/multiarch"

echo "absolute folders"
configure "$work/absolute-build" -DCMAKE_INSTALL_PREFIX="$work/elsewhere" -DCMAKE_INSTALL_LIBDIR="$work/absolute/libraries" \
    -DCMAKE_INSTALL_INCLUDEDIR="$work/absolute/headers"
cmake --install "$work/absolute-build" >/dev/null
check_library "$work/absolute"

echo "found by CMake and by pkg-config, and run"
