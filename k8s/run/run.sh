#!/usr/bin/env bash
# One run on Kubernetes, without a page: applies what it needs, waits for the workers, shows the master's progress, fetches the run's
# bundle, removes the run's Jobs, and exits with the run's code. What the cluster keeps: the namespace, its Secret, the volume.
# Usage: PROFILE=smoke WORKERS=8 k8s/run/run.sh     (or: make k8s-run PROFILE=smoke WORKERS=8)
# Environment: PROFILE (smoke), WORKERS (2), TARGET (the demo backend, which is started then), USERS, DURATION, OUT (runs),
#   PROFILES (profiles: the folder on this machine that goes into the cluster), REGISTRY, TAG, NAMESPACE, PULL (k8s/render.sh),
#   START_S (180: how long pods may take to start), KUBECTL (kubectl; may carry options such as "kubectl --context ci").
# Exit codes are the run's (docs/results.md); 4: it could not be started. make has only 0 and 2: read the last line, or call this.
# Ctrl-C ends the run in order and still fetches its bundle; once more leaves at once.
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=${PROFILE:-smoke} workers=${WORKERS:-2} target=${TARGET:-} out=${OUT:-runs} start_s=${START_S:-180}
namespace=${NAMESPACE:-loadtest}
read -r -a kubectl <<<"${KUBECTL:-kubectl}"
signals=0
master="" # its pod
uid=""    # of its Job
reader="" # the child that follows its log

say() { printf 'k8s-run: %s\n' "$*"; }
die() { printf 'k8s-run: %s\n' "$*" >&2; exit 4; }
kube() { "${kubectl[@]}" --namespace "$namespace" "$@"; }
rendered() { k8s/render.sh "$@"; }
job_state() { # Complete, Failed, or nothing while it is under way
    kube get job run-master --ignore-not-found \
        -o 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{"\n"}{end}' | grep -E '^(Complete|Failed)$' || true
}
pod_of_master() { # the newest one of this Job: pods of the one before may still be there
    kube get pods --selector "batch.kubernetes.io/controller-uid=$uid" --sort-by .metadata.creationTimestamp -o name | tail -n 1
}
exit_code() { kube get "$1" -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}' 2>/dev/null || true; }

on_signal() {
    signals=$((signals + 1))
    if [[ $signals == 1 && -n $master ]]; then
        say "ending the run and waiting for its result; once more leaves at once"
        kube exec "$master" -- sh -c 'kill -TERM 1' >/dev/null 2>&1 || true
    elif [[ -n $reader ]]; then
        kill -TERM "$reader" 2>/dev/null || true
    fi
}

remove() {
    local code=$?
    trap '' INT TERM HUP
    rm -rf "$work"
    if [[ -n ${applied:-} ]]; then
        kube delete job/run-master job/run-worker service/run-master configmap/run pod/fetch \
            --ignore-not-found --wait=false >/dev/null || say "could not remove everything: kubectl -n $namespace get jobs,pods"
    fi
    exit "$code"
}

why_not_started() { # what Kubernetes says of pods that wait: no room, no image, no volume, no Secret
    kube get pods --selector app.kubernetes.io/instance=run -o wide || true
    kube get events --field-selector type=Warning --sort-by .lastTimestamp 2>/dev/null | tail -n 10 || true
    kube logs job/make-secret --tail 5 2>/dev/null || true
}

apply_all() {
    local parts=(k8s/00-namespace.yaml k8s/10-settings.yaml k8s/12-accounts.yaml k8s/20-network.yaml k8s/30-secret.yaml)
    [[ -n $target ]] || parts+=(k8s/40-backend.yaml)
    python3 k8s/generate.py "${PROFILES:-profiles}" >"$work/profiles.yaml" || exit 2
    # of the page's master only its volume: nothing else of it is needed here
    awk '/^---$/ { exit } { print }' k8s/50-master.yaml >"$work/runs.yaml"
    rendered "${parts[@]}" "$work/profiles.yaml" "$work/runs.yaml" | "${kubectl[@]}" apply -f - >"$work/applied" 2>&1 ||
        { cat "$work/applied" >&2; die "kubectl could not apply the manifests"; }
    cat >"$work/values.json" <<JSON
{"data": {"LOADTEST_PROFILE": $(quoted "$profile"), "LOADTEST_WORKERS": $(quoted "$workers"),
 "LOADTEST_TARGET": $(quoted "${target:-http://backend:8000}"), "LOADTEST_USERS": $(quoted "${USERS:-}"),
 "LOADTEST_DURATION": $(quoted "${DURATION:-}"), "LOADTEST_SET": $(quoted "${LOADTEST_SET:-}")}}
JSON
    applied=yes
    rendered k8s/run/10-run.yaml | "${kubectl[@]}" apply -f - >/dev/null
    kube patch configmap run --type merge --patch-file "$work/values.json" >/dev/null
    rendered k8s/run/20-master.yaml k8s/run/30-workers.yaml | sed "s/^  parallelism: 2/  parallelism: $workers/" |
        "${kubectl[@]}" apply -f - >/dev/null
}

quoted() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }

wait_for_master() { # until its container has begun
    local deadline=$((SECONDS + start_s)) phase
    say "waiting for the master and $workers workers …"
    while [[ $signals == 0 ]]; do
        master=$(pod_of_master)
        phase=$([[ -n $master ]] && kube get "$master" -o 'jsonpath={.status.phase}' || true)
        [[ $phase != Running && $phase != Succeeded && $phase != Failed ]] || return 0
        if ((SECONDS >= deadline)); then
            why_not_started >&2
            die "the master has not started within $start_s s (START_S)"
        fi
        sleep 1
    done
    exit 130
}

follow() { # the master's log, and that of the one that takes its place, until the Job has ended
    local seen="" pod
    while [[ -z $(job_state) && $signals -lt 2 ]]; do
        pod=$(pod_of_master)
        if [[ -n $pod && $pod != "$seen" && $(kube get "$pod" -o 'jsonpath={.status.phase}' 2>/dev/null) != Pending ]]; then
            [[ -z $seen ]] || say "the master was lost; $pod goes on with the run"
            seen=$pod master=$pod
        elif [[ -z $pod || $pod != "$seen" ]]; then
            sleep 1
            continue
        fi
        setsid "${kubectl[@]}" --namespace "$namespace" logs --follow ${since:+--since="$since"} "$pod" &
        reader=$!
        while kill -0 "$reader" 2>/dev/null; do sleep 0.3 || true; done
        reader=""
        since=2s # a log that is followed once more, since the connection was cut
        [[ -n $(job_state) ]] || sleep 1 || true
    done
}

fetch() { # copies the run's directory out of the volume
    local run=$1
    kube delete pod fetch --ignore-not-found --wait=true >/dev/null 2>&1 || true
    rendered k8s/run/fetch | "${kubectl[@]}" apply -f - >/dev/null || return 1
    kube wait --for=condition=Ready --timeout=120s pod/fetch >/dev/null || return 1
    mkdir -p "$out"
    kube exec fetch -- tar -cf - -C /loadtest/runs "$run" | tar -xf - -C "$out" || return 1
    say "the result is in $out/$run/"
}

[[ $workers =~ ^[1-9][0-9]*$ ]] || { printf 'k8s-run: WORKERS=%s is no number of workers\n' "$workers" >&2; exit 2; }
command -v "${kubectl[0]}" >/dev/null || die "${kubectl[0]} is missing"
[[ $target != demo ]] || target="" # the backend of k8s/ is the demo
work=$(mktemp -d)
trap remove EXIT
trap on_signal INT TERM HUP

if [[ -n $(kube get job run-master --ignore-not-found -o name) ]]; then
    [[ -n $(job_state) ]] || die "a run is under way in namespace $namespace (kubectl -n $namespace logs -f job/run-master); NAMESPACE=… is another place"
    kube delete job/run-master job/run-worker --ignore-not-found --wait=true >/dev/null # it is over; its bundle is on the volume
fi
say "profile $profile, $workers workers, namespace $namespace"
apply_all
uid=$(kube get job run-master -o 'jsonpath={.metadata.uid}')
wait_for_master
run=k8s-$uid
follow
[[ $signals -lt 2 ]] || exit 130
code=$(exit_code "$(pod_of_master)")
if [[ ! $code =~ ^([0-4]|130)$ ]]; then # its pod is gone, or was killed once too often (137)
    code=$([[ $(job_state) == Complete ]] && echo 0 || echo 3)
fi
fetch "$run" || { say "the bundle could not be fetched; it is on the volume: k8s/run/fetch/pod.yaml says how"; [[ $code != 0 ]] || code=3; }
say "exit code $code"
exit "$code"
