# mink: every target that people and CI call. `make help` lists them.
# Nothing here needs more than Go.

GO      ?= go
BIN     ?= bin/mink
SEEDS   ?= 20000
MUTATE  ?= 10m
PKGS    := ./...
RACE    := ./engine/flow/... ./engine/cluster/... ./engine/serve/... ./engine/env/... ./engine/state/... ./engine/job/... ./engine/gateway/... ./engine ./testkit/sim/...
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help
.PHONY: help demo build python test test-all test-flink duckdb suite nightly bench mutate lint fmt fuzz gen accept race soak nexmark sim vet clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | awk -F'\t' '{printf "  %-10s %s\n", $$1, $$2}'

build: ## build the binary into bin/mink
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w -X github.com/minkstream/mink/cli.version=$(VERSION)" -o $(BIN) .

demo: build ## a real streaming job over real data on an embedded three-node cluster
	$(BIN) demo

test: ## everything that needs Go alone, within 5 minutes
	MINK_SEEDS=$(SEEDS) $(GO) test -timeout 10m $(PKGS)

test-all: ## every variant: a million Nexmark events, spilling, many seeds, kills
	MINK_ALL=1 MINK_SEEDS=200000 MINK_SIM_TWICE=1 $(GO) test -timeout 90m $(PKGS)
	$(MAKE) test-flink

test-flink: ## the SQL suite on Apache Flink, from its published jars (Java 17, Maven), compared
	MINK_FLINK=1 $(GO) test -timeout 60m -count=1 -v -run 'TestFlink|TestMistakes' ./testkit/flink

python: ## a Python with pandas and pyarrow in the user's cache, for the tests of functions that use them
	python3 -m venv "$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/python"
	"$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/python/bin/pip" install --quiet pandas pyarrow

duckdb: ## DuckDB from PyPI in the user's cache, another judge of random queries
	@dir="$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/duckdb"; "$$dir/bin/python" -c 'import duckdb' 2>/dev/null || \
	  { python3 -m venv "$$dir" && "$$dir/bin/pip" install --quiet duckdb; }

suite: ## the SQL suite in every way of running, MINK_SEED=n for the same again
	@out=$$(mktemp); MINK_SQL=all $(GO) test -timeout 30m -count=1 -v -run '^Test(SQL|Tapes)$$' ./testkit/sqltest >$$out; code=$$?; \
	  grep -v '^ *--- PASS\|^=== ' $$out; rm -f $$out; exit $$code

nightly: ## five million protocol seeds and the rest of test-all
	MINK_ALL=1 MINK_SEEDS=5000000 MINK_SIM_TWICE=1 $(GO) test -timeout 6h $(PKGS)

sim: ## protocol seeds twice and every planted bug
	MINK_SEEDS=200000 MINK_SIM_TWICE=1 $(GO) test -timeout 30m -count=1 ./testkit/sim/...

nexmark: ## every query at each parallelism and size of batches, and two simulated seeds with a crash
	MINK_NEXMARK_SEEDS=2 $(GO) test -timeout 30m -count=1 -run 'TestThreaded|TestSimulated' ./testkit/nexmark

soak: ## a cluster under steady load for SOAK=30m: nothing may grow; prints the table of docs/reliability.md
	SOAK=$(or $(SOAK),30m) $(GO) test -timeout 24h -count=1 -v -run 'TestSoak' ./testkit/soak

race: ## the race detector over the concurrent packages
	MINK_SEEDS=500 $(GO) test -race -short -timeout 20m $(RACE)

bench: build ## micro-benchmarks with ratios to plain loops, then Nexmark
	$(GO) test -run '^$$' -bench . -benchtime 200ms ./engine/... ./connectors/...
	$(GO) test ./engine/function/scalar -run TestSpeed -speed.list
	$(BIN) bench nexmark --events 10000000 --rate 100000 --parallelism 2 --checkpoint 10s --verify off

mutate: ## break the kernels and scalar functions in small ways, one at a time, and print what no test sees
	$(GO) run ./testkit/mutate -budget $(MUTATE) -tests ./engine/function/scalar ./engine/kernel
	$(GO) run ./testkit/mutate -budget $(MUTATE) ./engine/function/scalar

lint: vet ## vet, staticcheck and minkvet
	$(GO) tool staticcheck $(PKGS)
	$(GO) run ./testkit/vet/minkvet $(PKGS)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run make fmt"; exit 1; }

vet:
	$(GO) vet $(PKGS)

fmt: ## format the Go files
	gofmt -w $$(git ls-files '*.go')

fuzz: ## each fuzz target for 20 seconds, random queries for two minutes each
	@for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | sed 's/func //'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 20s $$p || exit 1; \
	  done; done
	-@$(MAKE) duckdb
	MINK_RANDOM=2m $(GO) test -count=1 -v -run 'TestRandomQueries|TestPartitions|TestRandomChanges|TestDuckDB' ./testkit/sqltest

gen: ## regenerate docs/reference, docs/sql-support.md and generated tables
	$(GO) generate $(PKGS)
	$(GO) run . docs --out docs/reference
	$(GO) run ./testkit/support/supportpage

accept: ## rewrite the expected output of text tests; read the diff
	MINK_ACCEPT=1 $(GO) test ./engine/... ./testkit/... ./cli/...

clean: ## remove what was built
	rm -rf bin
