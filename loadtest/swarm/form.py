"""The options that we add to Locust: as fields of the web page's start form and on its command line."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.errors import UsageError
from loadtest.profiles import parse_duration
from loadtest.profiles.target import read_urls

__all__ = ["Wishes", "add_options", "wishes_from"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a start asked for; None and () mean the profile's own."""

    profile: str | None = None
    targets: tuple[str, ...] = ()
    users: int | None = None
    duration: float | None = None


def add_options(parser: ArgumentParser, names: list[str], chosen: str | None) -> None:
    """Add our fields. Locust's own Users and Ramp are required and cannot be blank, so ours have other names.

    Locust's page sorts them by name; these stand in the order in which one fills them in.

    Workers take the options from the master's first spawn message, not from their own command line.
    """
    if names:
        parser.add_argument(
            "--load-profile",
            choices=sorted(names),
            default=chosen if chosen in names else min(names),
            help="what to run",
        )
    parser.add_argument("--peak-users", default="", help="blank: the profile's")
    parser.add_argument("--total-duration", default="", help="such as 90s or 5m; blank: the profile's")


def wishes_from(options: Mapping[str, Any], host: str | None) -> Wishes:
    """Read what the form or the command line said.

    Raises:
        UsageError: a field holds what it cannot hold.
    """
    users = str(options.get("peak_users") or "").strip()
    duration = str(options.get("total_duration") or "").strip()
    if users and not (users.isascii() and users.isdigit() and int(users) > 0):
        raise UsageError(f"Peak users: {users!r} is not a whole number above 0")
    try:
        seconds = parse_duration(duration) if duration else None
    except ValueError as problem:
        raise UsageError(f"Total duration: {problem}") from None
    try:
        targets = read_urls(host) if host and host.strip() else ()
    except ValueError as problem:
        raise UsageError(f"Target: {problem}") from None
    return Wishes(options.get("load_profile"), targets, int(users) if users else None, seconds)
