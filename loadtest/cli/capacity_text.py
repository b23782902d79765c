"""How `doctor` and `plan` print limits: a line each, and a sentence on the one that is met first."""

from collections.abc import Sequence

from loadtest.capacity import Limit, Needs

__all__ = ["first_limit", "limit_lines"]

MARKS = {"ok": "ok", "tight": "TIGHT", "exceeded": "TOO LITTLE"}


def limit_lines(found: Sequence[Limit], *, with_load: bool) -> list[str]:
    """A line for each limit: what there is, how many users it allows and, for a load, how much of it that takes."""
    lines = []
    for limit in found:
        allows = "" if limit.allows is None else f"{limit.allows:,} users"
        share = f"{limit.share:.0%}" if limit.share >= 0.01 or not limit.share else "<1%"  # noqa: PLR2004 - a percent
        taken = f"{share:>5}  {MARKS[limit.outcome]}" if with_load else ""
        lines.append(f"  {limit.name:<12} {limit.has:<48} {allows:>18}  {taken}".rstrip())
    return lines


def first_limit(found: Sequence[Limit], needs: Needs) -> str:
    """Say which limit is met first and with how many users of this mix, and what to do about it."""
    bounds = [limit for limit in found if limit.allows is not None]
    if not bounds:
        return "no limit that depends on the users could be read"
    first = min(bounds, key=lambda limit: limit.allows or 0)
    exceeded = [limit for limit in found if limit.outcome == "exceeded"]
    if exceeded:
        worst = exceeded[0]
        return f"it does not fit: {worst.name} ({worst.share:.0%} of {worst.has}). Remedy: {worst.remedy}"
    where = f"{needs.workers} worker{'s' * (needs.workers > 1)} on {needs.hosts} machine{'s' * (needs.hosts > 1)}"
    return f"{first.name} are met first, with {first.allows:,} users on {where}. Then: {first.remedy}"
