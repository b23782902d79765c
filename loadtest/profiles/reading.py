"""A profile's text becomes a Profile, or a ProfileError with everything that is wrong. Files are found by `files`."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from loadtest.errors import ProfileError
from loadtest.profiles import checks, slo_checks
from loadtest.profiles.document import Document
from loadtest.profiles.group import name_problem
from loadtest.profiles.masking import scrub, secrets_in
from loadtest.profiles.overrides import Overrides, apply
from loadtest.profiles.problems import KeyPath, Origin, Problems
from loadtest.profiles.profile import AnyGroup, Profile, kind_of
from loadtest.profiles.values import Text
from loadtest.profiles.wording import findings
from loadtest.schedule import Plan, duration_text
from loadtest.slo import Threshold, parse

__all__ = ["load"]

NOTHING: Mapping[str, str] = MappingProxyType({})
UNCHANGED = Overrides()
_MOST_USERS = 10_000_000


def load(
    text: str, *, path: str = "<profile>", environ: Mapping[str, str] = NOTHING, overrides: Overrides = UNCHANGED
) -> Profile:
    """Read a profile; `path` is what its problems are told with, `environ` what `${…}` stands for.

    Raises ProfileError with every problem as `path:line: key.path: what is wrong`.
    """
    document = Document(text, path, environ)
    apply(overrides, document)
    document.problems.settle()
    secrets = {environ[name] for name in document.used} | set(secrets_in(document.data))
    profile = None
    if isinstance(document.data, dict):
        profile = _Draft(document).profile(overrides)
    else:
        document.problems.add((), "must be a mapping with name, target, users, load and slo")
    if profile is None:
        raise ProfileError([scrub(line, secrets) for line in document.problems.lines()])
    profile._secrets = frozenset(secret for secret in secrets if secret)  # noqa: SLF001 - made here
    return profile


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    if name == "users":
        return TypeAdapter(AnyGroup)
    if name == "slo":
        return TypeAdapter(tuple[Text, ...])
    field = Profile.model_fields[name]
    return TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type] # the field's own type


class _Draft:
    """A profile on its way: sections are checked one by one, so that one's mistakes don't hide another's."""

    def __init__(self, document: Document) -> None:
        self.problems: Problems = document.problems
        self.given = {key: value for key, value in document.data.items() if value is not None}
        self.parts: dict[str, Any] = {}

    def profile(self, overrides: Overrides) -> Profile | None:
        """Check everything; None when there are problems."""
        for key, text in Profile.key_problems(self.given):
            self.problems.add((key,), text)
        for name in Profile.model_fields:
            if name in self.given and name not in ("users", "slo"):
                self._section(name)
        names = self._users(self.given.get("users", {}))
        if "load" in self.parts and names:
            checks.check_load(self.parts["load"], self.parts["users"], names, self.problems)
        self._slo(names)
        plan = self._plan(overrides)
        if plan is None or not self._phases(plan):
            return None
        profile = Profile.model_construct(**self.parts)
        profile._plan = plan  # noqa: SLF001 - made here
        profile._changes = _changes(overrides)  # noqa: SLF001 - made here
        return profile

    def _section(self, name: str) -> None:
        ok, value = self._checked(name, self.given[name], (name,))
        if ok:
            self.parts[name] = value

    def _checked(self, name: str, given: Any, at: KeyPath) -> tuple[bool, Any]:
        try:
            return True, _adapter(name).validate_python(given)
        except ValidationError as error:
            for location, text, _ in findings(error):
                self.problems.add((*at, *location), text)
            return False, None

    def _users(self, given: Any) -> list[str]:
        """Check every group; returns the names of all, also of the broken ones."""
        groups = self.parts["users"] = {}
        if not isinstance(given, dict) or ("users" in self.given and not given):
            text = "needs at least one group of users" if given == {} else "must be a mapping of group names to groups"
            self.problems.add(("users",), text)
            return []
        for name, group in given.items():
            if problem := name_problem(name):
                self.problems.add(("users", name), problem)
            ok, value = self._checked("users", {} if group is None else group, ("users", name))
            if ok:
                groups[name] = value
        return list(given)

    def _slo(self, names: list[str]) -> None:
        given = self.given.get("slo", [])
        ok, texts = self._checked("slo", given, ("slo",))
        self.parts["slo"] = ()
        thresholds: list[Threshold] = []
        kinds = {name: kind_of(self.given["users"][name]) or "rest" for name in names}
        if not (ok and names and texts):
            return
        for index, text in enumerate(texts):
            try:
                threshold = parse(text, kinds)
            except ValueError as error:
                self.problems.add(("slo", index), str(error))
                continue
            thresholds.append(threshold)
            if threshold.scope in self.parts["users"] or len(self.parts["users"]) == len(names):
                self._producible(threshold, index)
        self.parts["slo"] = tuple(thresholds)

    def _producible(self, threshold: Threshold, index: int) -> None:
        target = self.parts.get("target")
        clock = None if target is None else target.clock is not None
        if text := slo_checks.threshold_problem(threshold, self.parts["users"], clock=clock):
            self.problems.add(("slo", index), text)

    def _phases(self, plan: Plan) -> bool:
        """Check that the load has what the SLOs are about."""
        for index, threshold in enumerate(self.parts["slo"]):
            if text := slo_checks.phase_problem(threshold, plan):
                self.problems.add(("slo", index), text)
        return not self.problems

    def _plan(self, overrides: Overrides) -> Plan | None:
        if overrides.users is not None and not 1 <= overrides.users <= _MOST_USERS:
            self._option("--users (or LOADTEST_USERS)", f"must be from 1 to {_MOST_USERS}")
        if overrides.duration is not None and not 0 < overrides.duration < float("inf"):
            self._option("--duration (or LOADTEST_DURATION)", "must be more than 0")
        if self.problems:
            return None
        plan = checks.plan_of(self.parts["load"], self.parts["users"])
        if overrides.users is not None and not plan.peak:
            self._option("--users (or LOADTEST_USERS)", "has nobody to rescale: every group has a rate; --set that")
            return None
        return plan.scaled(overrides.users, overrides.duration)

    def _option(self, option: str, text: str) -> None:
        self.problems.found.append((Origin(option=option), (), text))


def _changes(overrides: Overrides) -> str:
    users = f"--users {overrides.users}" if overrides.users is not None else ""
    length = f"--duration {duration_text(overrides.duration)}" if overrides.duration is not None else ""
    return " ".join(part for part in (users, length) if part)
