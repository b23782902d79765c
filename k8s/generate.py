"""Writes k8s/11-profiles.yaml, the ConfigMap of the profiles, out of a folder of them. `make k8s-profiles` calls it.

Usage: python k8s/generate.py [FOLDER] > k8s/11-profiles.yaml      (default: profiles)
"""

import json
import sys
from pathlib import Path

LIMIT = 2**18 - 1024
"""Bytes as JSON: `kubectl apply` keeps what was applied in an annotation; all of an object's may have 256 KiB."""

HEAD = """\
# Generated from profiles/ by `make k8s-profiles`; a test keeps it in step. What master and workers mount as profiles.
apiVersion: v1
kind: ConfigMap
metadata:
  name: profiles
  namespace: loadtest
  labels: {app.kubernetes.io/part-of: loadtest}
data:
"""


def config_map(folder: Path) -> str:
    """Return the manifest with each `*.yaml` of the folder as a literal block.

    Raises:
        ValueError: a file has a tab or a space at the end of a line, which a literal block would show badly, or all
            together are too large.
    """
    parts, size = [HEAD], 0
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text("utf-8")
        if "\t" in text or any(line != line.rstrip() for line in text.splitlines()):
            raise ValueError(f"{path}: tabs, or spaces at the end of a line")
        lines = "".join(f"    {line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))
        parts.append(f"  {path.name}: |\n{lines}")
        size += len(json.dumps({path.name: text}))
    if size > LIMIT:
        raise ValueError(
            f"{folder}: the profiles are larger than `kubectl apply` takes ({size:,} bytes, not {LIMIT:,})"
        )
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(config_map(Path(sys.argv[1] if len(sys.argv) > 1 else "profiles")))
