"""What a command works with: the profile that was asked for, what changes it, and how a child process is told.

Precedence is command line, environment, profile: who calls `configure` has put the first two together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtest.errors import UsageError
from loadtest.profiles import DEFAULT_FOLDER, Overrides, Profile, discover, find, load_file
from loadtest.profiles.target import read_urls

__all__ = ["Configuration", "configure", "known_profiles", "profiles_folder"]

SHIPPED = Path(__file__).parents[2] / DEFAULT_FOLDER
"""The profiles that come with a checkout, beside the package."""
PASSED_ON = ("LOCUST_LOGLEVEL",)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where profiles are found, which one was chosen (if any) and what changes it."""

    folder: str
    overrides: Overrides
    path: Path | None = None
    profile: Profile | None = None

    def targets(self) -> tuple[str, ...]:
        """Return the URLs that the load will go to, or ("demo",). Nothing if that is decided on the page.

        Raises UsageError.
        """
        if self.profile is not None:
            return self.profile.target.urls
        if self.overrides.target is None:
            return ()
        try:
            return read_urls(self.overrides.target)
        except ValueError as problem:
            raise UsageError(f"--target (or LOADTEST_TARGET): {problem}") from None

    def environ(self, base: Mapping[str, str], demo: str | None = None) -> dict[str, str]:
        """Return `base` for a child process: it resolves the profile as we did. `demo` is the URL that demo now means.

        Locust's own variables are left out: a run is what the command line and LOADTEST_… say, and nothing else.
        """
        changes = self.overrides
        settings: dict[str, object] = {
            "LOADTEST_PROFILES": self.folder,
            "LOADTEST_PROFILE": self.path,
            "LOADTEST_TARGET": demo or changes.target,
            "LOADTEST_USERS": changes.users,
            "LOADTEST_DURATION": changes.duration,
            "LOADTEST_SET": json.dumps(changes.settings) if changes.settings else None,
        }
        kept = {name: text for name, text in base.items() if not name.startswith("LOCUST_") or name in PASSED_ON}
        kept = {name: text for name, text in kept.items() if name not in settings}
        return kept | {name: str(value) for name, value in settings.items() if value is not None}


def profiles_folder(environ: Mapping[str, str]) -> str:
    """Return LOADTEST_PROFILES, else `profiles` here, else the profiles beside the package."""
    given = environ.get("LOADTEST_PROFILES")
    if given or Path(DEFAULT_FOLDER).is_dir() or not discover(SHIPPED):
        return given or DEFAULT_FOLDER
    return str(SHIPPED)


def configure(wanted: str | None, overrides: Overrides, environ: Mapping[str, str]) -> Configuration:
    """Find and check the profile; `wanted` is a path or a name. Raises ProfileError with every problem."""
    folder = profiles_folder(environ)
    if not wanted:
        return Configuration(folder, overrides)
    environ = {**environ, "LOADTEST_PROFILES": folder}
    path = find(wanted, environ)
    return Configuration(folder, overrides, path, load_file(path, environ, overrides))


def known_profiles(environ: Mapping[str, str]) -> str:
    """Say which profiles there are, in words."""
    folder = profiles_folder(environ)
    names = ", ".join(discover(folder))
    return f"in {folder} there are {names}" if names else f"there are none in {folder}"
