#!/usr/bin/env bash
# Makes a base image on this machine out of Debian packages alone, for places where no container registry answers:
#   loadtest-base:bookworm        Debian 12 with its Python 3.11, nothing that installs packages: what the images stand on
#   loadtest-base:bookworm-build  the same with python3-venv: where the virtual environment is made
# Does nothing where both are there already; FORCE=1 makes them again. Usage: docker/base-image.sh
# Environment: DEBIAN_MIRROR (default: debootstrap's own), TMPDIR (needs about 600 MB, default /var/tmp).
set -euo pipefail

suite=bookworm
name=loadtest-base:$suite
started=$SECONDS

say() { printf 'base image: %s\n' "$*"; }
die() { printf 'base image: %s\n' "$*" >&2; exit 1; }
there() { docker image inspect "$1" >/dev/null 2>&1; }

if [[ -z ${FORCE:-} ]] && there "$name" && there "$name-build"; then
    say "$name is there already"
    exit 0
fi

docker info >/dev/null 2>&1 || die "no Docker engine answers; start it, or set DOCKER_HOST"
command -v debootstrap >/dev/null || PATH=$PATH:/usr/sbin
command -v debootstrap >/dev/null ||
    die "debootstrap is missing: run 'make deps', or 'apt-get install debootstrap' (Debian, Ubuntu), 'dnf install debootstrap' (Fedora)"
as_root=()
if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || die "debootstrap needs root, and there is no sudo: run docker/base-image.sh as root once"
    as_root=(sudo)
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/loadtest-base.XXXXXX")
root=$work/root
trap '"${as_root[@]}" rm -rf --one-file-system "$work"' EXIT

quietly() { # command…: its output only matters if it fails
    "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; die "failed: $*"; }
}
import() { # tag
    "${as_root[@]}" tar --numeric-owner -C "$root" -c . |
        docker import --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' - "$1" >/dev/null
    say "$1 is $(($(docker image inspect --format '{{.Size}}' "$1") / 1000000)) MB"
}

say "1/3 installing Debian $suite with Python (one to three minutes) …"
quietly "${as_root[@]}" debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$suite" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}

say "2/3 leaving out caches, manuals and translations …"
"${as_root[@]}" bash -c 'cd "$1" && rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/{doc,man,info,locale,lintian} &&
    find . -xdev -name __pycache__ -type d -prune -exec rm -rf {} +' - "$root"
import "$name-build"

say "3/3 leaving out what only a build needs …"
quietly "${as_root[@]}" chroot "$root" dpkg --purge --force-depends --force-remove-essential \
    python3-venv python3.11-venv python3-pip-whl python3-setuptools-whl python3-distutils python3-lib2to3 \
    apt libapt-pkg6.0 gpgv e2fsprogs logsave
"${as_root[@]}" bash -c 'rm -rf "$1"/usr/lib/*/gconv "$1"/var/cache/debconf/* "$1"/var/lib/apt' - "$root"
import "$name"
say "done in $((SECONDS - started)) s"
