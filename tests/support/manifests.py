"""The manifests of k8s/ as objects, and the pods in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = ["K8S", "Manifest", "manifests", "pods"]

K8S = Path(__file__).parents[2] / "k8s"


class Manifest(NamedTuple):
    """One object and the file that it stands in."""

    file: str
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind, such as Deployment."""
        return str(self.content["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.content["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.file}:{self.kind}/{self.name}"


def manifests(*folders: str) -> list[Manifest]:
    """Every object in these folders of k8s/ ("": k8s/ itself), in the order of application."""
    found = []
    for folder in folders or ("", "run", "run/fetch", "examples"):
        for path in sorted((K8S / folder).glob("*.yaml")):
            documents = yaml.safe_load_all(path.read_text("utf-8"))
            found += [Manifest(str(path.relative_to(K8S)), content) for content in documents]
    return found


def pods(found: list[Manifest]) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Each object that makes pods, and their spec."""
    for manifest in found:
        if manifest.kind in ("Deployment", "Job"):
            yield manifest, manifest.content["spec"]["template"]["spec"]
        elif manifest.kind == "Pod":
            yield manifest, manifest.content["spec"]
