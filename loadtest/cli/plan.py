"""`loadtest plan`: who connects when, on which worker, and which limit is met first. Starts nothing."""

from argparse import Namespace
from collections.abc import Iterator

from loadtest.capacity import limits, needs_of
from loadtest.cli.arguments import Parser
from loadtest.cli.capacity_text import first_limit, limit_lines
from loadtest.cli.configuration import configure
from loadtest.cli.doctor import add_places, places_in
from loadtest.cli.machine import read_machine
from loadtest.cli.options import add_overrides, overrides_in
from loadtest.cli.world import World
from loadtest.errors import ExitCode
from loadtest.placement import place
from loadtest.profiles import Overrides, Profile
from loadtest.schedule import Plan

__all__ = ["execute", "parser", "times"]

ROWS = 20
BAR = 30
WORKERS_SHOWN = 12

EXAMPLES = """\
examples:
  loadtest plan market-open-burst --workers 4
  loadtest plan market-stream --workers 8 --hosts 4 --users 100000 --duration 10m

Nothing is started. The limits are those of the machine that this runs on.
Exit codes: 0 it fits, 1 it does not, 2 the profile or the command line is wrong.
"""


def parser(world: World) -> Parser:
    """Return the parser of `loadtest plan`."""
    made = Parser("loadtest plan", "Show who connects when, on which worker.", EXAMPLES, world.stdout)
    made.add_argument("profile", metavar="PROFILE", help="path, or name of a file in LOADTEST_PROFILES")
    add_places(made)
    add_overrides(made)
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Print the plan; FAIL if the machine can't hold it."""
    workers, hosts = places_in(namespace, world)
    overrides = overrides_in(namespace).over(Overrides.from_environ(world.environ))
    profile = configure(namespace.profile, overrides, world.environ).profile
    if profile is None:
        raise AssertionError("a profile that was asked for is there")
    needs = needs_of(profile, workers, hosts)
    found = limits(read_machine(), needs)
    world.say(f"\n{profile}\n")
    world.say("\n".join(_over_time(profile, workers)))
    world.say("\n".join(["", "  at the peak", *_peak(needs.placement)]))
    if needs.requests is not None and needs.requests > 0:
        world.say(f"  requests: {needs.requests:,.0f}/s at most")
    if needs.churn > 0:
        waiting = f"where this side closes first, up to {needs.waiting_per_host:,} ports wait for a minute"
        world.say(f"  connections closed and made again: {needs.churn:,.1f}/s ({waiting})")
    title = "limits of this machine" if hosts == 1 else f"limits of {hosts} machines like this one"
    world.say("\n".join(["", f"  {title}", *limit_lines(found, with_load=True)]))
    world.say(f"\n{first_limit(found, needs)}")
    return ExitCode.FAIL if any(limit.outcome == "exceeded" for limit in found) else ExitCode.PASS


def times(plan: Plan, rows: int = ROWS) -> list[float]:
    """About `rows` times (s) that show the shape: evenly spaced, and each moment at which a ramp begins or ends."""
    step = max(plan.duration / rows, 0.001)
    even = [index * step for index in range(rows + 1)]
    borders = (t for track in plan.tracks for piece in track.pieces for t in piece[:2])
    corners = {round(t, 3) for t in borders if t <= plan.duration}
    chosen: list[float] = []
    for t in sorted(corners | {round(t, 3) for t in even}):
        if chosen and t - chosen[-1] < step / 2 and not {t, chosen[-1]} <= corners:
            chosen[-1] = t if t in corners else chosen[-1]
        else:
            chosen.append(t)
    return chosen


def _over_time(profile: Profile, workers: int) -> Iterator[str]:
    """A line for each time; of several alike in a row the first and the last."""
    plan, groups = profile.plan, list(profile.users)
    names = [f"worker {index + 1}" for index in range(workers)]
    width = {name: max(len(name), 7) for name in groups}
    head = "".join(f"  {name:>{width[name]}}" for name in groups)
    yield f"  {'time':>8} {'users':>8}{head}  {'a worker':>11} {'new/s':>8}"
    before, last = 0, 0.0
    placement: dict[str, dict[str, int]] = {}
    shown = times(plan)
    for index, t in enumerate(shown):
        users = plan.users_at(t)
        if 0 < index < len(shown) - 1 and users == plan.users_at(shown[index - 1]) == plan.users_at(shown[index + 1]):
            continue
        placement = place(placement, names, users)
        counts = [sum(of.values()) for of in placement.values()]
        total = sum(users.values())
        each = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"
        rate = (total - before) / (t - last) if t > last and total > before else 0.0
        row = "".join(f"  {users[name]:>{width[name]},}" for name in groups)
        bar = "█" * round(BAR * total / max(plan.peak + plan.connections, 1))
        yield f"  {_clock(t):>8} {total:>8,}{row}  {each:>11} {f'{rate:,.1f}' if rate else '':>8}  {bar}".rstrip()
        before, last = total, t


def _peak(placement: dict[str, dict[str, int]]) -> Iterator[str]:
    for name, groups in list(placement.items())[:WORKERS_SHOWN]:
        held = ", ".join(f"{users:,} {group}" for group, users in groups.items() if users)
        yield f"    {name:<10} {sum(groups.values()):>8,} connections: {held or 'nobody'}"
    if len(placement) > WORKERS_SHOWN:
        yield f"    … and {len(placement) - WORKERS_SHOWN} more like these"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
