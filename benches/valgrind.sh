#!/bin/sh
# callgrind counts instructions: in CI it has to be there, elsewhere it is better so.
set -eu
command -v valgrind >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null
    apt-get install -q -y --no-install-recommends valgrind >/dev/null && exit 0
fi
[ "${CI:-}" != true ] || { echo "guards: valgrind is missing" >&2; exit 1; }
echo "*** guards: instructions are NOT COUNTED, valgrind is missing (on Debian, as root: apt-get install -y valgrind) ***" >&2
