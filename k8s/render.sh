#!/usr/bin/env bash
# Prints manifests with other images or another namespace, for kubectl:   REGISTRY=ghcr.io/acme TAG=1.4 k8s/render.sh | kubectl apply -f -
# Usage: k8s/render.sh [FILE or FOLDER…]     (default: k8s, and not the folders in it)
# Environment: REGISTRY (none: images as they are named on this machine), TAG (0.1.0), NAMESPACE (loadtest), PULL (IfNotPresent).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
registry=${REGISTRY:+${REGISTRY%/}/}
namespace=${NAMESPACE:-loadtest}
[[ $namespace =~ ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ ]] || { printf 'render: NAMESPACE=%s is no name for a namespace\n' "$namespace" >&2; exit 2; }

for given in "${@:-$here}"; do
    files=("$given")
    [[ -d $given ]] && files=("$given"/*.yaml)
    for file in "${files[@]}"; do
        printf -- '---\n'
        sed -E \
            -e "s#image: (loadtest|loadtest-backend):[^ ]+#image: ${registry}\\1:${TAG:-0.1.0}#" \
            -e "s#imagePullPolicy: .*#imagePullPolicy: ${PULL:-IfNotPresent}#" \
            -e "s#namespace: loadtest\\b#namespace: ${namespace}#" \
            -e "/^kind: Namespace/,/^---/ s#^  name: loadtest\$#  name: ${namespace}#" "$file"
    done
done
