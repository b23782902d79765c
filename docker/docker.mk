# The verbs that need a container engine or system tools; included by the Makefile, which sets BIN.
.PHONY: images cluster test-containers sbom deps

images: ## build the container images, also without a registry or behind an inspecting proxy
	@docker/build.sh

cluster: images ## one run in containers: PROFILE=smoke WORKERS=2 [TARGET= USERS= DURATION= OUT=runs]
	@docker/cluster.sh

test-containers: setup ## the tests of images and compose.yaml (after make images)
	$(BIN)/pytest -m docker tests/containers

sbom: ## write the bill of materials of the image, sbom.cdx.json (after make images)
	@docker/sbom.sh

deps: ## install the system tools that some tests and benchmarks need (Debian: chromium, faketime, iptables, wrk, docker compose …)
	@docker/deps.sh
