# Everything that is needed is fetched at the versions named in go.mod and here.

GOTESTSUM_VERSION   := v1.13.0
STATICCHECK_VERSION := v0.8.2
GREMLINS_VERSION    := v0.6.0

TOOLS := $(CURDIR)/.cache/bin
FLAGS := -ldflags "-s -w"
BIN   := bin

.PHONY: all build release worker demo demo-live demo-flink flink needs test test-flink test-flink-long test-kinesis test-bigquery-clients lint lint-sql bench bench-state bench-stream bench-bigquery bench-flink bench-go fuzz mutate docs golden clean

all: build

## build: the command line and the worker of remote runners, in bin/
build: worker
	go build $(FLAGS) -o bin/flexbeam ./cmd/flexbeam

## release: the worker of remote runners, the same bytes wherever it is built with this Go version, and its SHA-256
release: worker
	sha256sum $(BIN)/flexbeam-worker

worker:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false $(FLAGS) -o $(BIN)/flexbeam-worker ./cmd/flexbeam-worker

## demo: the main job on the sample day, with transcripts from a local Twilio, then some answers from its tables
demo:
	@go build $(FLAGS) -o bin/flexbeam ./cmd/flexbeam
	@demo/run.sh

## demo-live: half a day streamed through a local Kinesis in a minute, the job killed twice, then compared with a batch
demo-live:
	@go build $(FLAGS) -o bin/flexbeam ./cmd/flexbeam
	@demo/live.sh

## demo-flink: a day streamed through a local Kinesis and a real Flink in a minute, a TaskManager killed, then compared with a batch
demo-flink:
	@go build $(FLAGS) -o bin/flexbeam ./cmd/flexbeam
	@demo/flink.sh

## flink: a real Flink cluster on this machine, to run jobs on; downloads it once
flink: build
	bin/flexbeam local flink

## needs: says what make test needs and what of it is missing, and compiles nothing
needs:
	@tools/needs.sh

## test: what it needs, then lint, then all tests, with a closing summary; those on Flink last
test: needs
	@$(MAKE) --no-print-directory lint $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
	@$(MAKE) --no-print-directory test-flink
	$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION) --format pkgname-and-test-fails --packages ./... -- -timeout 30m

## test-flink: jobs on a real Flink cluster on this machine: a replay, a stream through kills, a savepoint; downloads Flink once
test-flink: $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
	$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION) --format testname --packages ./pipeline -- -tags flink -run Flink -count 1 -timeout 20m

## test-flink-long: the same with kills of every process, workers as they are released, RocksDB, batch mode; takes half an hour
test-flink-long: $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
	$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION) --format testname --packages ./pipeline -- -tags flink,flinklong -run Flink -count 1 -timeout 60m

## test-kinesis: the Kinesis source against all servers; compiles one of them once, which takes minutes
test-kinesis: $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
	FLEXBEAM_TEST_KINESIS=all $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION) --format pkgname-and-test-fails --packages "./internal/testkit/kinesistest/... ./internal/testkit/kinesisfake/... ./pipeline/io/kinesisio/... ./pipeline/source/kinesis/..." -- -count 1 -timeout 60m

## test-bigquery-clients: Google's Python clients against the local BigQuery, cell by cell against DuckDB; fetches them once
CLIENTS      := $(CURDIR)/.cache/bigquery-clients
REQUIREMENTS := pipeline/sink/bigquery/testdata/clients/requirements.txt
test-bigquery-clients: $(CLIENTS)/installed
	FLEXBEAM_TEST_PYTHON=$(CLIENTS)/bin/python go test -count 1 -v -tags bigqueryclients -run GooglesPythonClients ./pipeline/sink/bigquery

$(CLIENTS)/installed: $(REQUIREMENTS)
	python3 -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $(REQUIREMENTS)
	@touch $@

## lint: gofmt, vet and staticcheck
lint: $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags flink,flinklong ./pipeline ./internal/testkit/flinklocal
	$(TOOLS)/staticcheck-$(STATICCHECK_VERSION) ./...

## lint-sql: analyses the SQL for BigQuery offline; the first build takes minutes and 7 GB of memory
lint-sql:
	cd tools && go test ./lint-sql && go run ./lint-sql ../pipeline/sink/bigquery/testdata/statements.sql ../docs/bigquery.md

## bench: the whole program on 100k, 1M and 3M events, beside the same question in DuckDB SQL
bench: build
	go run ./bench

## bench-state: the program that compares places for the state of a stream, in a module of its own, once its tests pass
bench-state:
	cd bench/state && go vet ./... && go test ./... && go build -o ../../bin/bench-state .

## bench-stream: a live stream from a local Kinesis into DuckDB: places for its state, catching up, rates, latency, memory over 15 minutes
bench-stream: build bench-state
	go run ./bench/stream

## bench-bigquery: the BigQuery sink beside plain appends, and a backfill of a million rows, against the local BigQuery
bench-bigquery:
	go run ./bench/bigquery

## bench-flink: jobs on a real Flink beside Prism: catching up, recovery; -minutes for memory over time
bench-flink: build
	go run ./bench/flink $(BENCH)

## bench-go: the benchmarks of the packages
bench-go:
	go test -run '^$$' -bench . -benchmem ./...

## fuzz: every fuzz target for FUZZTIME
FUZZTIME ?= 30s
fuzz:
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

## mutate: mutants of the folds, and which of them their tests let live; takes half an hour
FOLDS := engagement agent agentstatus customer
mutate: $(TOOLS)/gremlins-$(GREMLINS_VERSION)
	@for p in $(FOLDS); do \
		$(TOOLS)/gremlins-$(GREMLINS_VERSION) unleash --workers 1 --timeout-coefficient 20 --threshold-efficacy 95 ./transforms/$$p || failed=1; \
	done; [ -z "$$failed" ]

## docs: the documents that are generated
docs:
	go run ./cmd/flexbeam schema docs > docs/model.md

## golden: writes the golden files anew; look at the difference before you commit it
golden:
	go test $$(git grep --untracked -lE 'flag\.Bool\("update"' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's,^,./,') -update
	FLEXBEAM_GOLDEN=update go test $$(git grep --untracked -lE 'testkit/golden"' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's,^,./,') -run 'Encoded|AsItWas|AsTheyWere|Graphs'

clean:
	rm -rf bin out .cache

$(TOOLS)/gotestsum-$(GOTESTSUM_VERSION):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)
	@mv $(TOOLS)/gotestsum $@

$(TOOLS)/staticcheck-$(STATICCHECK_VERSION):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv $(TOOLS)/staticcheck $@

$(TOOLS)/gremlins-$(GREMLINS_VERSION):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/go-gremlins/gremlins/cmd/gremlins@$(GREMLINS_VERSION)
	@mv $(TOOLS)/gremlins $@
