#!/bin/sh
# What a machine needs to build and test this: a C compiler (for ring), Rust with the library of wasm32-unknown-unknown, Python with venv.
# Installs what is missing where that can be done (Debian as root; rustup where it may fetch), and says what to do where it cannot.
set -eu
export DEBIAN_FRONTEND=noninteractive
updated=no

say() { printf 'setup: %s\n' "$*" >&2; }

apt() {
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        say "missing: $*. On Debian, as root: apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    if [ $updated = no ]; then apt-get update -q >/dev/null; updated=yes; fi
    say "installing $*"
    apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

has_target() { [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown/lib" ]; }
has_debian_target() { [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -d "$(cd / && /usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ]; }

command -v cc >/dev/null || apt gcc libc6-dev
command -v cargo >/dev/null || apt cargo-web rustc-web rust-web-src lld
if ! has_target && ! has_debian_target; then
    if command -v rustup >/dev/null && [ "${RUSTUP_AUTO_INSTALL:-1}" != 0 ] && rustup target add wasm32-unknown-unknown; then
        :
    else
        # Debian's second toolchain brings the library as source; rustup's own linker links, or LLVM's
        apt rustc-web cargo-web rust-web-src
        [ -n "$(find "$(rustc --print sysroot)" -name rust-lld -print -quit)" ] || command -v wasm-ld >/dev/null || apt lld
    fi
fi
command -v python3 >/dev/null || apt python3 python3-venv
python3 -c 'import venv, ensurepip' 2>/dev/null || apt python3-venv
command -v chromium >/dev/null || command -v google-chrome >/dev/null || [ "${CI:-}" != true ] || apt chromium
# One test signs with the tool itself, where there is one; the signatures of the others were made by it.
command -v minisign >/dev/null || (apt minisign) || say "minisign is not there; one test does without it"
