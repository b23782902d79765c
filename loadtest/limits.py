"""Limits: how far a load generator may be pushed before its own timings can't be trusted. Numbers in, names out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["HEALTH_LIMITS", "HealthLimit", "Limits"]


class HealthLimit(NamedTuple):
    """How one limit is told of, and what can be done about it."""

    words: str
    """What a worker was when it was over it."""
    unit: str
    """"ms", "%" of what there is, or "" for a number."""
    remedy: str

    def show(self, value: float) -> str:
        """A value of it as people read it."""
        if self.unit == "%":
            return f"{value * 100:.3g} %"
        if not self.unit:
            return f"{value:g}"
        return f"{value * 1000:.3g} ms" if abs(value) < 1.0 else f"{value * 1000:,.0f} ms"


LOAD = "use more workers or fewer users"
HEALTH_LIMITS = {
    "lag": HealthLimit("late in its event loop", "ms", LOAD),
    "cpu": HealthLimit("busy", "%", LOAD),
    "cpu_wait": HealthLimit("waiting for a CPU that others had", "%", "leave each worker a CPU of its own"),
    "throttled": HealthLimit("stopped by its container's CPU quota", "ms", "raise the container's CPU limit"),
    "gc": HealthLimit("stopped by Python's garbage collector", "ms", LOAD),
    "descriptors": HealthLimit("short of descriptors", "%", "raise ulimit -n, or use more workers"),
    "ports": HealthLimit("short of local ports", "%", "widen net.ipv4.ip_local_port_range or use more hosts"),
    "socket_errors": HealthLimit("out of descriptors, ports or memory", "", "raise that limit, or use more workers"),
    "send_lag": HealthLimit("late with its requests", "ms", LOAD),
    "clock_error": HealthLimit("unsure of the target's clock", "ms", "put workers nearer, or give it a finer clock"),
}
"""Name in a profile -> what it is about."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may reach in a second; above it, the second's timings are left out. Infinite: no such limit.

    `excluded` and `excluded_in_a_row` say how much may be left out before the run is invalid.
    """

    lag: float = 0.1
    """s that the hub ran a timer late"""
    cpu: float = 0.9
    """share of one core that the process used"""
    cpu_wait: float = 0.25
    """share of the second that the hub's thread could have run and had no CPU"""
    throttled: float = 0.05
    """s that the cgroup was throttled"""
    gc: float = 0.1
    """s of the longest pause of the garbage collector"""
    descriptors: float = 0.9
    """share of the soft limit"""
    ports: float = 0.9
    """share of the range of local ports, toward one address and port"""
    socket_errors: float = 0
    """connections that failed for want of something on the worker's machine"""
    send_lag: float = 0.1
    """s that a request went out after it was due"""
    clock_error: float = 1.0
    """s, the bound on the offset to a target's clock"""
    excluded: float = 0.05
    """share of the plateau's worker-seconds"""
    excluded_in_a_row: float = 10.0
    """s on end, of one worker"""

    def exceeded(self, health: Mapping[str, float]) -> dict[str, float]:
        """Limit -> value, for each that a worker's second was over."""
        values = {
            "lag": health.get("lag_max", 0.0),
            "cpu": health.get("cpu", 0.0),
            "cpu_wait": health.get("cpu_wait", 0.0),
            "throttled": health.get("throttled", 0.0),
            "gc": health.get("gc_max", 0.0),
            "descriptors": health.get("descriptors_share", 0.0),
            "ports": health.get("ports_share", 0.0),
            "socket_errors": health.get("socket_errors", 0.0),
            "send_lag": health.get("send_lag", 0.0),
            "clock_error": max(health.get("clock_error", 0.0), health.get("clock_step", 0.0)),
        }
        return {name: value for name, value in values.items() if value > getattr(self, name)}
