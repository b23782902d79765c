"""How many users of each group each worker runs: even, and with as few moves as possible. Plain numbers, no clock."""

from collections.abc import Mapping, Sequence

__all__ = ["Placement", "moves", "place"]

Placement = dict[str, dict[str, int]]
"""worker -> group -> users"""


def place(current: Mapping[str, Mapping[str, int]], workers: Sequence[str], target: Mapping[str, int]) -> Placement:
    """Spread `target` users of each group over `workers`, evenly to within one of each group.

    Each worker gets the group's even share, rounded down; the users that remain go one each to the workers that
    already run more than that (so that nobody moves), then to those with the fewest users in all. Among the even
    placements none stops fewer users. Users of workers that are gone are simply missing, and are placed like new ones.
    """
    placement: Placement = {worker: {} for worker in workers}
    if not workers:
        return placement
    running = {worker: dict(current.get(worker, {})) for worker in workers}
    totals = dict.fromkeys(workers, 0)
    for group, users in target.items():
        share, remaining = divmod(users, len(workers))
        by_need = sorted(workers, key=lambda w: (running[w].get(group, 0) <= share, totals[w], w))
        for rank, worker in enumerate(by_need):
            placement[worker][group] = share + (rank < remaining)
            totals[worker] += placement[worker][group]
    return placement


def moves(current: Mapping[str, Mapping[str, int]], new: Mapping[str, Mapping[str, int]]) -> int:
    """How many users must stop on the workers that stay, to get from one placement to another."""
    return sum(
        max(0, users - new[worker].get(group, 0))
        for worker, groups in current.items()
        if worker in new
        for group, users in groups.items()
    )
