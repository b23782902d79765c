# Benchmarks; included by the Makefile, which sets BIN.
.PHONY: bench soak
RUNS ?=
SOAK ?= 20m

bench: setup ## CPU, memory and shutdown against references, on two quiet cores, 20 min: [RUNS=5] [ONLY=small] [QUICK=1]
	$(BIN)/python -m benchmarks $(if $(RUNS),--runs $(RUNS)) $(if $(QUICK),--quick) $(ONLY)

soak: setup ## a long run under errors: do memory, descriptors and the timeline stay in order? [SOAK=20m]
	$(BIN)/python -m benchmarks.soak --duration $(SOAK)
