# Benchmarks; included by the Makefile, which sets BIN.
.PHONY: bench
RUNS ?= 5

bench: setup ## CPU, memory and shutdown against references, on two quiet cores, 20 min: [RUNS=5] [ONLY=small] [QUICK=1]
	$(BIN)/python -m benchmarks --runs $(RUNS) $(if $(QUICK),--quick) $(ONLY)
