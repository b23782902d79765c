#!/usr/bin/env bash
# Builds the images under the names that compose.yaml uses, and finds its own way:
#   base image   BASE_IMAGE, pulled unless it is here; where no registry answers, one made from Debian packages
#   packages     pip inside the build, with this machine's CA bundle and index; where that fails, wheels collected outside
# Usage: docker/build.sh
# Environment (or .env): BASE_IMAGE, BUILD_IMAGE, LOADTEST_IMAGE, LOADTEST_BACKEND_IMAGE.
# Environment: WHEELS=1 collects wheels outside at once, WHEELS=0 never does; VERBOSE=1 shows the builder's output;
# PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY and their like are used as they are and leave no trace in the images.
set -euo pipefail
cd "$(dirname "$0")/.."

official=python:3.11-slim-bookworm
home_made=loadtest-base:bookworm
cache=docker/.cache # part of the build's context; left there, so that `docker compose build` finds it as well
started=$SECONDS

say() { printf 'images: %s\n' "$*"; }
die() { printf 'images: %s\n' "$*" >&2; exit 1; }

setting() { # name, default: from the environment, else from .env, else the default
    local line=""
    [[ -f .env ]] && line=$(grep -E "^$1=." .env | tail -n 1 || true)
    line=${line#*=}
    line=${line%\"} line=${line#\"}
    printf '%s' "${!1:-${line:-$2}}"
}

there() { docker image inspect "$1" >/dev/null 2>&1; }

choose_base() { # sets base and build_base
    base=$(setting BASE_IMAGE "")
    build_base=$(setting BUILD_IMAGE "")
    if [[ -z $base || $base == "$official" ]] && ! there "$official"; then
        say "pulling $official …"
        if timeout 300 docker pull --quiet "$official" >"$log" 2>&1; then
            base=$official
        else
            say "no container registry answers ($(tail -n 1 "$log" | cut -c 1-100)); using $home_made, made here from Debian packages"
            base=$home_made
        fi
    fi
    base=${base:-$official}
    if [[ $base == "$home_made" ]]; then
        docker/base-image.sh
        build_base=${build_base:-$home_made-build}
    elif ! there "$base"; then
        docker pull --quiet "$base" >/dev/null || die "BASE_IMAGE=$base can't be pulled; $home_made is one that is made here"
    fi
    build_base=${build_base:-$base}
}

ca_bundle() { # the CA bundle this machine trusts, so that an inspecting proxy is no obstacle
    local file
    for file in "${PIP_CERT:-}" "${REQUESTS_CA_BUNDLE:-}" "${SSL_CERT_FILE:-}" "${CURL_CA_BUNDLE:-}" \
        /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [[ -n $file && -f $file ]] && printf '%s' "$file" && return
    done
    return 0
}

build() { # target, further arguments…
    local target=$1 name passed=()
    shift
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT \
        HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        [[ -n ${!name:-} ]] && passed+=(--build-arg "$name") # without a value: docker reads it from the environment
    done
    local command=(docker build --force-rm -f docker/Dockerfile --build-arg "BASE_IMAGE=$base" --build-arg "BUILD_IMAGE=$build_base"
        "${passed[@]}" --label "org.opencontainers.image.revision=$revision" --target "$target" "$@" .)
    if [[ -n ${VERBOSE:-} ]]; then "${command[@]}"; else "${command[@]}" >"$log" 2>&1; fi
}

collect_wheels() {
    say "collecting wheels outside the build …"
    rm -f "$cache/ca.crt"
    # shellcheck disable=SC2046 # two words are meant
    docker/wheels.sh "$cache/wheels" $(docker run --rm --entrypoint python3 "$build_base" -c \
        'import platform; print(*platform.python_version_tuple()[:2], sep=".", end=" "); print(platform.machine())')
}

prepare_packages() { # leaves in the cache what pip needs inside the build
    local bundle
    bundle=$(ca_bundle)
    rm -rf "$cache"
    mkdir -p "$cache"
    if [[ ${WHEELS:-} == 1 ]]; then collect_wheels; return; fi
    [[ -n $bundle ]] && cp "$bundle" "$cache/ca.crt"
    say "asking the package index from inside a build …"
    build tools && return
    [[ ${WHEELS:-} == 0 ]] && die "pip can't reach its index from inside a build: $(tail -n 3 "$log")"
    say "pip can't reach its index from inside a build"
    collect_wheels
}

image() { # target, name
    say "building $2 on $base …"
    local tags=(--tag "$2")
    [[ ${2##*/} == *:* ]] || tags+=(--tag "$2:$version") # what k8s/ asks for
    build "$1" "${tags[@]}" || { tail -n 40 "$log" >&2; die "building $2 failed"; }
    say "$2 is $(($(docker image inspect --format '{{.Size}}' "$2") / 1000000)) MB"
}

docker info >/dev/null 2>&1 || die "no Docker engine answers; start it, or set DOCKER_HOST"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || true)

choose_base
prepare_packages
image loadtest "$(setting LOADTEST_IMAGE loadtest)"
image backend "$(setting LOADTEST_BACKEND_IMAGE loadtest-backend)"
say "done in $((SECONDS - started)) s"
