#!/bin/sh
# Opens the HTML report of `inspect` in a real browser (Chromium, headless): a phone, a desk, the dark, paper. It asks for nothing over a network.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    [ "${CI:-}" != true ] || { echo "browser: there is no Chromium; tests/setup.sh installs it" >&2; exit 1; }
    echo "*** browser: NOT CHECKED, there is no Chromium ***" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
ROTABOX=$target/debug/rotabox BROWSER=$browser python3 tests/browser/check.py "$folder"
