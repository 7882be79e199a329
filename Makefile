# Two commands do all the set-up: `make pick` and `make test`.
# PYTHON is the first interpreter that is 3.11 or 3.12; name another one with `make pick PYTHON=...`.
DEVICE ?= pixel3
WANTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do "$$p" -c '$(WANTED)' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet
CORTEX_M := qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi gcc libc6-dev
ARM64 := qemu-user debootstrap gcc libc6-dev
LIGHT := not install and not plot and not long and not convert and not fuzz

.PHONY: pick check install test test-long fuzz bench adb cortex-m arm64 cortex-m-page rebuild matrix claims delegates recipes voices pictures backtest rollouts clean

pick: .venv/.core  ## the best variant of every model for DEVICE
	@$(BIN)/zoo pick --device $(DEVICE)

check: .venv/.dev  ## lint, types and the light tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n auto -m "$(LIGHT)"

install: .venv/.all  ## everything, all extras

test: install .venv/.data  ## every check but the long ones
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto -m "not long and not fuzz"

test-long: install  ## the checks that take their time
	$(BIN)/python -m pytest -q -m long

fuzz: install  ## hostile files, on to 100,000 of each format; goes on where it stopped
	$(BIN)/python -m pytest -q -s -m fuzz tests/fuzz

bench: .venv/.core  ## how fast the choice is against a peer in the same run, and the server (extra serve, and wrk)
	$(BIN)/python benchmarks/pick.py
	@if $(BIN)/python -c "import granian, fastapi" 2>/dev/null; then $(BIN)/python benchmarks/serve.py; \
	  else echo "make: the server is not measured without the extra 'serve': $(BIN)/pip install -e '.[serve]'" >&2; fi

adb:  ## Debian's adb, to measure an attached phone with zoo bench --device android
	@command -v adb >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && echo "installing Debian's adb (once)" >&2 && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends adb >/dev/null; } || \
	  { echo "make: adb is not on this machine. As root: apt-get install adb" >&2; exit 1; }

cortex-m:  ## Debian's Cortex-M compiler and QEMU, for zoo bench --device cortex-m4
	@{ command -v qemu-system-arm && command -v arm-none-eabi-gcc && command -v gcc && \
	    arm-none-eabi-gcc -print-file-name=nosys.specs | grep /; } >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && echo "installing Debian's $(CORTEX_M) (once)" >&2 && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $(CORTEX_M) >/dev/null; } || \
	  { echo "make: no Cortex-M compiler or QEMU is on this machine. As root: apt-get install $(CORTEX_M)" >&2; exit 1; }

arm64: .venv/.all  ## an Arm64 system with LiteRT under QEMU (350 MB in the user's cache), for zoo bench --device arm64-a76
	@{ command -v qemu-aarch64 && command -v debootstrap && command -v gcc; } >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && echo "installing Debian's $(ARM64) (once)" >&2 && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $(ARM64) >/dev/null; } || \
	  { echo "make: debootstrap or QEMU is not on this machine. As root: apt-get install $(ARM64), then make arm64" >&2; exit 1; }
	@$(BIN)/python -m bench.arm64_root

cortex-m-page: install cortex-m  ## docs/cortex-m.md: the spoken digits on an emulated Cortex-M4
	$(BIN)/python benchmarks/cortex_m_page.py

rebuild: .venv/.core  ## zoo.db again, from the text tables and profiles
	$(BIN)/zoo rebuild --out zoo.db

matrix: install  ## docs/conversion-matrix.md: every net to every format in every precision; ZOO_PHOTOS=DIR: photos for one
	$(BIN)/python benchmarks/conversion_matrix.py

claims: install  ## docs/claims.md: published claims of compression, measured; CLAIMS="--only vgg-small --seed 0" for some
	$(BIN)/python benchmarks/claims.py $(CLAIMS)

delegates: .venv/.all  ## docs/delegates.md, from the rules
	$(BIN)/python -c "from converters.inspection.coverage import manual; print(manual(), end='')" > docs/delegates.md

recipes: .venv/.core  ## docs/recipes.md, from the tables that recipes are read with
	$(BIN)/python -c "from zoo.recipes import manual; print(manual(), end='')" > docs/recipes.md

rollouts: .venv/.core  ## docs/rollouts.json: cases for implementations of the rule of rollouts in other languages
	$(BIN)/python benchmarks/rollout_vectors.py

voices: .venv/.all  ## the data set synthetic-digits, said by espeak-ng
	@command -v espeak-ng >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && echo "installing Debian's espeak-ng, which says the digits (once)" >&2 && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends espeak-ng >/dev/null; } || \
	  { echo "make: espeak-ng is not on this machine, and it says the digits. As root: apt-get install espeak-ng" >&2; exit 1; }
	$(BIN)/python -m datasets.synthesis $(ZOO_DATA)

backtest: install  ## docs/backtest.md and its pictures: what predicted latencies are worth
	OMP_NUM_THREADS=1 $(BIN)/zoo backtest --out docs

pictures: install  ## the pictures of the README
	$(BIN)/zoo plot front --model imagenet-classifier --device pixel3 --out docs/pictures/front.png
	$(BIN)/zoo plot spread --net mobilenet-v1-1.0-224 --out docs/pictures/spread.png

clean:  ## the virtual environment and all caches
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A whole sweep is tested on Fashion-MNIST (MIT), synthetic voices with espeak-ng, C on an emulated Cortex-M. Without
# them those tests are skipped, and say so.
DATA := dataset-fashion-mnist espeak-ng $(CORTEX_M)
.venv/.data: .venv/bin/python
	@{ test -e /usr/share/datasets/fashion-mnist -o -n "$(ZOO_DATA)" && command -v espeak-ng && command -v qemu-system-arm && \
	    command -v arm-none-eabi-gcc; } >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && echo "installing Debian's $(DATA) (once)" >&2 && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $(DATA) >/dev/null; } || \
	  echo "make: some of these are not on this machine, so tests with them are skipped. As root: apt-get install $(DATA)" >&2
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found. Install one, or name it: make pick PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "make: $(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }

.venv/.core: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing the light core into .venv (once)" >&2
	@$(PIP) --editable .
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing the core and the tools of development into .venv (once)" >&2
	@$(PIP) --editable '.[dev]'
	@touch .venv/.core $@

.venv/.all: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing everything into .venv (once)" >&2
	@$(PIP) --editable '.[all]'
	@$(PIP) --no-deps basic-pitch==0.4.0 # a real model in four formats, for tests; what it wants to install clashes
	@touch .venv/.core .venv/.dev $@
