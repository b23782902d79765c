"""The profiles that this process can run: those of the folder, and the one that was chosen."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtest import profiles
from loadtest.errors import ProfileError
from loadtest.profiles import Overrides, Profile

__all__ = ["Catalog"]

logger = logging.getLogger(__name__)

DEFAULT_FOLDER = "profiles"


@dataclass(slots=True)
class Catalog:
    """Profiles by name. Master and workers read the same folder; each process resolves `${…}` from its environment."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    chosen: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Catalog":
        """Read the folder LOADTEST_PROFILES and the profile LOADTEST_PROFILE (a name in it, or a path).

        A broken profile that nobody chose is logged and left out.

        Raises:
            ProfileError: the chosen profile cannot be used.
        """
        catalog = cls()
        overrides = Overrides.from_environ(environ)
        target_only = Overrides(target=overrides.target)
        wanted = environ.get("LOADTEST_PROFILE", "")
        for name, path in profiles.discover(Path(environ.get("LOADTEST_PROFILES") or DEFAULT_FOLDER)).items():
            if wanted in (name, str(path)):
                continue
            try:
                catalog._add(profiles.load_file(path, environ, target_only))
            except ProfileError as problem:
                logger.warning("left out a profile that cannot be used:\n%s", problem)
        if wanted:
            path = profiles.find(wanted, environ)
            chosen = profiles.load_file(path, environ, overrides)
            catalog._add(chosen)
            catalog.chosen = chosen.name
        return catalog

    def _add(self, profile: Profile) -> None:
        self.profiles[profile.name] = profile

    def digests(self) -> dict[str, dict[str, str]]:
        """Profile -> section -> digest, to compare at the join."""
        return {name: profile.digests() for name, profile in self.profiles.items()}
