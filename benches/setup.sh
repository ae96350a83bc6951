#!/bin/sh
# A virtual environment of the build with what the compared scripts import, and the tools that the Bash one calls.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/bench-venv
for tool in bash curl jq python3; do
    command -v $tool >/dev/null || { echo "bench: $tool is missing. On Debian, as root: apt-get install -y bash curl jq python3 python3-venv" >&2; exit 1; }
done
if ! "$venv/bin/python" -c 'import okta, requests' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r benches/requirements.txt
fi
