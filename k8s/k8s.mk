# The verbs that need a Kubernetes cluster, or make its manifests; included by the Makefile.
.PHONY: k8s-run k8s-profiles

k8s-run: ## one run on Kubernetes: PROFILE=smoke WORKERS=2 [TARGET= USERS= DURATION= OUT=runs REGISTRY= TAG= NAMESPACE=]
	@k8s/run/run.sh

k8s-profiles: ## write k8s/11-profiles.yaml out of profiles/
	@$(PYTHON) k8s/generate.py profiles > k8s/11-profiles.yaml.new && mv k8s/11-profiles.yaml.new k8s/11-profiles.yaml
