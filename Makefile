# The house's verbs. `make help` lists them; tools/ has the scripts they call.
# Nothing but Go is needed to build and run; `make test` says what it installs.

SHELL := bash
GO ?= go
TOOL = $(FLAGS) $(GO) tool -modfile=tools/go.mod
# Go itself stamps the release or the commit into the binary: tocsin version.
# timetzdata: a time zone of the site file is known on a machine without tzdata.
FLAGS = CGO_ENABLED=0 GOFLAGS='-trimpath -tags=timetzdata'

ARGS ?=
COUNT ?= 6
BENCH ?= .
FUZZTIME ?= 60s
SOAKTIME ?= 24h
POSTGRES_MAJORS ?= /var/tmp/tocsin-postgres
RABBITMQ_4 ?= /var/tmp/tocsin-rabbitmq-4

.DEFAULT_GOAL := help
.PHONY: compat-node compat-postgres compat-probes compat-rabbitmq compat-rabbitmq-4 drama-postgres probe-certificates help build run dist test lint fmt generate bench fuzz soak clean packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/tocsin: one static, stripped binary for this machine
	$(FLAGS) $(GO) build -ldflags '-s -w' -o bin/tocsin ./cmd/tocsin

run: build ## build, and watch this machine; ARGS='--config site.yml' watches a site
	@exec bin/tocsin run $(ARGS)

dist: ## dist/tocsin-linux-amd64 and -arm64, with their checksums
	@mkdir -p dist
	@set -e; for arch in amd64 arm64; do \
		echo "dist/tocsin-linux-$$arch"; \
		$(FLAGS) GOOS=linux GOARCH=$$arch $(GO) build -ldflags '-s -w' -o dist/tocsin-linux-$$arch ./cmd/tocsin; \
	done
	cd dist && sha256sum tocsin-linux-amd64 tocsin-linux-arm64 > SHA256SUMS

test: ## everything that must hold: generated files, lint, builds, all tests with -race; PARTS='lint build' runs some
	@tools/test.sh $(PARTS)

packages: ## install the Debian packages that the tests need, their services not started
	@tools/packages.sh

lint: ## the linters alone
	$(TOOL) golangci-lint run --allow-parallel-runners ./...

fmt: ## format the code, and write what is generated
	$(TOOL) golangci-lint fmt ./...
	$(GO) generate ./...

drama-postgres: ## a primary and its standby: cut off, promoted, two primaries, rejoined; the alerts with their times
	@$(GO) test -run TestReplicationDrama -v -count 1 -timeout 15m ./internal/app

bench: ## all benchmarks, COUNT times each, in benchstat's format; BENCH='Page' runs some
	@$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 2h ./...

compat-node: ## our page against a real node_exporter's, name by name, here and on machines made of files
	$(GO) test ./exporters/host -run 'equal.*NodeExporter|differs|Differen' -count 1 -v | grep -v level=

compat-postgres: ## our page against postgres_exporter's, name by name: 0.20.1 as recorded, Debian's on the same server; all majors from 10 to 18
	tools/postgres-majors.sh $(POSTGRES_MAJORS)
	TOCSIN_POSTGRES_MAJORS=$(POSTGRES_MAJORS) $(GO) test ./exporters/postgres/... -run 'Reference|Debian|Majors|Older' -count 1 -v | grep -vE 'level=|LOG:|^=== RUN'

compat-rabbitmq: ## our page against that of the plugin rabbitmq_prometheus on the same broker, in both modes, name by name
	$(GO) test ./exporters/rabbitmq -run Compat -count 1 -v

compat-rabbitmq-4: ## the same, and all that is tried on a real broker, with the RabbitMQ 4 of Debian 13, unpacked into a folder (root)
	tools/rabbitmq-4.sh $(RABBITMQ_4)
	TOCSIN_RABBITMQ_TREE=$(RABBITMQ_4) $(GO) test ./exporters/rabbitmq/... -run 'Compat|Real|real' -count 1 -p 1 -v | grep -vE 'level=|^=== RUN'

compat-probes: ## the same modules and targets through Debian's blackbox_exporter and ours, series by series; what differs, and why, at the end
	$(GO) test ./probes -run 'TestNames|TestBlackbox|TestModule' -count 1 -v
	@set -o pipefail; $(GO) test ./probes -run 'TestCompat' -count 1 -v | grep -v '^=== RUN\|^    --- PASS\|^        --- PASS'
	$(GO) test ./probes/blackbox -run TestKeys -count 1 -v

probe-certificates: ## docs/probes/certificates.md: what blackbox_exporter and we say of each bad certificate, as nginx serves it
	$(GO) test ./probes -run TestCertificateTable -count 1 -update

fuzz: ## every fuzz target for FUZZTIME each
	@tools/fuzz.sh $(FUZZTIME)

soak: ## a day of measurements compressed, then the whole program for SOAKTIME: memory flat, disk a day stated
	TOCSIN_SOAK=$(SOAKTIME) $(GO) test -run TestSoak -tags soak -count 1 -p 1 -v -timeout 26h ./alerts/engine ./internal/app

clean: ## remove what was built
	rm -rf bin dist
