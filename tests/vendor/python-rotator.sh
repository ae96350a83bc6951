#!/bin/sh
# A component of somebody else's toolchain: componentize-py (PyPI) builds a rotator, and `rotabox inspect` has to list what it imports and say
# under which policy it is accepted. Python always imports WASI; nothing of it is ever more than inert.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/python-rotator-venv
wasm=$target/guests/python-rotator.wasm
if ! "$venv/bin/componentize-py" --version >/dev/null 2>&1; then
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check componentize-py==0.25.1; }; then
        [ "${CI:-}" != true ] || { echo "python rotator: pip could not install componentize-py" >&2; exit 1; }
        echo "*** python rotator: NOT CHECKED, pip could not install componentize-py ***" >&2
        exit 0
    fi
fi
mkdir -p "$target/guests"
"$venv/bin/componentize-py" -d guest-sdk/wit -w rotator componentize -p tests/vendor/python-rotator app -o "$wasm" >/dev/null
said=$("$target/debug/rotabox" inspect "$wasm") || { echo "python rotator: inspect does not accept it:"; echo "$said"; exit 1; }
for wanted in 'wasi:filesystem/types@' 'wasi:sockets/tcp@' 'rotabox:rotator/http@0.1.0' 'wasi = "inert"' 'accepted   yes'; do
    case "$said" in
        *"$wanted"*) ;;
        *) echo "python rotator: inspect does not say: $wanted"; echo "$said"; exit 1 ;;
    esac
done
echo "python rotator: inspect lists its imports and says that the policy has to allow an inert WASI"
