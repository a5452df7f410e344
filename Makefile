# ordertrace: `make demo` shows it at work, `make test` proves it. `make help` lists the rest.
SHELL        := /bin/bash -o pipefail
.SHELLFLAGS  := -eu -c
.DEFAULT_GOAL := help

# One set of flags for everything: a second one would compile every dependency twice.
export GOTOOLCHAIN := local
export CGO_ENABLED := 0
export GOFLAGS     := -buildvcs=false -trimpath -tags=remove_all_sd

BIN      := $(CURDIR)/bin
TOOLS    := $(CURDIR)/.cache/tools
SERVERS  := $(CURDIR)/.cache/bin
LDFLAGS  := -s -w
OURS     := ./receiver/... ./processor/... ./connector/... ./extension/... ./converter/... ./instrumentation/... ./internal/... ./cmd/... ./examples/... ./distro/presets/...

GOTESTSUM = $(TOOLS)/gotestsum --format=$(if $(V),standard-verbose,pkgname-and-test-fails) --

##@ The two that matter
.PHONY: demo test
demo: build servers ## Run the shop through the collector into Jaeger, Prometheus, Alertmanager (DEMO_SECONDS=120: unattended)
	$(BIN)/demo

test: START := $(shell date +%s)
test: servers tools build check-generated lint unit race script e2e ## All tests, with real servers; installs what it needs
	@echo "make test: everything passed in $$(( ($$(date +%s) - $(START)) / 60 )) min $$(( ($$(date +%s) - $(START)) % 60 )) s"

##@ Build
.PHONY: build generate check-generated servers tools
build: ## The collector, the operator's tool, the shop and the demo, into bin/
	@echo "building bin/ (the first time takes minutes: the collector has 1,500 packages)"
	@mkdir -p $(BIN)
	go build -ldflags='$(LDFLAGS)' -o $(BIN)/otelcol-ordertrace ./distro/otelcol-ordertrace
	go build -ldflags='$(LDFLAGS)' -o $(BIN)/ ./cmd/ordertrace ./examples/shop ./examples/demo

generate: tools ## Everything generated: ocb's main, mdatagen's metadata, reference pages, alert rules and dashboards
	tools/generate.sh

check-generated: tools ## Fail when generated code is stale
	tools/check-generated.sh

servers: ## Jaeger, Prometheus, Alertmanager into .cache/bin; from Debian (root) RabbitMQ, PostgreSQL and its exporter, Redis, gcc
	tools/backends.sh

tools: $(TOOLS)/.stamp ## The developer's tools, as tools/go.mod pins them
$(TOOLS)/.stamp: tools/go.mod tools/go.sum
	@echo "building the developer's tools (once, some minutes)"
	@mkdir -p $(TOOLS)
	cd tools && GOFLAGS=-buildvcs=false GOBIN=$(TOOLS) go install -trimpath tool
	@touch $@

##@ Test
.PHONY: lint unit race script e2e fuzz
lint: tools ## golangci-lint and go vet
	go vet ./...
	$(TOOLS)/golangci-lint run

unit: tools ## Unit, golden, property and hygiene tests
	$(GOTESTSUM) $(shell go list ./... | grep -v /test/script)

race: tools ## The same packages under the race detector
	CGO_ENABLED=1 $(GOTESTSUM) -race $(OURS)

script: tools build ## txtar scripts against the real binaries
	$(GOTESTSUM) ./test/script/...

e2e: tools build servers ## Real RabbitMQ, PostgreSQL, Redis, Jaeger, Prometheus, Alertmanager
	$(GOTESTSUM) -tags=remove_all_sd,e2e -timeout=20m -count=1 ./test/e2e/...

SEEDS ?= 1000
.PHONY: oracle mutants replay pii-report
oracle: ## Verdicts against an offline oracle over SEEDS histories: 0 differences; half an hour without telemetry: 0 false lost
	go test ./connector/slametrics -count=1 -run='^TestOracle$$|^TestAnOutageOfHalfAnHour' -v -seeds=$(SEEDS)

mutants: ## Planted bugs: each must turn the oracle red
	go test -tags=remove_all_sd,mutants ./connector/slametrics -count=1 -run=Mutant -v -timeout=30m

replay: ## Three tables: how many spans know their order; spans in = out, over kills too; what it costs beside peers
	go test ./test/replay ./test/bench/enrich -p=1 -count=1 -v

pii-report: ## The canary matrix (detector × field × signal) and the accuracy table
	go test ./processor/piiredact ./processor/piiredact/internal/redact -count=1 -run='Canary|Accuracy|Corpora|OrdinaryTelemetry' -v

FUZZTIME ?= 20s
fuzz: ## Every fuzz target for FUZZTIME each
	tools/fuzz.sh $(FUZZTIME)

##@ Measure
.PHONY: bench
bench: build ## Benchmarks beside the code, against peers, and of the whole collector (start, RSS, CPU per span)
	go test -run='^$$' -bench=. -benchmem $(OURS) ./test/bench/...
	go test ./test/bench/enrich ./test/bench/redact ./test/bench/sla -p=1 -count=1 -run='CostTable|CheckpointTable' -v
	go run ./test/bench/collector

##@ House
.PHONY: help clean
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

clean: ## Remove what was built here (not the caches of Go)
	rm -rf bin out .cache
