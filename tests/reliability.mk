# What shows that nothing is lost; included by the Makefile, which sets BIN.
.PHONY: chaos fuzz
FUZZ ?= 20000

chaos: setup ## every fault at its full length: workers, masters, networks, disks and targets that fail
	$(BIN)/pytest -s tests/cluster/test_chaos_*.py

fuzz: setup ## foreign bytes for everything that reads them: [FUZZ=20000 examples of each]
	FUZZ_EXAMPLES=$(FUZZ) $(BIN)/pytest -q -p no:timeout tests/test_fuzz.py
