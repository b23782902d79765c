"""Whether the groups' shares and counts fit the load. Whether the SLOs can be judged is slo_checks.py's."""

from collections.abc import Mapping, Sequence

from loadtest.profiles.problems import Problems
from loadtest.profiles.rest import RestGroup
from loadtest.profiles.websocket_group import WebSocketGroup
from loadtest.profiles.wording import hint
from loadtest.schedule import Plan, Stage

__all__ = ["AnyGroup", "check_load", "plan_of"]

AnyGroup = WebSocketGroup | RestGroup
AnyLoad = tuple[Stage, ...] | dict[str, tuple[Stage, ...]]


def plan_of(load: AnyLoad, groups: Mapping[str, AnyGroup]) -> Plan:
    """Draw the plan, as the profile has it."""
    pools = {name: pool for name, group in groups.items() if (pool := group.pool)}
    if isinstance(load, dict):
        return Plan.per_group({name: load.get(name, ()) for name in groups if name not in pools}).beside(pools)
    return Plan.over_total(load, {name: groups[name].part for name in groups if name not in pools}).beside(pools)


def check_load(load: AnyLoad, groups: Mapping[str, AnyGroup], names: Sequence[str], problems: Problems) -> None:
    """Check the stages, and the groups' shares and counts against them; `names` are all groups, also broken ones."""
    closed = {name: group for name, group in groups.items() if group.pool is None}
    names = [name for name in names if name in closed or name not in groups]
    if isinstance(load, dict):
        _check_names(load, groups, names, problems)
        known = {name: stages for name, stages in load.items() if name in names}
        plan = Plan.per_group(known)
    else:
        plan = Plan.over_total(load, {name: group.part for name, group in closed.items()})
    _check_ends(load, problems)
    if not plan.duration:
        problems.add(("load",), "takes no time: give it a hold, a spike, or a ramp with an over of more than 0s")
    elif not plan.peak and names:
        problems.add(("load",), "never has a user: ramp or step to more than 0")
    elif plan.peak and not names:
        problems.add(("load",), "has users for nobody, since every group has a rate: hold for as long as the run lasts")
    else:
        if not isinstance(load, dict):
            _check_counts(plan.peak, closed, complete=len(closed) == len(names), problems=problems)
        _check_cuts(plan.duration, groups, problems)


def _check_ends(load: AnyLoad, problems: Problems) -> None:
    lists = load if isinstance(load, dict) else {"": load}
    for name, stages in lists.items():
        if not stages[-1].seconds and stages[-1].kind in ("step", "ramp"):
            place = ("load", name, len(stages) - 1) if name else ("load", len(stages) - 1)
            problems.add(place, "is over at once where it stands last: let a hold follow")


def _check_names(
    load: Mapping[str, object], groups: Mapping[str, AnyGroup], names: Sequence[str], problems: Problems
) -> None:
    for name in load:
        if name in groups and groups[name].pool is not None:
            problems.add(("load", name), f"has a rate, which has its stages in users.{name}.pace.rate: leave it out")
        elif name not in names:
            problems.add(("load", name), f"there is no group of this name{hint(name, names)}")
    for name in names:
        if name not in load:
            problems.add(("load",), f"has no stages for {name}: give every group its own, or one list for all of them")
    for name, group in groups.items():
        for key in ("share", "count"):
            if getattr(group, key) is not None:
                problems.add(("users", name, key), "means nothing where each group has a load of its own: leave it out")


def _check_counts(peak: int, groups: Mapping[str, AnyGroup], *, complete: bool, problems: Problems) -> None:
    counts = {name: group.count for name, group in groups.items() if group.count is not None}
    total = sum(counts.values())
    last = next(reversed(counts), "")
    place = ("users", last, "count")
    if total > peak:
        said = f"{total} users together with the other counts" if len(counts) > 1 else f"{total} users"
        problems.add(place, f"makes {said}, but the load never has more than {peak}")
    elif complete and len(counts) == len(groups) and total < peak:
        problems.add(
            place, f"leaves {peak - total} of the load's {peak} users to nobody: give a group a share, or raise a count"
        )
    elif complete and len(counts) < len(groups) and total == peak:
        others = ", ".join(name for name in groups if name not in counts)
        problems.add(place, f"leaves no users for {others}: all {peak} are counted out")


def _check_cuts(duration: float, groups: Mapping[str, AnyGroup], problems: Problems) -> None:
    for name, group in groups.items():
        if isinstance(group, WebSocketGroup) and (group.session.cut_every or 0) >= duration:
            problems.add(("users", name, "session", "cut_every"), "never happens: the load is over before")
