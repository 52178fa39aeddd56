# Everything that a newcomer needs is `make demo` and `make test`; nothing has to be done by hand before.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/ringfence/target
CARGO ?= cargo
FUZZ_SECONDS ?= 1800
SCHEMA_EXAMPLES ?= 30

.PHONY: here demo serve test compat compat-tests schema-test science science-test bench fuzz guests lint fmt

# Clones share the cache of compiled code, and cargo knows what is stale by times alone: an older clone would get the
# program of a newer one. So whoever comes from another clone builds our own code anew.
here:
	@mkdir -p "$(CARGO_TARGET_DIR)"
	@test "$$(cat "$(CARGO_TARGET_DIR)/clone" 2>/dev/null)" = "$(CURDIR)" || find src tests benches -name '*.rs' -exec touch {} +
	@echo "$(CURDIR)" > "$(CARGO_TARGET_DIR)/clone"

demo: here guests ## Build all and show the main job from end to end
	$(CARGO) build --release --locked
	./demo/run "$(CARGO_TARGET_DIR)/release/ringfence"

serve: here ## The HTTP service on loopback, with a data folder of its own
	$(CARGO) build --release --locked
	"$(CARGO_TARGET_DIR)/release/ringfence" serve

test: here guests compat-tests ## The whole suite
	$(CARGO) test --locked --bench engine --bench fences --bench figures
	$(CARGO) test --locked

compat-tests: ## The tests of CPython and of ECMA-262, outside of the tree, quick when they are there
	python3 tests/compat/run.py --fetch
	python3 tests/compat/test262.py --fetch

compat: here guests ## The list of docs/compatibility.md, written anew
	$(CARGO) build --release --locked
	tests/compat/run.py "$(CARGO_TARGET_DIR)/release/ringfence"
	tests/compat/test262.py "$(CARGO_TARGET_DIR)/release/ringfence"

schema-test: here guests ## schemathesis, with all of its checks, against the document that the service serves
	$(CARGO) build --locked
	tests/schemathesis/run.py "$(CARGO_TARGET_DIR)/debug/ringfence" --checks all --max-examples $(SCHEMA_EXAMPLES)

bench: here guests ## The figures of docs/performance.md
	$(CARGO) bench --locked

science: here ## The runtime with numpy and pandas, for this user (docs/runtimes.md)
	$(CARGO) build --release --locked
	guests/science.py "$(CARGO_TARGET_DIR)/release/ringfence"

science-test: here guests ## Snippets for it, each with its answer
	tests/science/run.py "$(CARGO_TARGET_DIR)/release/ringfence"

fuzz: here guests ## Random modules through the whole path, and changed audit logs, for FUZZ_SECONDS
	RINGFENCE_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --locked --release --test ringfence fuzz:: -- --nocapture

guests: ## The sample programs, quick when nothing changed
	python3 guests/build.py

lint: here
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; else echo "cargo-deny is not installed: licences and advisories were not checked"; fi

fmt:
	$(CARGO) fmt
