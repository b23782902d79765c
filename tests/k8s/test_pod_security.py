"""k8s/ under the Pod Security Standard "restricted", and who may reach whom.

The rules are those of kubernetes.io, "Pod Security Standards", profiles Baseline and Restricted.
"""

from typing import Any

import pytest
from manifests import Manifest, manifests, pods

OURS = [manifest for manifest in manifests() if manifest.content["apiVersion"] != "locust.cloud/v1"]
PODS = list(pods(OURS))
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
}


def breaches(pod: dict[str, Any]) -> list[str]:
    """What "restricted" would refuse in a pod."""
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    for volume in pod.get("volumes", []):
        found += [f"volume {kind}" for kind in volume.keys() - {"name"} - VOLUMES]
    context = pod.get("securityContext", {})
    found += [f"sysctl {entry['name']}" for entry in context.get("sysctls", []) if entry["name"] not in SYSCTLS]
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        own = container.get("securityContext", {})
        both = context | own
        capabilities = own.get("capabilities", {})
        wrong = {
            "runAsNonRoot": both.get("runAsNonRoot") is not True,
            "runAsUser": both.get("runAsUser") == 0,
            "seccompProfile": both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "privileged": own.get("privileged", False),
            "drop": "ALL" not in capabilities.get("drop", []),
            "add": bool(set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}),
            "procMount": own.get("procMount", "Default") != "Default",
            "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
        }
        found += [name for name, is_wrong in wrong.items() if is_wrong]
    return found


@pytest.mark.parametrize(("manifest", "pod"), PODS, ids=[str(manifest) for manifest, _ in PODS])
def test_a_pod_is_admitted_under_restricted(manifest: Manifest, pod: dict[str, Any]) -> None:
    assert breaches(pod) == [], manifest


def test_the_check_would_notice_a_pod_that_is_not() -> None:
    bare = {"containers": [{"name": "x"}], "hostNetwork": True, "volumes": [{"name": "h", "hostPath": {"path": "/"}}]}
    assert {"hostNetwork", "volume hostPath", "runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation", "drop"} == {
        *breaches(bare)
    }


def test_the_namespace_enforces_it() -> None:
    (namespace,) = [m.content for m in OURS if m.kind == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(("manifest", "pod"), PODS, ids=[str(manifest) for manifest, _ in PODS])
def test_a_container_can_write_nothing_but_what_is_mounted_for_it(manifest: Manifest, pod: dict[str, Any]) -> None:
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, manifest


def test_one_pod_has_a_token_and_may_create_secrets_with_it_and_nothing_else() -> None:
    with_token = [manifest.name for manifest, pod in PODS if pod["automountServiceAccountToken"]]
    assert with_token == ["make-secret"]
    assert all(m.content["automountServiceAccountToken"] is False for m in OURS if m.kind == "ServiceAccount")
    (role,) = [m.content for m in OURS if m.kind in ("Role", "ClusterRole")]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]
    (binding,) = [m.content for m in OURS if m.kind in ("RoleBinding", "ClusterRoleBinding")]
    assert [subject["name"] for subject in binding["subjects"]] == ["make-secret"]


def test_every_role_has_an_account_of_its_own() -> None:
    accounts = {m.name for m in OURS if m.kind == "ServiceAccount"}
    assert {pod["serviceAccountName"] for _, pod in PODS} == accounts


def test_the_keys_are_files_that_nobody_but_the_pods_user_reads() -> None:
    for manifest, pod in PODS:
        secrets = [volume["secret"] for volume in pod.get("volumes", []) if "secret" in volume]
        assert all(secret["defaultMode"] == 0o440 for secret in secrets), manifest
        given = [entry for container in pod["containers"] for entry in container.get("env", [])]
        inline = [entry["name"] for entry in given if "KEY" in entry["name"] or "PASSWORD" in entry["name"]]
        assert all(name.endswith("_FILE") for name in inline), manifest


def test_pods_get_the_cluster_key_and_only_the_page_gets_what_logs_in_to_it() -> None:
    for manifest, pod in PODS:
        secrets = [volume["secret"] for volume in pod.get("volumes", []) if "secret" in volume]
        given = {secret["secretName"]: [item["key"] for item in secret["items"]] for secret in secrets}
        assert given.pop("loadtest", ["cluster-key"]) == ["cluster-key"]
        assert given == ({"loadtest-web": ["password", "token"]} if manifest.name == "master" else {}), manifest


def test_what_pods_wait_for_is_what_the_job_makes() -> None:
    (job,) = [pod for manifest, pod in PODS if manifest.name == "make-secret"]
    parts = " ".join(job["containers"][0]["args"]).split(" , ")
    made = {name: keys for name, *keys in map(str.split, parts)}
    for manifest, pod in PODS:
        for volume in pod.get("volumes", []):
            if "secret" in volume:
                keys = [item["key"] for item in volume["secret"]["items"]]
                assert keys == made[volume["secret"]["secretName"]], manifest


def test_the_page_reads_its_login_from_where_it_is_mounted() -> None:
    (pod,) = [pod for manifest, pod in PODS if manifest.name == "master"]
    (container,) = pod["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert variables["LOADTEST_WEB_PASSWORD_FILE"] == f"{mounts['web']}/password"
    assert variables["LOADTEST_WEB_TOKEN_FILE"] == f"{mounts['web']}/token"


def test_nobody_may_talk_to_anybody_unless_a_policy_says_so() -> None:
    policies = {m.name: m.content["spec"] for m in OURS if m.kind == "NetworkPolicy"}
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (control,) = policies["master"]["ingress"]
    assert control["ports"] == [{"protocol": "TCP", "port": 5557}]
    assert control["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"
    assert "ingress" not in policies["worker"]
    blocks = [peer["ipBlock"] for peer in policies["worker"]["egress"][0]["to"]]
    assert any("169.254.0.0/16" in block["except"] for block in blocks)
    (api,) = policies["make-secret"]["egress"]
    assert {443, 6443, 8443, 16443} == {
        entry["port"] for entry in api["ports"]
    }  # as a Service, kubeadm, minikube, MicroK8s
    components = {m.content["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
                  for m, _ in PODS if m.kind != "Pod"}  # fmt: skip
    assert components == {"master", "worker", "backend", "make-secret"} == policies.keys() - {"nobody", "names"}
