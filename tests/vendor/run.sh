#!/bin/sh
# The vendor's own client, in a virtual environment of the build, against the stand-in Okta; and what is said as JSON, against its schemas.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/vendor-venv
if ! "$venv/bin/python" -c 'import okta, jsonschema' 2>/dev/null; then
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r tests/vendor/requirements.txt; }; then
        [ "${CI:-}" != true ] || { echo "vendor client: pip could not install it" >&2; exit 1; }
        echo "*** vendor client: NOT CHECKED, pip could not install it ***" >&2
        exit 0
    fi
fi
ROTABOX=$target/debug/rotabox "$venv/bin/python" tests/vendor/schema.py
STAND_IN=$target/debug/stand-in-okta exec "$venv/bin/python" tests/vendor/check.py
