"""k8s/: valid for each supported version of Kubernetes, and in step with compose.yaml, the code and the docs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from manifests import K8S, Manifest, manifests, pods
from programs import ROOT

from loadtest.cli.master_role import WEB_PORT
from loadtest.cli.roles import MASTER_PORT
from loadtest.swarm.sessions import LEAVE_S

VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
OURS = [manifest for manifest in manifests() if manifest.content["apiVersion"] != "locust.cloud/v1"]
APPLIED = manifests("")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def find(kind: str, name: str, found: list[Manifest] = OURS) -> dict[str, Any]:
    (manifest,) = [m for m in found if (m.kind, m.name) == (kind, name)]
    return manifest.content


def variables(container: dict[str, Any]) -> dict[str, str | None]:
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", OURS, ids=str)
def test_a_manifest_is_valid_and_has_no_key_that_kubernetes_does_not_know(manifest: Manifest, version: str) -> None:
    kubernetes_validate.validate(manifest.content, version, strict=True)


def test_the_validator_would_notice_a_misspelt_key() -> None:
    wrong = yaml.safe_load((K8S / "60-worker.yaml").read_text("utf-8").split("\n---")[0])
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("folder", ["", "run"])
def test_applying_a_folder_twice_changes_nothing(folder: str) -> None:
    """No generated names, no object twice, none without a namespace of its own to be found in."""
    found = manifests(folder)
    names = [(m.kind, m.name) for m in found]
    assert len(set(names)) == len(names)
    assert not [m for m in found if "generateName" in m.content["metadata"]]
    assert [m for m in found if m.content["metadata"].get("namespace") != "loadtest"] == [
        m for m in found if m.kind == "Namespace"
    ]


def test_the_folder_is_plain_manifests_in_the_order_they_are_needed() -> None:
    assert not list(K8S.glob("kustomization*"))
    order = [manifest.kind for manifest in APPLIED]
    assert order[0] == "Namespace"
    for needed, by in (("ServiceAccount", "Job"), ("ConfigMap", "Deployment"), ("NetworkPolicy", "Deployment")):
        last = max(index for index, kind in enumerate(order) if kind == needed)
        assert last < order.index(by), f"{needed} before {by}"


def test_applying_again_leaves_the_number_of_workers_to_whoever_scaled_them() -> None:
    assert "replicas" not in find("Deployment", "worker")["spec"]


def test_pods_that_share_the_volume_of_one_node_are_drawn_to_each_other() -> None:
    sharing = {
        manifest.name: (pod, manifest.content["spec"].get("template", manifest.content)["metadata"]["labels"])
        for manifest, pod in pods(OURS)
        if any("persistentVolumeClaim" in volume for volume in pod.get("volumes", []))
    }
    assert sharing.keys() == {"master", "run-master", "fetch"}
    for pod, _ in sharing.values():
        (wish,) = pod["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert wish["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
        rules = wish["podAffinityTerm"]["labelSelector"]["matchExpressions"]
        for _, labels in sharing.values():
            assert all(rule["operator"] == "In" and labels[rule["key"]] in rule["values"] for rule in rules)


def test_pods_of_the_operator_which_have_no_security_context_are_not_where_that_is_enforced() -> None:
    (namespace,) = [manifest.name for manifest in APPLIED if manifest.kind == "Namespace"]
    assert find("LocustTest", "market", manifests())["metadata"]["namespace"] != namespace


@pytest.mark.parametrize(("kib", "taken"), [(200, True), (300, False)])
def test_profiles_that_kubectl_cannot_apply_are_refused(tmp_path: Path, kib: int, *, taken: bool) -> None:
    """It keeps an object's JSON in an annotation, which may have 256 KiB."""
    (tmp_path / "one.yaml").write_text("# nothing\n" * (kib * 1024 // 10))
    made = subprocess.run(
        [sys.executable, str(K8S / "generate.py"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (made.returncode == 0) is taken
    assert ("larger than `kubectl apply` takes" in made.stderr) is not taken


def test_no_secret_stands_in_the_folder() -> None:
    assert not [manifest for manifest in manifests() if manifest.kind == "Secret"]


def test_the_profiles_are_those_of_the_folder() -> None:
    kept = find("ConfigMap", "profiles")["data"]
    assert kept == {path.name: path.read_text("utf-8") for path in (ROOT / "profiles").glob("*.yaml")}


def test_every_image_is_one_of_ours_with_the_version_of_the_package() -> None:
    images = {container["image"] for _, pod in pods(OURS) for container in pod["containers"]}
    assert images == {f"{name}:{PROJECT['version']}" for name in ("loadtest", "loadtest-backend")}
    assert find("LocustTest", "market", manifests())["spec"]["image"] in images


def test_pods_run_as_the_user_of_the_image() -> None:
    user, group = re.findall(r"^USER (\d+):(\d+)", DOCKERFILE, re.MULTILINE)[0]
    for manifest, pod in pods(OURS):
        context = pod["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group)), manifest


def test_a_pod_that_has_a_volume_may_read_it() -> None:
    group = int(re.findall(r"^USER \d+:(\d+)", DOCKERFILE, re.MULTILINE)[0])
    for manifest, pod in pods(OURS):
        if {"secret", "persistentVolumeClaim"} & {key for volume in pod.get("volumes", []) for key in volume}:
            assert pod["securityContext"]["fsGroup"] == group, manifest


@pytest.mark.parametrize("name", ["settings", "run"])
def test_master_and_workers_are_told_what_compose_tells_them(name: str) -> None:
    data = find("ConfigMap", name)["data"]
    told = set(COMPOSE["x-settings"]) - {"LOADTEST_PROFILES", "WS_AUTH_TOKEN"}  # a path, and a Secret
    assert set(data) - {"LOADTEST_WORKERS"} == told
    assert data["LOADTEST_TARGET"] in COMPOSE["x-settings"]["LOADTEST_TARGET"]


def test_paths_are_those_of_the_image() -> None:
    paths = dict(re.findall(r"(LOADTEST_PROFILES|LOADTEST_OUT)=(\S+)", DOCKERFILE))
    for manifest, pod in pods(OURS):
        for container in pod["containers"]:
            given = variables(container)
            mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
            if "profiles" in mounts:
                assert mounts["profiles"] == given["LOADTEST_PROFILES"] == paths["LOADTEST_PROFILES"], manifest
            if "runs" in mounts and "LOADTEST_OUT" in given:
                assert mounts["runs"] == given["LOADTEST_OUT"] == paths["LOADTEST_OUT"], manifest


def test_ports_are_those_of_the_code_and_of_compose() -> None:
    ports = {port["name"]: port["port"] for port in find("Service", "master")["spec"]["ports"]}
    assert ports == {"web": WEB_PORT, "control": MASTER_PORT}
    assert COMPOSE["services"]["master"]["ports"][0].endswith(f":{WEB_PORT}")
    (backend,) = find("Service", "backend")["spec"]["ports"]
    assert find("ConfigMap", "settings")["data"]["LOADTEST_TARGET"] == f"http://backend:{backend['port']}"
    for manifest, pod in pods(OURS):
        for container in pod["containers"]:
            for port in container.get("ports", []):
                expected = ports | {"http": backend["port"]}
                assert port["containerPort"] == expected[port["name"]], manifest


def test_a_service_leads_to_the_pods_that_it_is_meant_for() -> None:
    labels = {
        m.name: (m.content.get("spec", {}).get("template", m.content))["metadata"]["labels"] for m, _ in pods(OURS)
    }
    for service, expected in (("master", {"master"}), ("backend", {"backend"}), ("run-master", {"run-master"})):
        selector = find("Service", service)["spec"]["selector"].items()
        assert {name for name, found in labels.items() if selector <= found.items()} == expected


def test_workers_are_sent_to_the_master_of_their_own_instance() -> None:
    for name, service in (("worker", "master"), ("run-worker", "run-master")):
        (pod,) = [pod for manifest, pod in pods(OURS) if manifest.name == name]
        assert variables(pod["containers"][0])["LOADTEST_MASTER_HOST"] == service


def test_a_variable_that_pods_get_is_one_that_the_docs_explain() -> None:
    explained = set(re.findall(r"`(LOADTEST_[A-Z_]+)`", (ROOT / "docs/cli.md").read_text("utf-8")))
    for manifest, pod in pods(OURS):
        for container in pod["containers"]:
            given = {name for name in variables(container) if name.startswith("LOADTEST_")}
            assert given <= explained, manifest


def test_no_variable_of_kubernetes_making_gets_in_the_way() -> None:
    """A Service named loadtest-master would be a variable LOADTEST_MASTER_PORT=tcp://… in every pod."""
    assert all(pod["enableServiceLinks"] is False for _, pod in pods(OURS))


def test_a_pod_has_time_to_drain_before_it_is_killed() -> None:
    for manifest, pod in pods(OURS):
        if "loadtest:" in pod["containers"][0]["image"] and "args" in pod["containers"][0]:
            if manifest.name == "make-secret":
                continue
            assert pod["terminationGracePeriodSeconds"] >= 2 * LEAVE_S + 10, manifest


def test_workers_have_a_core_each_and_no_limit_to_be_throttled_by() -> None:
    for manifest, pod in pods(OURS):
        for container in pod["containers"]:
            assert "cpu" not in container["resources"].get("limits", {}), manifest
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), manifest


def test_only_the_workers_have_a_disruption_budget() -> None:
    """One on the single master would block every drain of its node."""
    budgets = [manifest.content for manifest in manifests() if manifest.kind == "PodDisruptionBudget"]
    (budget,) = budgets
    assert budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"


def test_a_budget_that_says_how_many_may_be_missing_is_of_pods_that_have_a_scale() -> None:
    """A Job has none: with one such pod under `maxUnavailable`, no pod may be evicted (SyncFailed)."""
    for budget in (manifest.content["spec"] for manifest in manifests() if manifest.kind == "PodDisruptionBudget"):
        wanted = budget["selector"]["matchLabels"].items()
        kinds = [
            manifest.kind
            for manifest in manifests()
            if manifest.kind in ("Deployment", "Job")
            and wanted <= manifest.content["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert kinds == ["Deployment"]
        assert "maxUnavailable" in budget


def test_probes_ask_what_they_are_meant_to_know() -> None:
    for name in ("worker", "run-worker"):
        (pod,) = [pod for manifest, pod in pods(OURS) if manifest.name == name]
        (container,) = pod["containers"]
        path = variables(container)["LOADTEST_STATE_FILE"]
        assert path is not None
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert path in " ".join(container[probe]["exec"]["command"]), probe
        assert "joined" in container["readinessProbe"]["exec"]["command"]
    (pod,) = [pod for manifest, pod in pods(OURS) if manifest.name == "master"]
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/healthz"


def test_a_run_that_has_ended_is_not_run_again_but_a_lost_master_is_replaced() -> None:
    job = find("Job", "run-master")["spec"]
    first, second = job["podFailurePolicy"]["rules"]
    assert (first["action"], second["action"]) == ("FailJob", "Ignore")
    assert set(first["onExitCodes"]["values"]) == {1, 2, 3, 4, 130}  # every code of a run but 0; 137 is a kill
    assert second["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert job["backoffLimit"] > 0
    assert job["podReplacementPolicy"] == "Failed"
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert "LOADTEST_RUN_ID" in variables(job["template"]["spec"]["containers"][0])


def test_an_example_is_not_applied_with_the_folder() -> None:
    assert not [manifest for manifest in APPLIED if manifest.kind in ("HorizontalPodAutoscaler", "LocustTest")]
    assert find("HorizontalPodAutoscaler", "worker")["spec"]["behavior"]["scaleDown"] == {"selectPolicy": "Disabled"}
