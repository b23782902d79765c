"""Options that several commands share: what changes a profile."""

import argparse

from loadtest.profiles import Overrides, parse_duration

__all__ = ["add_overrides", "overrides_in"]


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(float(text)) if text.replace(".", "", 1).isdigit() else parse_duration(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


def _users(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add --target, --users, --duration and --set."""
    parser.add_argument(
        "--target",
        metavar="URL",
        help="http(s)://host:port, several with commas, or demo: the built-in backend, started for this"
        " (default: the profile's; LOADTEST_TARGET)",
    )
    parser.add_argument(
        "--users",
        metavar="N",
        type=_users,
        help="users at the peak; everything is rescaled to it (default: the profile's; LOADTEST_USERS)",
    )
    parser.add_argument(
        "--duration",
        metavar="D",
        type=_seconds,
        help="length of the whole load, such as 90s or 5m (default: the profile's; LOADTEST_DURATION)",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change any key of the profile, such as load.0.ramp=10; may be repeated"
        " (default: nothing; LOADTEST_SET, a JSON list)",
    )


def overrides_in(namespace: argparse.Namespace) -> Overrides:
    """Return what the command line changes."""
    return Overrides(namespace.target, namespace.users, namespace.duration, tuple(namespace.set))
