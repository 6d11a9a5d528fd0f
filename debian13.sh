#!/bin/sh
# Builds and tests in a Debian 13 (oneDNN 3.7, GCC 14) below a folder, made by debootstrap as root: debian13.sh [FOLDER]
set -eu
root=${1:-$HOME/.cache/debian13-root}
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -e "$root/.ready" ]; then
    command -v debootstrap >/dev/null || { apt-get -qq update && apt-get -qqy install debootstrap; }
    mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
        sed -n -e 's/^URIs: *//p' -e 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' | grep '/debian/\?$' | head -n 1)
    mkdir -p "$(dirname "$root")"
    debootstrap --variant=minbase --include=ca-certificates,make,git trixie "$root" "${mirror:-http://deb.debian.org/debian}" >/dev/null
    touch "$root/.ready"
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
[ ! -e /dev/pts ] || mountpoint -q "$root/dev/pts" || mount --bind /dev/pts "$root/dev/pts"
chroot "$root" sh -c 'command -v make >/dev/null && command -v git >/dev/null || { apt-get -qq update && apt-get -qqy install make git; }' >/dev/null
# Where this machine trusts certificates of its own, PyPI is reached through them.
if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    chroot "$root" update-ca-certificates >/dev/null 2>&1
fi
rm -rf "$root/lmvr"
mkdir "$root/lmvr"
(cd "$here" && git ls-files -z | tar --null -cf - -T -) | tar -xf - -C "$root/lmvr"
chroot "$root" sh -c 'command -v ccache >/dev/null || apt-get -qqy install ccache' >/dev/null # a folder that is kept builds in a minute
chroot "$root" env CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache make -C /lmvr test SKIPPED=once
# As on processors with fewer instruction sets: what oneDNN then offers, and our own kernels where it offers nothing. A limit that
# this processor does not reach changes nothing, so it is left out. Emulated GPUs know no instruction sets.
has() { grep -qw "$1" /proc/cpuinfo; }
limits=
! has avx512f || limits=AVX2
! has avx512_bf16 || limits="$limits AVX512_CORE"
! has amx_bf16 || limits="$limits AVX512_CORE_BF16"
for isa in $limits; do
    echo "ONEDNN_MAX_CPU_ISA=$isa"
    chroot "$root" env ONEDNN_MAX_CPU_ISA=$isa ctest --test-dir /lmvr/build -j "$(nproc)" --output-on-failure --timeout 600 \
        -R '^(tensor_|session_|model_)' -E '_(cuda|gpu|card)_'
done
