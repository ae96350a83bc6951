# make test | make test-real | make demo: each sets up what it needs, on a fresh Debian machine (as root) and on one with rustup and network.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
LINES       := 100000
BUILT       := $(or $(CARGO_TARGET_DIR),target)
# Static, at no fixed address; relocations packed. (Flags of the last step alone: the libraries are those of the dynamic build.)
STATIC       = $(if $(findstring linux-gnu,$(shell rustc -vV)),-C target-feature=+crt-static -C link-arg=-Wl$(COMMA)-z$(COMMA)pack-relative-relocs)
# What a run calls lies together.
ORDERED      = $(if $(findstring linux-gnu,$(shell rustc -vV)),-C linker=runner/link/ordered.sh)
COMMA       := ,

.PHONY: help setup build guests release order dist test vendor browser test-real bench guards demo soak lint advisories clean fuzz fuzz-guided

help:             ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

setup:            ## what a fresh machine needs (Rust, its wasm target, Python)
	@sh tests/setup.sh

build: setup      ## the runner and the stand-ins
	cargo build --workspace --bins

guests: build     ## every rotator, packed, into target/guests
	$(BUILT)/debug/build-guests

release: setup    ## the runner as it is installed: a static release build, target/release/rotabox
	@[ runner/link/functions.txt -ot $(BUILT)/release/rotabox ] || touch runner/src/main.rs
	cargo rustc --release --package rotabox --bin rotabox -- $(STATIC) $(ORDERED)

order: guests     ## writes runner/link/functions.txt anew: which functions a run calls, in their order (needs perf)
	CARGO_PROFILE_RELEASE_STRIP=false cargo rustc --release --target-dir $(BUILT)/order --package rotabox --bin rotabox -- $(STATIC)
	$(BUILT)/debug/rotabox-bench order --rotabox $(BUILT)/order/release/rotabox > $(BUILT)/order/functions.txt
	cp $(BUILT)/order/functions.txt runner/link/functions.txt

dist: guests      ## what is installed: both builds of the runner, the packed rotators and the pages, in dist/
	rm -rf dist
	cargo rustc --release --package rotabox --bin rotabox -- $(ORDERED)
	install -D -m 0755 $(BUILT)/release/rotabox dist/rotabox-dynamic
	$(MAKE) --no-print-directory release
	install -D -m 0755 $(BUILT)/release/rotabox dist/rotabox
	install -D -m 0644 -t dist $(BUILT)/guests/okta.wasm $(BUILT)/guests/rest.wasm
	install -D -m 0644 -t dist/pages guests/rest/pages/*.toml
	cd dist && sha256sum rotabox rotabox-dynamic *.wasm pages/*.toml > SHA256SUMS

test: guests      ## everything that is promised: units, properties, cases against the stand-ins, the vendor's own client
	cargo test --workspace
	$(MAKE) --no-print-directory vendor browser

fuzz: setup       ## bytes from strangers, thrown at every reader: FUZZ_SECONDS (30) for each, others each time unless FUZZ_SEED=n
	ROTABOX_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),30) $(if $(FUZZ_SEED),ROTABOX_FUZZ_SEED=$(FUZZ_SEED)) cargo test --package rotabox-tests --test fuzz -- --nocapture

fuzz-guided: setup ## libFuzzer, led by coverage: TARGET=page_parse (all, if left out), FUZZ_SECONDS (60) for each
	@TARGET="$(TARGET)" FUZZ_SECONDS="$(FUZZ_SECONDS)" sh tests/guided.sh

vendor: build     ## the vendor's own client (PyPI) against the stand-in Okta
	@sh tests/vendor/run.sh
	@sh tests/vendor/python-rotator.sh

browser: build    ## the HTML report in Chromium: a phone, a desk, the dark, paper
	@sh tests/browser/run.sh

test-real: guests ## rotates passwords on real servers: RabbitMQ, OpenBao, Matrix Synapse
	python3 tests/real/run.py

bench: guests release ## measures the release build beside Bash, Python and the published script; ROUNDS=20, MARKDOWN=file
	@sh benches/setup.sh
	$(BUILT)/debug/rotabox-bench compare --rounds $(or $(ROUNDS),20) $(if $(MARKDOWN),--markdown $(MARKDOWN))

guards: guests    ## counts that a busy machine does not move (page faults, system calls, files, memory, instructions), with their budgets
	@sh benches/valgrind.sh
	cargo build --profile quick --package rotabox-happy-path --bins
	cargo rustc --profile quick --package rotabox --bin rotabox -- $(STATIC)
	$(BUILT)/debug/rotabox-bench guards --rotabox $(BUILT)/quick/rotabox \
		$$(command -v valgrind >/dev/null && echo --happy-path $(BUILT)/quick/happy-path)

demo: guests      ## what a PAM admin sees: approve, rehearse, rotate
	@bash tests/demo.sh

soak: guests release ## 100,000 lines through `batch`: plain, with faults, with workers killed (LINES=N for another number)
	cargo build --release --package rotabox-tests --bin soak
	ROTABOX_BIN=$(BUILT)/release/rotabox $(BUILT)/release/soak --lines $(LINES)
	ROTABOX_BIN=$(BUILT)/release/rotabox $(BUILT)/release/soak --lines $(LINES) --faults 100
	ROTABOX_BIN=$(BUILT)/release/rotabox $(BUILT)/release/soak --lines $(LINES) --kills 5000 --as-finished

lint: setup       ## formatting and clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

advisories:       ## open advisories, licences, sources (deny.toml)
	@sh tests/advisories.sh

clean:
	cargo clean
