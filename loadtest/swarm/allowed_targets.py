"""Which targets the page may aim at: those of the profiles, and those that LOADTEST_ALLOWED_TARGETS lists."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from loadtest.errors import UsageError
from loadtest.profiles import Profile
from loadtest.profiles.target import read_urls

__all__ = ["Allowed"]

ALLOWED = "LOADTEST_ALLOWED_TARGETS"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Profile -> the targets it names; `always` holds for each."""

    named: Mapping[str, frozenset[str]]
    always: frozenset[str]

    @classmethod
    def read(cls, profiles: Mapping[str, Profile], environ: Mapping[str, str], host: str | None) -> "Allowed":
        """Take them from profiles, the environment and Locust's --host.

        Raises:
            UsageError: the variable or --host holds no URLs.
        """
        given = environ.get(ALLOWED)
        try:
            listed = read_urls(given) if given else ()
        except ValueError as problem:
            raise UsageError(f"{ALLOWED}: {problem}") from None
        try:
            listed += read_urls(host) if host else ()
        except ValueError as problem:
            raise UsageError(f"--host: {problem}") from None
        named = {name: frozenset(profile.target.urls) for name, profile in profiles.items()}
        return cls(named, frozenset(listed))

    def of(self, profile: str | None) -> Collection[str]:
        """The targets of a run of this profile; without one, those that hold for each."""
        return self.named.get(profile or "", frozenset()) | self.always
