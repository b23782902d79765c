#!/usr/bin/env bash
# Collects every wheel that an image needs, with the pip of this machine, so that the build itself needs no package index.
# Usage: docker/wheels.sh FOLDER [PYTHON-VERSION [MACHINE]]
#   PYTHON-VERSION, MACHINE   those of the image, as in "3.11 x86_64" (the defaults: 3.11 and this machine's)
# Environment: PYTHON, and what pip reads (PIP_INDEX_URL, PIP_CERT, …).
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?"usage: docker/wheels.sh FOLDER [PYTHON-VERSION [MACHINE]]"}
version=${2:-3.11}
machine=${3:-$(uname -m)}
python=${PYTHON:-python3}
[[ -x .venv/bin/python ]] && python=.venv/bin/python

requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
"$python" docker/requirements.py >"$requirements"
echo 'setuptools>=77' >>"$requirements"

platforms=()
for glibc in 2_36 2_35 2_34 2_31 2_28 2_27 2_24 2_17; do # pip takes the names it is given, not what they imply
    platforms+=(--platform "manylinux_${glibc}_$machine")
done
platforms+=(--platform "manylinux2014_$machine" --platform "linux_$machine")

"$python" -m pip download --quiet --disable-pip-version-check --dest "$folder" --only-binary :all: \
    --implementation cp --python-version "$version" "${platforms[@]}" -c constraints.txt -r "$requirements"
echo "wheels: $(find "$folder" -name '*.whl' | wc -l) for Python $version on $machine, $(du -sm "$folder" | cut -f1) MB"
