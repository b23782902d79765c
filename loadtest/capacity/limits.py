"""Which limit of a machine allows how many users, which is met first, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

from loadtest.capacity.machine import Machine
from loadtest.capacity.needs import Needs

__all__ = ["Limit", "limits"]

RESERVED_DESCRIPTORS = 64
"""A worker's own: the control port, clocks, logs, watchers."""
WORKER_BYTES = 110 * 2**20
"""A worker without users: Python, Locust, gevent (RSS, `make bench ONLY=memory`)."""
USER_BYTES = 25_000
"""A user and its connection (the most that `make bench ONLY=memory` allows)."""
PIDS_PER_WORKER = 4

Outcome = Literal["ok", "tight", "exceeded"]
TIGHT = 0.8
"""Above this share of a limit there is no room left for anything unforeseen."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, on the machine that has most to do."""

    name: str
    has: str
    """What the machine has, in words."""
    allows: int | None
    """Users of the whole cluster with which it would be met, at the same mix; None: it does not depend on them."""
    share: float
    """How much of it the load takes: 1 is all."""
    remedy: str

    @property
    def outcome(self) -> Outcome:
        """Whether the load fits."""
        return "exceeded" if self.share > 1 else "tight" if self.share > TIGHT else "ok"


def limits(machine: Machine, needs: Needs) -> list[Limit]:
    """Every limit that could be read, the one that is met first in front."""
    found = [_descriptors(machine, needs), _ports(machine, needs), _memory(machine, needs)]
    found += [_cpu(machine, needs), _conntrack(machine, needs), _pids(machine, needs)]
    return sorted((limit for limit in found if limit is not None), key=lambda limit: -limit.share)


def _descriptors(machine: Machine, needs: Needs) -> Limit | None:
    if machine.descriptors is None:
        return None
    room = max(machine.descriptors - RESERVED_DESCRIPTORS, 1)
    share = needs.users_per_worker / room
    has = f"{machine.descriptors:,} for a process"
    remedy = "more workers (each has this many), or raise it: ulimit -Hn, LimitNOFILE=, or ulimits in compose.yaml"
    return Limit("descriptors", has, room * needs.workers, share, remedy)


def _ports(machine: Machine, needs: Needs) -> Limit | None:
    if machine.ports is None or machine.port_count is None:
        return None
    room = machine.port_count * max(needs.targets, 1)
    share = needs.connections_per_host / room
    several = f" for each of {needs.targets} targets" if needs.targets > 1 else " for one address of a target"
    has = f"{machine.port_count:,} ({machine.ports[0]}-{machine.ports[1]}){several}"
    remedy = (
        "widen it (sysctl net.ipv4.ip_local_port_range='1024 65535'), more machines, or containers (each has its own),"
        " or several addresses of the target"
    )
    return Limit("ports", has, room * needs.hosts, share, remedy)


def _memory(machine: Machine, needs: Needs) -> Limit | None:
    if machine.memory is None:
        return None
    room = machine.memory - needs.workers_per_host * WORKER_BYTES
    taken = needs.connections_per_host * USER_BYTES
    share = taken / room if room > 0 else 2.0
    has = f"{machine.memory / 2**30:.1f} GiB ({machine.memory_by})"
    allows = max(room, 0) // USER_BYTES * needs.hosts
    return Limit("memory", has, allows, share, "more memory, a higher limit of the container, or more machines")


def _cpu(machine: Machine, needs: Needs) -> Limit | None:
    if machine.cpus is None:
        return None
    has = f"{machine.cpus:g} cores ({machine.cpus_by})"
    remedy = "at most one worker for each core, with one left for the master; more machines"
    share = needs.workers_per_host / machine.cpus * TIGHT
    return Limit("CPU", has, None, min(share, 1.0), remedy)  # more workers than cores are slow, not impossible


def _conntrack(machine: Machine, needs: Needs) -> Limit | None:
    if machine.conntrack is None:
        return None
    share = needs.connections_per_host / max(machine.conntrack, 1)
    has = f"{machine.conntrack:,} free entries"
    remedy = "raise net.netfilter.nf_conntrack_max, or exempt the load from tracking (iptables -t raw -j NOTRACK)"
    return Limit("conntrack", has, machine.conntrack * needs.hosts, share, remedy)


def _pids(machine: Machine, needs: Needs) -> Limit | None:
    if machine.pids is None:
        return None
    share = needs.workers_per_host * PIDS_PER_WORKER / max(machine.pids, 1)
    return Limit("processes", f"{machine.pids:,} more", None, share, "a higher pids limit of the container")
