"""Print what the images install beside the project itself: its dependencies and the demo backend's, one a line.

Read from pyproject.toml, so that an image's layer of dependencies is made anew only when they change, not with every
change to the code. Usage: python docker/requirements.py [pyproject.toml]
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: Path) -> list[str]:
    """Requirement specifiers, as pip reads them."""
    project = tomllib.loads(pyproject.read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["demo"]]


if __name__ == "__main__":
    print(*requirements(Path(sys.argv[1] if len(sys.argv) > 1 else "pyproject.toml")), sep="\n")
