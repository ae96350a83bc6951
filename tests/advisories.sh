#!/bin/sh
# Advisories, licences, bans and sources by deny.toml. The advisory database is a public git repository: where it cannot be reached this says so,
# plainly, and checks the rest.
set -eu
cd "$(dirname "$0")/.."
if ! command -v cargo-deny >/dev/null; then
    echo "*** advisories: NOT CHECKED: cargo-deny is not installed (cargo install --locked cargo-deny) ***" >&2
    exit 0
fi
cargo deny --workspace check bans licenses sources
if cargo deny --workspace fetch db >/dev/null 2>&1; then
    cargo deny --workspace check advisories
else
    echo "*** advisories: NOT CHECKED: the advisory database cannot be reached from here ***" >&2
fi
