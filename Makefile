# mink: every target that people and CI call. `make help` lists them.
# Nothing here needs more than Go.

GO      ?= go
BIN     ?= bin/mink
SEEDS   ?= 20000
MUTATE  ?= 10m
# Room of the collector in tests: many of them keep little and make much, and at Go's
# default a third of their time, half of it in some packages, is the collector's.
ROOM    ?= 400
# Properties draw the same cases each time where a change is judged, and others in test-all:
# what differs from run to run would blame a change for what it has not done.
ALWAYS  := RAPID_SEED=1
PKGS    := ./...
RACE    := ./engine/flow/... ./engine/cluster/... ./engine/serve/... ./engine/env/... ./engine/state/... ./engine/job/... ./engine/gateway/... ./engine ./testkit/sim/...
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help
.PHONY: help demo build python test test-all test-flink duckdb suite nightly bench mutate lint fmt fuzz gen accept race soak nexmark sim vet clean vuln sbom reproduce release

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | awk -F'\t' '{printf "  %-10s %s\n", $$1, $$2}'

build: ## build the binary into bin/mink
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w -X github.com/minkstream/mink/cli.version=$(VERSION)" -o $(BIN) .

demo: build ## a real streaming job over real data on an embedded three-node cluster
	$(BIN) demo

test: ## everything that needs Go alone, within 5 minutes
	GOGC=$(ROOM) MINK_SEEDS=$(SEEDS) $(ALWAYS) $(GO) test -timeout 10m $(PKGS)

test-all: ## every variant, real services, Apache Flink; testkit/load alone on the machine; says at the end what was skipped and why
	-@$(MAKE) python duckdb
	MINK_ALL=1 MINK_SEEDS=200000 MINK_SIM_TWICE=1 MINK_RANDOM=2m MINK_FLINK=1 SOAK=$(or $(SOAK),6m) \
	  $(GO) tool gotestsum --format pkgname -- -timeout 90m $(filter-out %/testkit/load,$(shell $(GO) list $(PKGS)))
	MINK_ALL=1 $(GO) tool gotestsum --format pkgname -- -timeout 90m ./testkit/load

test-flink: ## the SQL suite on Apache Flink, from its published jars (Java 17, Maven), compared
	MINK_FLINK=1 $(GO) test -timeout 60m -count=1 -v -run 'TestFlink|TestMistakes' ./testkit/flink

python: ## a Python with pandas and pyarrow in the user's cache, for the tests of functions that use them
	python3 -m venv "$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/python"
	"$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/python/bin/pip" install --quiet pandas pyarrow

duckdb: ## DuckDB from PyPI in the user's cache, another judge of random queries
	@dir="$${XDG_CACHE_HOME:-$$HOME/.cache}/mink/duckdb"; "$$dir/bin/python" -c 'import duckdb' 2>/dev/null || \
	  { python3 -m venv "$$dir" && "$$dir/bin/pip" install --quiet duckdb; }

suite: ## the SQL suite in every way of running and random queries, MINK_SEED=n for the same again
	@out=$$(mktemp); GOGC=$(ROOM) MINK_SQL=all MINK_RANDOM=15s $(GO) test -timeout 30m -count=1 -v -run '^Test(SQL|Tapes|CompiledSuite|RandomQueries|RandomChanges|Partitions)$$' ./testkit/sqltest >$$out; code=$$?; \
	  grep -v '^ *--- PASS\|^=== ' $$out; rm -f $$out; exit $$code

nightly: ## five million protocol seeds, 200,000 of the engine, 40,000 queries, 2,000 lists of state, and the rest of test-all
	MINK_ALL=1 MINK_SEEDS=5000000 MINK_SIM_TWICE=1 MINK_ENGINE_SEEDS=200000 MINK_QUERIES=40000 MINK_CASES=100 $(GO) tool gotestsum --format pkgname -- -timeout 6h $(PKGS)
	MINK_LISTS=42 $(GO) test -timeout 2h -count=1 ./engine/state

sim: ## protocol seeds twice, every planted bug, and 200 scenarios with a crash after each of their steps
	MINK_ALL=1 MINK_SEEDS=200000 MINK_SIM_TWICE=1 $(GO) test -timeout 30m -count=1 -skip '^TestShrink$$' ./testkit/sim/...
	MINK_ENGINE_SEEDS=8000 $(GO) test -timeout 30m -count=1 -run TestSimulatedQueries ./testkit/sqltest

nexmark: ## every query at each parallelism and size of batches, and two simulated seeds with a crash
	GOGC=$(ROOM) MINK_NEXMARK_SEEDS=2 $(GO) test -timeout 30m -count=1 -run 'TestThreaded|TestSimulated' ./testkit/nexmark

soak: ## a cluster under steady load for SOAK=30m: nothing may grow; prints the table of docs/reliability.md
	SOAK=$(or $(SOAK),30m) $(GO) test -timeout 24h -count=1 -v -run 'TestSoak' ./testkit/soak

race: ## the race detector over the concurrent packages
	MINK_SEEDS=500 $(ALWAYS) $(GO) test -race -short -timeout 20m $(RACE)

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
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 20s -fuzzminimizetime 10x $$p || exit 1; \
	  done; done
	-@$(MAKE) duckdb
	MINK_FRESH=1 MINK_RANDOM=2m $(GO) test -count=1 -v -run 'TestRandomQueries|TestPartitions|TestRandomChanges|TestDuckDB' ./testkit/sqltest

gen: ## regenerate docs/reference, docs/sql-support.md and generated tables
	$(GO) generate $(PKGS)
	$(GO) run . docs --out docs/reference
	$(GO) run ./testkit/support/supportpage

accept: ## rewrite the expected output of text tests; read the diff
	MINK_ACCEPT=1 $(GO) test ./engine/... ./testkit/... ./cli/...

vuln: ## holes that are known in what the program calls; asks vuln.go.dev
	@out=$$($(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(PKGS) 2>&1); code=$$?; echo "$$out"; \
	  case "$$out" in *"dial tcp"*|*"no such host"*|*"fetching vulnerabilities"*|*"proxyconnect"*) \
	    echo "NOTHING WAS CHECKED: the database at vuln.go.dev cannot be reached from here (GOVULNDB names another)"; exit 2;; esac; exit $$code

sbom: build ## what is in the binary, as CycloneDX, into bin/mink.cdx.json
	$(GO) run ./testkit/release sbom $(BIN) > $(BIN).cdx.json

reproduce: ## build twice, in two folders and from nothing, and compare the bytes
	$(GO) run ./testkit/release twice -version $(VERSION)

release: ## binaries for four systems into bin/release, each with its bill of materials, and SHA256SUMS, signed with MINK_SIGNING_KEY
	@rm -rf bin/release && mkdir -p bin/release
	for t in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do o=bin/release/mink-$${t%/*}-$${t#*/}; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/minkstream/mink/cli.version=$(VERSION)" -o $$o . || exit 1; \
	  $(GO) run ./testkit/release sbom $$o > $$o.cdx.json || exit 1; done
	cd bin/release && $(GO) run ../../testkit/release sums mink-* > SHA256SUMS
	@if [ -n "$$MINK_SIGNING_KEY" ]; then $(GO) run ./testkit/release sign "$$MINK_SIGNING_KEY" bin/release/SHA256SUMS && echo "signed: bin/release/SHA256SUMS.sig"; \
	  else echo "NOT SIGNED: MINK_SIGNING_KEY names no file with a key (ssh-keygen -t ed25519)"; fi

clean: ## remove what was built
	rm -rf bin
