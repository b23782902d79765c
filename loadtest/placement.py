"""How many users of each group each worker runs: even, and with as few moves as possible. Plain numbers, no clock."""

import heapq
import math
from collections.abc import Mapping, Sequence

__all__ = ["Arrears", "Placement", "moves", "place", "settle"]

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


def settle(current: Mapping[str, Mapping[str, int]], workers: Sequence[str], target: Mapping[str, int]) -> Placement:
    """Get to `target` without moving anybody: what comes goes to those with the fewest, what leaves to those with most.

    For workers that are not evenly loaded on purpose, such as one that came back empty: to even them out would
    disconnect users for no fault of theirs.
    """
    placement: Placement = {worker: dict(current.get(worker, {})) for worker in workers}
    totals = {worker: sum(groups.values()) for worker, groups in placement.items()}
    for group, users in target.items():
        change = users - sum(groups.get(group, 0) for groups in placement.values())
        step = 1 if change > 0 else -1
        queue = [(step * placement[w].get(group, 0), step * totals[w], w) for w in workers]
        heapq.heapify(queue)
        for _ in range(abs(change) if queue else 0):
            of_group, total, worker = queue[0]
            heapq.heapreplace(queue, (of_group + 1, total + 1, worker))
        for of_group, total, worker in queue:
            placement[worker][group], totals[worker] = step * of_group, step * total
    return placement


class Arrears:
    """The users of lost workers that are still to be placed again: at a rate, or reconnecting them is a storm."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}
        self._paid_at = 0.0

    def __bool__(self) -> bool:
        return any(owed > 0 for owed in self._owed.values())

    def owe(self, users: Mapping[str, int]) -> None:
        """These are to be placed again."""
        for group, count in users.items():
            self._owed[group] = self._owed.get(group, 0.0) + count

    def pay(self, now: float, rate: float) -> None:
        """Time has passed: at `rate` users a second over all groups, so many less are owed."""
        passed, self._paid_at = now - self._paid_at, now
        total = sum(self._owed.values())
        if not total or not rate:
            return
        share = 0.0 if math.isinf(rate) else max(0.0, 1.0 - rate * passed / total)
        self._owed = {group: owed * share for group, owed in self._owed.items()}

    def hold_back(self, current: Mapping[str, Mapping[str, int]], placement: Placement) -> Placement:
        """The placement without the starts that are owed; what the plan does not want any more is not owed either."""
        held = {worker: dict(groups) for worker, groups in placement.items()}
        for group, owed in self._owed.items():
            starts = {w: groups.get(group, 0) - current.get(w, {}).get(group, 0) for w, groups in placement.items()}
            starts = {worker: count for worker, count in starts.items() if count > 0}
            wanted = sum(starts.values())
            self._owed[group] = min(owed, float(wanted))
            left = wanted - math.ceil(self._owed[group])
            for worker, count in sorted(starts.items(), key=lambda start: start[1]):
                now = -(-left * count // wanted)  # in proportion, and rounded up: the last ones get what is left
                held[worker][group] -= count - min(now, left)
                wanted, left = wanted - count, left - min(now, left)
        return held
