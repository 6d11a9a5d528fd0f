#!/bin/sh
# Installs the packages that are needed, where any is missing: to build and run with no argument, for the tests too with `test`, and
# for the formatting, the linting and the fuzzing too with `check`. Debian 12 and 13, and their relatives.
set -eu
packages="gcc g++ cmake ninja-build pkg-config
libdnnl-dev libsentencepiece-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libgif-dev libtiff-dev libavif-dev
libjansson-dev libyajl-dev libarchive-dev libmicrohttpd-dev libutf8proc-dev libpcre2-dev
libpango1.0-dev fonts-dejavu-core fonts-noto-color-emoji"
wanted= # where the distribution has it; what needs it is skipped otherwise
case ${1:-} in
"") ;;
test) packages="$packages curl libcmocka-dev libboost-context-dev valgrind python3-numpy python3-venv" wanted=chromium-headless-shell ;;
check) packages="$packages curl libcmocka-dev libboost-context-dev valgrind python3-numpy python3-venv clang libclang-rt-dev clang-format clang-tidy" wanted=chromium-headless-shell ;;
*) echo "setup: \"$1\" should be test or check, or left out" >&2; exit 2 ;;
esac

is_installed() {
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null || true) in
    *" installed") ;;
    *) return 1 ;;
    esac
}
is_offered() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

missing=
for package in $packages; do
    is_installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then # no reason to ask for a password
    [ -n "$wanted" ] && ! is_installed "$wanted" && is_offered "$wanted" && [ "$(id -u)" = 0 ] || exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "setup: these packages are needed, under the names they have here:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup: become root, or install:$missing" >&2; exit 1; }
    as_root=sudo
fi
$as_root apt-get -qq update
if [ -n "$wanted" ] && is_offered "$wanted"; then
    missing="$missing $wanted"
fi
echo "installing:$missing"
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends $missing >/dev/null
