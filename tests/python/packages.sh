#!/bin/sh
# The Python packages that some tests use, in an environment of their own below the user's cache, which all checkouts share: with no
# argument makes it where it is missing, with arguments runs its Python with them, or says why not and ends with 77 (skipped).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3 # the distribution's, where there is one
[ -x "$python" ] || python=python3
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || { echo "skipped: there is no Python"; exit 77; }
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lmvr
environment=$cache/tests-python$version-$(cksum <"$here/requirements.txt" | cut -d' ' -f1)

if [ $# -gt 0 ]; then
    [ -e "$environment/complete" ] || { echo "skipped: the packages of tests/python/requirements.txt are missing, which make setup-test installs"; exit 77; }
    exec "$environment/bin/python" "$@"
fi

mkdir -p "$cache"
exec 9>"$environment.lock"
flock 9 # two checkouts at once
if [ ! -e "$environment/complete" ]; then
    echo "installing the Python packages of tests/python/requirements.txt in $environment"
    rm -rf "$environment"
    # Wheels alone, and all of them named with their versions: nothing is compiled or searched for.
    if ! { "$python" -m venv "$environment" && "$environment/bin/pip" --disable-pip-version-check install --quiet --retries 1 \
        --timeout 20 --only-binary :all: --no-deps --no-compile -r "$here/requirements.txt"; } >"$environment.log" 2>&1; then
        echo "the tests that need them are skipped, since that failed: $(tail -n 1 "$environment.log")"
        rm -rf "$environment"
        exit 0
    fi
    touch "$environment/complete"
fi
touch "$environment"
find "$cache" -maxdepth 1 -name 'tests-python*' -mtime +30 -exec rm -rf {} + # those of requirements that no checkout has any more
