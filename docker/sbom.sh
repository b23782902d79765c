#!/usr/bin/env bash
# Writes the software bill of materials of the image (CycloneDX, JSON): every Python package in it, as the image itself names them.
# What the base image brings (Debian's packages, Python) is in that image's own.
# Usage: docker/sbom.sh [FILE]     (default: sbom.cdx.json; or: make sbom)
# Environment: LOADTEST_IMAGE (loadtest), PYTHON, and what pip reads.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=cyclonedx-bom==7.5.0
file=${1:-sbom.cdx.json}
image=${LOADTEST_IMAGE:-loadtest}
python=${PYTHON:-python3}
[[ -x .venv/bin/python ]] && python=.venv/bin/python

say() { printf 'sbom: %s\n' "$*"; }
die() { printf 'sbom: %s\n' "$*" >&2; exit 1; }

docker image inspect "$image" >/dev/null 2>&1 || die "there is no image $image: run 'make images'"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
docker run --rm --entrypoint python "$image" -c '
from importlib.metadata import distributions
print(*sorted({f"{found.name}=={found.version}" for found in distributions()}), sep="\n")' >"$work/packages"
"$python" -m venv "$work/tool"
"$work/tool/bin/pip" install --quiet --disable-pip-version-check "$tool"
"$work/tool/bin/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible --output-file "$work/sbom" \
    "$work/packages"
mv "$work/sbom" "$file"
say "$(grep -c . "$work/packages") packages of $image are in $file"
