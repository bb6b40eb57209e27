# Two commands do everything on a fresh machine with Rust, make and git: `make demo` and `make test`.
# Missing system packages are installed where root and apt are there, else they are named and nothing is touched.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto

# One selection of packages and one profile for every call, so that nothing is compiled twice.
BUILD := --release --workspace

WEB_TESTS := node --test $(shell find web -path '*/tests/*' -name '*.test.*js')
BROWSER_TESTS := node --test --test-concurrency=1 tests/browser/*.test.mjs
INTEROP_TESTS := node --test tests/interop/*.test.mjs

.PHONY: help demo test test-web test-browser test-interop faults chaos simulate soak static check layers bench setup setup-test setup-bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: setup ## a call you can watch: server, alice speaks, bob hears; under 10 s once built
	@echo "building (the first time takes some minutes) ..."
	$(CARGO) build $(BUILD) --bins --examples
	@$${CARGO_TARGET_DIR:-target}/release/examples/demo

test: setup-test layers ## every test, those in real time last and alone
	$(CARGO) fmt --all --check
	$(CARGO) build $(BUILD) --bins --examples
	$(CARGO) test $(BUILD) --tests --no-run
	$(CARGO) test $(BUILD) --lib --bins
	$(CARGO) test $(BUILD) --test '*' -- --skip realtime::
	$(CARGO) test $(BUILD) --doc
	$(WEB_TESTS)
	$(CARGO) test $(BUILD) --test realtime -- --test-threads=1 --nocapture
	$(BROWSER_TESTS)
	$(INTEROP_TESTS)

test-web: ## the browser SDK and the console in Node, in virtual time
	$(WEB_TESTS)

test-browser: setup-test ## the tests in real Chromium and Firefox
	$(CARGO) build $(BUILD) --bins --examples
	$(BROWSER_TESTS)

test-interop: setup-test ## other WebRTC stacks publish and play by WHIP and WHEP
	$(CARGO) build $(BUILD) --bins --examples
	$(INTEROP_TESTS)

faults: setup-test ## real faults in network namespaces; prints the table of docs/faults.md (needs root, about 7 min)
	$(CARGO) build $(BUILD) --bins --examples
	$(CARGO) test $(BUILD) --test realtime -- --include-ignored --test-threads=1 --nocapture realtime::faults \
	| tee $${CARGO_TARGET_DIR:-target}/faults.log
	@awk '/^\|/ && !seen[$$0]++' $${CARGO_TARGET_DIR:-target}/faults.log

SEEDS ?= 300
FROM ?= 1
NODES ?= 1
chaos: setup ## bad days in virtual time, held to docs/guarantees.md: make chaos SEEDS=5000 [FROM=1] [NODES=3]
	$(CARGO) build $(BUILD) --bin chaos
	$${CARGO_TARGET_DIR:-target}/release/chaos --seeds $(SEEDS) --from $(FROM) --nodes $(NODES)

SCALE ?= 1
simulate: setup ## 240 nodes and a million users in virtual time, tables and pictures of docs/scale.md: make simulate SCALE=0.1
	$(CARGO) build $(BUILD) --bin simulate
	$${CARGO_TARGET_DIR:-target}/release/simulate --scale $(SCALE) --pictures docs

SECONDS ?= 600
soak: setup ## 1,000 clients on real sockets, a fault every second: make soak SECONDS=600
	$(CARGO) build $(BUILD) --bins
	$${CARGO_TARGET_DIR:-target}/release/soak --seconds $(SECONDS)

# The C library inside, and random bytes by its function: in a static program the crate getrandom does not find that by itself, and takes
# /dev/urandom, which an empty chroot has not.
STATIC_FLAGS := -C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"
STATIC_TARGET := x86_64-unknown-linux-gnu
static: setup-test ## a server that needs nothing beside it, run in an empty chroot (a second full build; needs root)
	RUSTFLAGS='$(STATIC_FLAGS)' CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-target}/static \
	  $(CARGO) build --release --locked -p express-server --target $(STATIC_TARGET)
	$(CARGO) build $(BUILD) --bins --examples
	tests/tools/static_check.sh $${CARGO_TARGET_DIR:-target}/static/$(STATIC_TARGET)/release/express-server \
	  $${CARGO_TARGET_DIR:-target}/release/express-call

check: layers ## format, lints, docs, layers, licences
	@tests/tools/setup.sh build node
	@tests/tools/node_env.sh tests/lint
	$(CARGO) fmt --all --check
	tests/lint/node_modules/.bin/prettier --check "{web,tests/browser,tests/interop,tests/lint}/**/*.{js,mjs,ts}"
	tests/lint/node_modules/.bin/eslint --config tests/lint/eslint.config.mjs web tests/browser tests/interop
	$(CARGO) clippy $(BUILD) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(BUILD) --no-deps
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; \
	else echo "cargo-deny is not installed (cargo install cargo-deny): licences, bans and sources were not checked"; fi

layers: ## which crate may know which
	@tests/tools/layers.sh

bench: setup-bench ## the figures of the README, of docs/capacity.md and of docs/latency-budget.md
	$(CARGO) build $(BUILD) --bins --examples
	$${CARGO_TARGET_DIR:-target}/release/forwarder
	benches/speech.sh
	$${CARGO_TARGET_DIR:-target}/release/express-bench-connect
	benches/playout/run.sh
	benches/voices/run.sh
	$${CARGO_TARGET_DIR:-target}/release/mouth-to-ear --json $${CARGO_TARGET_DIR:-target}/bench/mouth-to-ear.json
	$${CARGO_TARGET_DIR:-target}/release/pump --clips tests/speech --json $${CARGO_TARGET_DIR:-target}/bench/pump.json

setup:
	@tests/tools/setup.sh build

setup-test:
	@tests/tools/setup.sh build test python node browser interop reach
	@tests/tools/node_env.sh tests/browser
	@tests/tools/node_env.sh tests/interop

setup-bench:
	@tests/tools/setup.sh build test python

clean: ## remove what was built
	$(CARGO) clean
