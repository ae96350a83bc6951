#!/bin/sh
# libFuzzer over one target: `make fuzz-guided TARGET=page_parse FUZZ_SECONDS=600`. Without a TARGET, all of them one after the other.
# What it finds out about a target stays in target/fuzz/corpus; an input that fails is written to target/fuzz.
set -eu
cd "$(dirname "$0")/.."
out="${CARGO_TARGET_DIR:-target}"
mkdir -p "$out/fuzz/corpus"
if ! command -v c++ >/dev/null; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "missing: a C++ compiler (on Debian, as root: apt-get install g++)" >&2; exit 1; }
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends g++ >/dev/null
fi
RUSTC_WORKSPACE_WRAPPER="$PWD/tests/counters.sh" cargo build --package rotabox-tests --features guided --bin guided
for target in ${TARGET:-$(ls tests/fuzz)}; do
    mkdir -p "$out/fuzz/corpus/$target"
    echo "$target"
    ROTABOX_FUZZ_TARGET="$target" "$out/debug/guided" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=30 -rss_limit_mb=4096 -max_len=16384 \
        -print_final_stats=1 -artifact_prefix="$out/fuzz/$target-" "$out/fuzz/corpus/$target" "tests/fuzz/$target"
done
