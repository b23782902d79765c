"""Needs: what a profile asks of the machines that its workers run on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtest.placement import Placement, place
from loadtest.profiles import Profile, RestGroup, WebSocketGroup

__all__ = ["Needs", "needs_of", "peak_time", "request_rate"]

TIME_WAIT_S = 60.0
"""How long Linux keeps the port of a connection that was closed on this side (TCP_TIMEWAIT_LEN)."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What `workers` workers on `hosts` machines need at the peak of a profile."""

    workers: int
    hosts: int
    users: int
    targets: int
    """Distinct addresses that connections go to."""
    churn: float = 0.0
    """Connections that are closed and made again, per second and at most."""
    requests: float | None = None
    """Requests per second, at most; None where answers decide it."""
    placement: Placement = field(default_factory=dict)
    """worker -> group -> users, at the peak."""

    @property
    def users_per_worker(self) -> int:
        """Users of the worker that has most; each holds one connection."""
        most = max((sum(groups.values()) for groups in self.placement.values()), default=0)
        return max(most, -(-self.users // self.workers))

    @property
    def workers_per_host(self) -> int:
        """Workers of the machine that has most."""
        return -(-self.workers // self.hosts)

    @property
    def connections_per_host(self) -> int:
        """Connections of the machine that has most, at the peak."""
        return min(self.users, self.users_per_worker * self.workers_per_host)

    @property
    def waiting_per_host(self) -> int:
        """Ports of connections that were closed in the last minute: kept only where this side closed first."""
        return round(self.churn * TIME_WAIT_S * self.workers_per_host / self.workers)


def peak_time(profile: Profile) -> float:
    """The first time (s) at which the plan has its most users."""
    t: float | None = 0.0
    best, most = 0.0, -1
    while t is not None and most < profile.plan.peak + profile.plan.connections:
        count = sum(profile.plan.users_at(t).values())
        if count > most:
            best, most = t, count
        t = profile.plan.next_change(t)
    return best


def request_rate(profile: Profile, users: Mapping[str, int]) -> float | None:
    """Requests per second that these users make at most; None where only the answers hold them back.

    `every` is exact, and so is `rate` at its highest. With `pause` an answer takes time as well: users / mean pause is
    an upper bound.
    """
    total = 0.0
    for name, group in profile.users.items():
        if not isinstance(group, RestGroup) or not users.get(name):
            continue
        pace = group.pace
        if pace.rate is not None:
            total += profile.plan.arrivals[name].peak
        elif pace.every is not None:
            total += users[name] / pace.every
        elif pace.pause is not None and pace.pause.low + pace.pause.high > 0:
            total += users[name] / ((pace.pause.low + pace.pause.high) / 2)
        else:
            return None
    return total


def _churn(profile: Profile, users: Mapping[str, int]) -> float:
    """Connections closed and made again per second, on average, by what the profile says of sessions."""
    total = 0.0
    for name, group in profile.users.items():
        if not isinstance(group, WebSocketGroup):
            continue
        session = group.session
        if session.cut_every is not None:
            total += users.get(name, 0) / session.cut_every
        elif session.length is not None:
            total += users.get(name, 0) / ((session.length.low + session.length.high) / 2)
    return total


def needs_of(profile: Profile, workers: int, hosts: int = 1) -> Needs:
    """What a profile needs at its peak, on that many workers and machines."""
    users = profile.plan.users_at(peak_time(profile))
    names = [f"worker {index + 1}" for index in range(workers)]
    return Needs(
        workers=workers,
        hosts=min(hosts, workers),
        users=sum(users.values()),
        targets=len(set(profile.target.urls)),
        churn=_churn(profile, users),
        requests=request_rate(profile, users),
        placement=place({}, names, users),
    )
