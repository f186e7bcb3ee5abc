# Everything a person or CI does, as targets; `make` alone prints them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help \
	install \
	demo \
	kafka \
	stop \
	status \
	reset \
	doctor \
	test \
	test-serverless \
	test-sentiment \
	test-loaded \
	check \
	format \
	contracts \
	fuzz \
	fuzz-files \
	fuzz-trades \
	check-cases \
	lock \
	wheel \
	wheel-test \
	parity-loaded \
	parity-news \
	bench-spine \
	bench-start \
	bench-healing \
	bench-stream \
	bench-stream-lock \
	bench-features \
	bench-vectors \
	bench-news \
	bench-online \
	bench-train \
	bench-inference \
	bench-backtest \
	bench-backtest-lock \
	chaos-stream \
	chaos-collect \
	chaos-demo \
	chaos-news \
	clean \
	demo-test \
	bench-store \
	bench-arms \
	bench-ready \
	bench-copy \
	bench-broker \
	bench-recording \
	fuzz-parsers \
	bench-duplicates \
	bench-sentiment

help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Options of demo: DATA=FILE BESIDE=FILES HISTORY=FILE FROM=TIME TO=TIME SPEED=N|max SEED=N SOURCE=live|mirror|simulated INSTRUMENT=NAME NO_TRADE=MINUTES KAFKA=apache"
	@echo "  Options of kafka: NODES=1|3 PORT=N"

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Driftline needs CPython 3.11, 3.12 or 3.13; $(PYTHON) is " + sys.version.split()[0] + ". Say PYTHON=python3.11, for instance.")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.lock pyproject.toml $(VENV)/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/driftline compile
	@touch $@

$(VENV)/.developing: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

install: $(VENV)/.installed ## Create the virtual environment and install what running needs

demo: $(VENV)/.installed ## Install, start everything, and print the URL (stays in the foreground; Ctrl-C ends it)
	@$(if $(KAFKA),DRIFTLINE_KAFKA="$(KAFKA)") $(if $(INSTRUMENT),DRIFTLINE_INSTRUMENT="$(INSTRUMENT)") $(if $(NO_TRADE),DRIFTLINE_NO_TRADE_MINUTES="$(NO_TRADE)") $(BIN)/driftline up $(if $(DATA),--data "$(DATA)") $(foreach file,$(BESIDE),--data "$(file)") $(if $(HISTORY),--history "$(HISTORY)") $(if $(NEWS),--news "$(NEWS)") $(if $(NEWS_DELAY),--news-delay "$(NEWS_DELAY)") \
		$(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") $(if $(SPEED),--speed "$(SPEED)") $(if $(SEED),--seed "$(SEED)") $(if $(SOURCE),--source "$(SOURCE)")

kafka: $(VENV)/.installed ## Run Apache Kafka in the foreground (needs Java 17 and Maven, or Docker)
	@$(BIN)/driftline kafka $(if $(NODES),--nodes $(NODES)) $(if $(PORT),--port $(PORT))

stop: $(VENV)/.installed ## Stop a running demo
	@$(BIN)/driftline stop

status: $(VENV)/.installed ## What runs, with its memory and restarts
	@$(BIN)/driftline status

reset: $(VENV)/.installed ## Delete what the demo stored in .driftline
	@$(BIN)/driftline reset

doctor: $(VENV)/.installed ## Check the machine, and say what to do
	@$(BIN)/driftline doctor

test: $(VENV)/.developing ## Run the tests, those on the embedded servers included
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-serverless: $(VENV)/.developing ## The tests that need no servers (PYTHON=python3.13 VENV=build/python3.13 for another version)
	$(BIN)/python -m pytest tests/unit tests/properties tests/contract -m "not servers and not kafka and not loaded and not gpu and not torch" $(PYTEST_ARGS)

build/sentiment/.installed: requirements-sentiment.lock requirements-dev.lock $(VENV)/.developing
	@rm -rf build/sentiment && mkdir -p build
	@$(BIN)/uv venv --quiet --python $(BIN)/python build/sentiment
	@began=$$(date +%s); \
	$(BIN)/uv pip install --quiet --no-cache --python build/sentiment/bin/python --require-hashes \
		-r requirements-sentiment.lock -r requirements-dev.lock && \
	echo "torch, transformers and MiniLM were installed in $$(($$(date +%s) - began)) s, $$(du -sh build/sentiment | cut -f1)"
	@touch $@

test-sentiment: build/sentiment/.installed ## The tests of training and export, with torch in an environment of its own
	build/sentiment/bin/python -m pytest -m torch tests/unit/trainers/sentiment $(PYTEST_ARGS)

test-loaded: $(VENV)/.developing ## The tests of servers and processes beside two busy processes (RUNS=5 BUSY=2)
	@$(BIN)/python -m tests.loading

check: $(VENV)/.developing ## Run ruff, mypy strict and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developing ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

contracts: $(VENV)/.developing ## Write the JSON Schemas and the AsyncAPI document, unless that breaks a promise
	$(BIN)/python -m schemas.contracts

build/fuzz/.installed:
	@rm -rf build/fuzz/atheris && mkdir -p build/fuzz
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target build/fuzz/atheris "atheris>=3,<4"
	@touch $@

fuzz: $(VENV)/.developing build/fuzz/.installed ## Fuzz the codec with atheris (Linux; SECONDS=60)
	@SECONDS=$(or $(SECONDS),60) $(BIN)/python -m tests.fuzzing

fuzz-files: $(VENV)/.developing ## Read N faulty files of candles of every form (N=1000 FIRST=0 SHOW=1)
	@N=$(or $(N),1000) FIRST=$(or $(FIRST),0) SHOW=$(SHOW) $(BIN)/python -m tests.fuzzing.files

fuzz-trades: $(VENV)/.developing ## Read N faulty files of trades of every form (N=1000)
	@$(BIN)/python -m tests.fuzzing.trade_files $(or $(N),1000)

fuzz-parsers: $(VENV)/.developing ## Give every parser of outside payloads mutated ones (SECONDS=60 FIRST=0 N=1 PARSERS=kraken,news)
	@SECONDS=$(or $(SECONDS),60) FIRST=$(FIRST) N=$(N) PARSERS=$(PARSERS) $(BIN)/python -m tests.fuzzing.parsers

check-cases: $(VENV)/.developing ## Print what inspect, evaluate and up say of each recorded case, and whether they agree
	@$(BIN)/python -m tests.agreement

lock: $(VENV)/.developing ## Renew the locks from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --constraint requirements.lock --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --constraint requirements.lock --extra sentiment pyproject.toml -o requirements-sentiment.lock

wheel: $(VENV)/.developing ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

wheel-test: wheel ## Install the wheel into an empty environment and run its command
	$(BIN)/python tests/packaging/wheel_in_empty_environment.py dist

demo-test: $(VENV)/.installed ## Run the demo where only its owner may enter, as root and as an ordinary user
	$(BIN)/python tests/packaging/demo_in_private_folder.py

bench-spine: $(VENV)/.developing ## Ticks/s through the whole spine and prediction latency
	$(BIN)/python -m tests.benchmarks.spine

bench-start: $(VENV)/.developing ## Time to the first prediction and memory (MINUTES=60 watches it grow; SOURCE=mirror)
	@SOURCE="$(SOURCE)" $(BIN)/python -m tests.benchmarks.starting

bench-healing: $(VENV)/.developing ## Seconds to heal after each process is killed with -9
	$(BIN)/python -m tests.benchmarks.healing

bench-stream: $(VENV)/.developing ## Ours, Kafka Streams, Faust, quix-streams and bytewax on one job on Apache Kafka (PARTS=, PEERS=, ROWS=, REPEATS=, INSTRUMENTS=, QUICK=1)
	$(BIN)/python -m tests.benchmarks.stream

bench-stream-lock: $(VENV)/.developing ## Renew the locks of the peers' environments
	@for peer in faust quix bytewax kafka-streams; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --upgrade tests/benchmarks/stream/peers/locks/$$peer.in \
			-o tests/benchmarks/stream/peers/locks/$$peer.txt || exit 1; done

bench-train: $(VENV)/.developing ## Retraining beside XGBoost alone, features and a year's backtest beside their peers (PARTS=, PEERS=, MINUTES=)
	$(BIN)/python -m tests.benchmarks.training

bench-inference: $(VENV)/.developing ## One row through every kind of model, native and ONNX, and its explanation (KINDS=, ROUNDS=)
	$(BIN)/python -m tests.benchmarks.inference

bench-backtest: $(VENV)/.developing ## A year of minutes backtested, beside vectorbt and backtesting.py (PEERS=, MINUTES=)
	$(BIN)/python -m tests.benchmarks.backtests

bench-backtest-lock: $(VENV)/.developing ## Renew the locks of these peers' environments
	@for peer in vectorbt backtesting; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --upgrade tests/benchmarks/backtests/peers/locks/$$peer.in \
			-o tests/benchmarks/backtests/peers/locks/$$peer.txt || exit 1; done

chaos-stream: $(VENV)/.developing ## Kill workers, brokers and Redis on Apache Kafka: nothing lost or doubled (KILLS=50 SEED=7 INSTRUMENTS=1000 QUICK=1)
	$(BIN)/python -m tests.chaos.stream

chaos-collect: $(VENV)/.developing ## Let outside sources fail in every way and kill the collecting processes: nothing lost or doubled (ONLY=cut,kill VENUES=0 NEWS=0 BACKFILL=0)
	$(BIN)/python -m tests.chaos.collect

chaos-demo: $(VENV)/.developing ## Kill every process of the demo on a mirror with -9 in turn: seconds until a new prediction is judged (KILLED=producer)
	$(BIN)/python -m tests.chaos.collect.demo

chaos-news: $(VENV)/.developing ## Kill the agent that scores news while the recorded articles flow: nothing lost or doubled (KILLS=20 SEED=7 ARTICLES= BROKERS=embedded,apache)
	$(BIN)/python -m tests.chaos.news

parity-loaded: $(VENV)/.developing ## Replay two coins at full speed with busy loops beside it: nothing lost (RUNS=20 BUSY=2)
	$(BIN)/python -m tests.chaos.parity

bench-news: $(VENV)/.developing ## Rows/s of the news features, one asset and a thousand, live and in batch, and memory (DAYS=, ASSETS=, MINUTES=)
	$(BIN)/python -m tests.benchmarks.news

parity-news: $(VENV)/.developing ## Replay prices and news side by side, and compare with the files (FROM=2025-06-01T17:20 UNTIL=2025-07-01T00:00)
	DRIFTLINE_TEST_NEWS_FROM=$(or $(FROM),2025-06-01T17:20) DRIFTLINE_TEST_NEWS_UNTIL=$(or $(UNTIL),2025-07-01T00:00) \
		$(BIN)/python -m pytest -q tests/end_to_end/test_news_parity.py

bench-online: $(VENV)/.developing ## Rows/s of the models that learn online, and their snapshots
	$(BIN)/python -m tests.benchmarks.online

bench-features: $(VENV)/.developing ## A year of minutes through every feature, beside pandas with TA-Lib
	$(BIN)/python -m tests.benchmarks.features

bench-store: $(VENV)/.developing ## What readers wait for with a million stored predictions, and the sinks' rates (PREDICTIONS=, FEATURES=)
	$(BIN)/python -m tests.benchmarks.store

bench-copy: $(VENV)/.developing ## How fast 500,000 candles are stored, beside plain COPY (CANDLES=)
	$(BIN)/python -m tests.benchmarks.copying

bench-broker: $(VENV)/.developing ## What a trade costs in the memory of the embedded broker, compressed and not
	@$(BIN)/python -m tests.benchmarks.broker_records

bench-recording: $(VENV)/.developing ## What a day of recorded quotes and perpetual trades costs on disk (FLUSH_S=)
	$(BIN)/python -m tests.benchmarks.recording

bench-duplicates: $(VENV)/.developing ## Precision and recall of the links between copies of recorded articles, articles/s, memory over three passes
	$(BIN)/python -m tests.benchmarks.duplicates

bench-arms: $(VENV)/.developing ## Champion, challenger and shadow on recorded June beside three runs of one version: differences, and memory of an arm (FROM=, TO=, TARGETS=)
	$(BIN)/python -m tests.benchmarks.arms

bench-ready: $(VENV)/.developing ## How long /readyz takes with 10,000 instruments (INSTRUMENTS=)
	$(BIN)/python -m tests.benchmarks.readiness

bench-vectors: $(VENV)/.developing ## The join of companions: in batch, by the vector, and through the embedded broker
	$(BIN)/python -m tests.benchmarks.vectors

bench-sentiment: $(VENV)/.developing ## Headlines/s and p99 of each scorer, int8 beside plain transformers (ENCODER=FOLDER PEER_PYTHON= N= N_ENCODED=)
	@ENCODER="$(ENCODER)" PEER_PYTHON="$(PEER_PYTHON)" N=$(N) N_ENCODED=$(N_ENCODED) $(BIN)/python -m tests.benchmarks.sentiment

clean: ## Delete what was built (not the environment, not the demo's data)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
