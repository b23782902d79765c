#!/usr/bin/env bash
# One run in containers, without a page: starts the cluster, waits for the workers, shows the master's progress, copies the
# run's folder out, removes its containers, network and volume whatever happens, and exits with the run's code.
# Usage: PROFILE=smoke WORKERS=4 docker/cluster.sh     (or: make cluster PROFILE=smoke WORKERS=4)
# Environment: PROFILE (smoke), WORKERS (2), TARGET, USERS, DURATION, OUT (runs); and all that .env.example lists.
# Exit codes are the run's (docs/results.md). make itself has only 0 and 2: read the last line, or call this script.
# Ctrl-C ends the run in order and still leaves its folder; once more leaves at once.
set -euo pipefail
cd "$(dirname "$0")/.."

export LOADTEST_PROFILE=${PROFILE:-${LOADTEST_PROFILE:-smoke}} LOADTEST_WORKERS=${WORKERS:-${LOADTEST_WORKERS:-2}}
export LOADTEST_TARGET=${TARGET:-${LOADTEST_TARGET:-}}
export LOADTEST_USERS=${USERS:-${LOADTEST_USERS:-}} LOADTEST_DURATION=${DURATION:-${LOADTEST_DURATION:-}}
out=${OUT:-${LOADTEST_OUT:-runs}}
[[ $LOADTEST_TARGET != demo ]] || LOADTEST_TARGET="" # the backend of compose.yaml is the demo
# A name of its own, so that several clusters can run beside each other and removing one touches nothing else.
project=loadtest-$(date +%H%M%S)-$$
signals=0
running="" # the child that the script waits for

say() { printf 'cluster: %s\n' "$*"; }
die() { printf 'cluster: %s\n' "$*" >&2; exit 4; }
compose() { docker compose --project-name "$project" -f compose.yaml -f docker/headless.yaml --progress quiet "$@"; }
container() { docker ps --all --quiet --latest --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1"; }

on_signal() {
    signals=$((signals + 1))
    local master
    master=$(container master)
    if [[ $signals == 1 && -n $master ]]; then
        say "ending the run and waiting for its result; once more leaves at once"
        docker kill --signal TERM "$master" >/dev/null 2>&1 || true
    elif [[ -n $running ]]; then
        kill -TERM "$running" 2>/dev/null || true
    fi
}

remove() {
    local code=$?
    trap '' INT TERM HUP
    rm -rf "$work"
    compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 ||
        say "could not remove everything: docker ps --all --filter label=com.docker.compose.project=$project"
    exit "$code"
}

attend() { # command…: in a session of its own, so that Ctrl-C reaches this script and nobody else
    setsid "$@" &
    running=$!
    # Not `wait`: a signal ends that, and waiting once more for a child that has just gone is an error.
    while [[ $signals -lt 2 ]] && kill -0 "$running" 2>/dev/null; do sleep 0.2 || true; done
    running=""
}

keep_result() { # copies the run's folder out, and beside it what the containers said and what the backend counted
    local master=$1 backend run
    docker cp "$master:/loadtest/runs/." "$work/runs" >/dev/null 2>&1 || true
    run=$(find "$work/runs" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort | tail -n 1)
    [[ -n $run ]] || return 1
    compose logs --no-color --timestamps >"$run/containers.log" 2>&1 || true
    backend=$(container backend)
    if [[ -z $LOADTEST_TARGET && -n $backend ]]; then
        docker exec "$backend" python -c \
            'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8000/stats?connections=0", timeout=10).read().decode())' \
            >"$run/backend-stats.json" 2>/dev/null || rm -f "$run/backend-stats.json"
    fi
    mkdir -p "$out"
    cp -R "$run" "$out/"
    say "the result is in $out/$(basename "$run")/"
}

docker compose version >/dev/null 2>&1 || die "docker compose is missing: run 'make deps'"
docker info >/dev/null 2>&1 || die "no Docker engine answers"
for image in "${LOADTEST_IMAGE:-loadtest}" "${LOADTEST_BACKEND_IMAGE:-loadtest-backend}"; do
    docker image inspect "$image" >/dev/null 2>&1 || { docker/build.sh; break; }
done

work=$(mktemp -d)
trap remove EXIT
trap on_signal INT TERM HUP

say "profile $LOADTEST_PROFILE, $LOADTEST_WORKERS workers"
attend docker compose --project-name "$project" -f compose.yaml -f docker/headless.yaml --progress quiet \
    up --detach --no-build --scale "worker=$LOADTEST_WORKERS" >"$work/up.log" 2>&1
master=$(container master)
started=$([[ -n $master ]] && docker inspect --format '{{.State.StartedAt}}' "$master" || echo 0001)
if [[ $started == 0001* ]]; then
    { cat "$work/up.log"; compose logs --no-color; } >&2
    [[ $signals == 0 ]] || exit 130
    die "the master did not start"
fi

attend docker logs --follow "$master"
[[ $signals -lt 2 ]] || exit 130
code=$(docker wait "$master")
[[ $signals == 0 || ($code != 0 && $code != 137 && $code != 143) ]] || code=130
keep_result "$master" || { say "the master left no result"; [[ $code != 0 ]] || code=3; compose logs --no-color --tail 20 worker >&2; }
say "exit code $code"
exit "$code"
